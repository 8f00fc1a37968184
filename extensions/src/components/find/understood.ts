/** What was understood of the words, as chips: each can be taken back or changed. */
import type { Concept, Understood } from '../backend';
import { button, h } from '../dom';
import { period } from '../format';

export interface UnderstoodOptions {
  /** Take these words as plain words. */
  onLiteral(words: string): void;
  /** Let these words mean something again. */
  onMeaning(words: string): void;
  /** Put other words in their place. */
  onReplace(words: string, by: string): void;
  /** Change the place or the time by hand. */
  onAdopt(what: 'place' | 'time'): void;
}

export interface UnderstoodView {
  element: HTMLElement;
  show(understood: Understood | null, literal: readonly string[]): void;
}

/** Make the chips. */
export function createUnderstood(options: UnderstoodOptions): UnderstoodView {
  const element = h('div', {
    class: 'portal-understood',
    role: 'group',
    'aria-label': 'Understood',
    'data-testid': 'portal-understood',
    hidden: true
  });
  let drawn = '';

  function taken(words: string): HTMLElement {
    return button('×', () => options.onLiteral(words), {
      class: 'portal-chip-x',
      'aria-label': `Take “${words}” as plain words`,
      title: 'Take as plain words'
    });
  }

  function meaning(words: string, text: string, ...more: HTMLElement[]): HTMLElement {
    return h(
      'span',
      { class: 'portal-meaning' },
      h('span', {}, h('b', {}, words), ' → ', text),
      ...more,
      taken(words)
    );
  }

  function concept({ words, names, units }: Concept): HTMLElement {
    const [first = words, ...rest] = names;
    const unit = units ? ` [${units}]` : '';
    if (rest.length === 0) {
      return meaning(words, first + unit);
    }
    const choices = names.map(name =>
      button(name, () => options.onReplace(words, name), {
        class: 'portal-choice',
        'aria-label': `Search only for ${name}`
      })
    );
    const menu = h(
      'details',
      { class: 'portal-menu' },
      h('summary', { 'aria-label': `Choose what “${words}” means` }, `+${rest.length}`),
      h('div', { class: 'portal-menu-body' }, h('p', {}, 'Only one of these:'), ...choices)
    );
    menu.addEventListener('keydown', event => {
      if (event.key === 'Escape' && menu.open) {
        event.stopPropagation();
        event.preventDefault();
        menu.open = false;
        menu.querySelector('summary')?.focus();
      }
    });
    return meaning(words, first + unit, menu);
  }

  function edit(what: 'place' | 'time', label: string): HTMLElement {
    return button('edit', () => options.onAdopt(what), { class: 'portal-plain', 'aria-label': label });
  }

  function chips(meant: Understood | null, literal: readonly string[]): HTMLElement[] {
    const { concepts = [], place = null, time = null, offers = [] } = meant ?? {};
    const nodes = concepts.map(concept);
    if (place) {
      const change = edit('place', `Change the box of ${place.name} on the map`);
      nodes.push(meaning(place.words, place.name, change));
    }
    if (time) {
      const change = edit('time', `Change the years of “${time.words}”`);
      nodes.push(meaning(time.words, period(time.start, time.end), change));
    }
    for (const words of literal) {
      const node = button(`“${words}” as words ↺`, () => options.onMeaning(words), {
        class: 'portal-chip',
        'aria-label': `Let “${words}” mean something again`
      });
      nodes.push(node);
    }
    for (const { words, name } of offers) {
      const node = button(`over ${name}?`, () => options.onReplace(words, `over ${words}`), {
        class: 'portal-chip portal-offer',
        'aria-label': `Search over ${name}`
      });
      nodes.push(node);
    }
    return nodes;
  }

  return {
    element,
    show(understood, literal) {
      const next = JSON.stringify([understood, literal]);
      if (next === drawn) {
        return;
      }
      drawn = next;
      element.replaceChildren(...chips(understood, literal));
      element.hidden = element.childElementCount === 0;
    }
  };
}
