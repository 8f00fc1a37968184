/** Chips that narrow a search, each with the number of datasets that have its value. */
import type { Facet, Query, SearchResult } from './backend';
import { button, h } from './dom';

export const GROUPS = [
  { facet: 'facility', filter: 'facilities', label: 'Facility' },
  { facet: 'variable', filter: 'variables', label: 'Variable' },
  { facet: 'keyword', filter: 'keywords', label: 'Keyword' }
] as const;
const SHOWN = 5;
/** From this many values on, they are looked for by typing. */
const LONG = 12;

export type Chosen = Pick<Query, 'facilities' | 'variables' | 'keywords'>;

export interface Facets {
  element: HTMLElement;
  chosen(): Chosen;
  choose(chosen: Partial<Chosen>): void;
  update(facets: SearchResult['facets']): void;
}

/** Make the chips; `onChange` is called when one was pressed. */
export function createFacets(onChange: () => void): Facets {
  const groups = GROUPS.map(group => createGroup(group.label, group.facet, onChange));
  return {
    element: h('div', { class: 'portal-facets' }, ...groups.map(group => group.element)),
    chosen: () => {
      const [facilities = [], variables = [], keywords = []] = groups.map(g => [...g.chosen]);
      return { facilities, variables, keywords };
    },
    choose(chosen) {
      GROUPS.forEach(({ filter }, i) => groups[i]!.choose(chosen[filter] ?? []));
    },
    update(facets) {
      GROUPS.forEach(({ facet }, i) => groups[i]!.update(facets[facet]));
    }
  };
}

function createGroup(label: string, facet: string, onChange: () => void) {
  const chosen = new Set<string>();
  let latest: readonly Facet[] = [];
  let unfolded = false;
  const chips = h('div', { class: 'portal-chips' });
  const words = h('input', {
    class: 'portal-input portal-facet-words',
    type: 'text',
    placeholder: `Filter ${label.toLowerCase()} values`,
    'aria-label': `Filter the values of ${label}`,
    autocomplete: 'off',
    spellcheck: 'false',
    hidden: true
  });
  const toggle = button('', unfold, { class: 'portal-plain' });
  const element = h(
    'div',
    { role: 'group', class: 'portal-facet', 'aria-label': label, hidden: true },
    h('span', { class: 'portal-facet-label', 'aria-hidden': 'true' }, label),
    words,
    chips,
    toggle
  );
  words.addEventListener('input', draw);
  words.addEventListener('keydown', event => {
    if (event.key === 'Escape' && words.value) {
      event.stopPropagation();
      words.value = '';
      draw();
    }
  });

  function unfold(): void {
    unfolded = !unfolded;
    words.value = '';
    draw();
    (words.hidden ? toggle : words).focus();
  }

  function chip({ value, count }: Facet): HTMLElement {
    const pressed = chosen.has(value);
    const press = () => {
      if (!chosen.delete(value)) {
        chosen.add(value);
      }
      draw();
      refocus(value);
      onChange();
    };
    const node = button('', press, {
      class: 'portal-chip',
      'aria-pressed': String(pressed),
      'aria-label': `${label} ${value}, ${count}`,
      'data-facet': facet,
      'data-value': value
    });
    node.append(
      h('span', { class: 'portal-chip-text' }, value),
      h('span', { class: 'portal-count' }, count.toLocaleString('en'))
    );
    return node;
  }

  function refocus(value: string): void {
    const nodes = [...chips.children] as HTMLElement[];
    nodes.find(node => node.dataset['value'] === value)?.focus();
  }

  function draw(): void {
    const focused = document.activeElement as HTMLElement | null;
    const held = focused && chips.contains(focused) ? focused.dataset['value'] : undefined;
    // What is chosen stays, so that it can be undone, even where nothing matches it any more.
    const gone = [...chosen].filter(value => !latest.some(f => f.value === value));
    const all: Facet[] = [...gone.map(value => ({ value, count: 0 })), ...latest];
    const wanted = words.value.trim().toLowerCase();
    const few = all.filter((f, i) => i < SHOWN || chosen.has(f.value));
    const shown = !unfolded
      ? few
      : all.filter(f => f.value.toLowerCase().includes(wanted) || chosen.has(f.value));
    chips.replaceChildren(...shown.map(chip));
    element.hidden = all.length === 0;
    words.hidden = !unfolded || all.length < LONG;
    toggle.hidden = all.length === few.length;
    toggle.textContent = unfolded ? 'fewer' : `${all.length - few.length} more`;
    toggle.setAttribute('aria-expanded', String(unfolded));
    toggle.setAttribute('aria-label', `${label}: show ${toggle.textContent}`);
    if (held !== undefined) {
      refocus(held);
    }
  }

  return {
    element,
    chosen,
    choose(values: readonly string[]) {
      chosen.clear();
      values.forEach(value => chosen.add(value));
      draw();
    },
    update(facets: readonly Facet[]) {
      const same =
        facets.length === latest.length &&
        facets.every((f, i) => f.value === latest[i]!.value && f.count === latest[i]!.count);
      if (!same) {
        latest = facets;
        draw();
      }
    }
  };
}
