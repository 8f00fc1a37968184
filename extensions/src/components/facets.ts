/** Chips that narrow a search, each with the number of datasets that have its value. */
import type { Facet, Query, SearchResult } from './backend';
import { button, h } from './dom';

const GROUPS = [
  { facet: 'facility', filter: 'facilities', label: 'Facility' },
  { facet: 'variable', filter: 'variables', label: 'Variable' },
  { facet: 'keyword', filter: 'keywords', label: 'Keyword' }
] as const;
const SHOWN = 4;

export type Filters = Pick<Query, 'facilities' | 'variables' | 'keywords'>;

export interface Facets {
  /** The chips of the facilities. */
  element: HTMLElement;
  /** The others. */
  others: HTMLElement;
  filters: Filters;
  update(facets: SearchResult['facets']): void;
  clear(): void;
}

/** Make the chips; `onChange` is called when one was pressed. */
export function createFacets(onChange: () => void): Facets {
  const filters: Filters = { facilities: [], variables: [], keywords: [] };
  const unfolded = new Set<string>();
  const element = h('div', { class: 'portal-facets' });
  const others = h('div', { class: 'portal-facets' });
  let latest: SearchResult['facets'] = { facility: [], variable: [], keyword: [] };

  function group({ facet, filter, label }: (typeof GROUPS)[number]): HTMLElement | null {
    const found = latest[facet];
    const chosen = filters[filter];
    // What is chosen stays, so that it can be undone, even where nothing matches it any more.
    const gone = chosen.filter(value => !found.some(f => f.value === value));
    const all: Facet[] = [...gone.map(value => ({ value, count: 0 })), ...found];
    if (all.length === 0) {
      return null;
    }
    const first = all.filter((f, i) => i < SHOWN || chosen.includes(f.value));
    const shown = unfolded.has(facet) ? all : first;
    const chips: HTMLElement[] = shown.map(({ value, count }) => {
      const pressed = chosen.includes(value);
      const chip = button(
        '',
        () => {
          filters[filter] = pressed ? chosen.filter(v => v !== value) : [...chosen, value];
          draw();
          refocus(facet, value);
          onChange();
        },
        {
          class: 'portal-chip',
          'aria-pressed': String(pressed),
          'aria-label': `${label} ${value}, ${count}`,
          'data-facet': facet,
          'data-value': value
        }
      );
      chip.append(
        h('span', { class: 'portal-chip-text' }, value),
        h('span', { class: 'portal-count' }, count.toLocaleString('en'))
      );
      return chip;
    });
    if (all.length > first.length) {
      const open = unfolded.has(facet);
      const text = open ? 'fewer' : `${all.length - first.length} more`;
      const toggle = () => {
        if (!unfolded.delete(facet)) {
          unfolded.add(facet);
        }
        draw();
      };
      const name = `${label}: show ${text}`;
      chips.push(
        button(text, toggle, {
          class: 'portal-plain',
          'aria-expanded': String(open),
          'aria-label': name
        })
      );
    }
    return h(
      'div',
      { role: 'group', class: 'portal-facet', 'aria-label': label },
      h('span', { class: 'portal-facet-label' }, label),
      ...chips
    );
  }

  function refocus(facet: string, value: string): void {
    const chips = [element, others].flatMap(node => [
      ...node.querySelectorAll<HTMLElement>('.portal-chip')
    ]);
    chips
      .filter(chip => chip.dataset['facet'] === facet)
      .find(chip => chip.dataset['value'] === value)
      ?.focus();
  }

  function draw(): void {
    const focused = document.activeElement as HTMLElement | null;
    const held = element.contains(focused) || others.contains(focused) ? focused?.dataset : null;
    const [first, ...rest] = GROUPS.map(group);
    element.replaceChildren(...(first ? [first] : []));
    others.replaceChildren(...rest.filter(node => node !== null));
    if (held?.['facet'] && held['value'] !== undefined) {
      refocus(held['facet'], held['value']);
    }
  }

  return {
    element,
    others,
    filters,
    update(facets) {
      latest = facets;
      draw();
    },
    clear() {
      filters.facilities = [];
      filters.variables = [];
      filters.keywords = [];
      draw();
    }
  };
}
