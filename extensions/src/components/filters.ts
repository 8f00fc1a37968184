/** What narrows a search beside its words: chips, a time and an area. */
import { type BBox, type Query, reason, type SearchResult } from './backend';
import { h, say } from './dom';
import { createFacets } from './facets';

export type FilterValues = Pick<Query, 'facilities' | 'variables' | 'keywords' | 'bbox' | 'time'>;

export interface Filters {
  /** The chips of the facilities, and the box that holds the rest. */
  elements: [HTMLElement, HTMLElement];
  /** What is asked for; null while the reader has typed what cannot be asked, and is told so. */
  values(): FilterValues | null;
  update(facets: SearchResult['facets']): void;
  clear(): void;
  dispose(): void;
}

/** The width, in pixels, from which all filters are shown at first. */
const ROOMY = 560;

/** Make the filters; `name` is unique in the page. */
export function createFilters(name: string, onChange: () => void): Filters {
  const facets = createFacets(onChange);
  const time = h('input', { class: 'portal-input', id: `${name}-time`, placeholder: '2003/2010' });
  const box = h('input', {
    class: 'portal-input',
    id: `${name}-area`,
    placeholder: '-125, 24, -66, 50'
  });
  const wrong = h('p', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const heading = h('summary', {}, 'More filters');
  const rest = h(
    'details',
    { class: 'portal-limits' },
    heading,
    facets.others,
    h('label', { for: time.id }, 'Time'),
    time,
    h('label', { for: box.id }, 'West, south, east, north'),
    box,
    wrong
  );
  time.addEventListener('change', onChange);
  box.addEventListener('change', onChange);
  const roomy = new ResizeObserver(([entry]) => {
    const width = entry?.contentRect.width ?? 0;
    if (width > 0) {
      rest.open = width >= ROOMY;
      roomy.disconnect();
    }
  });
  roomy.observe(rest);

  return {
    elements: [facets.element, rest],
    values() {
      try {
        const values = {
          ...facets.filters,
          bbox: area(box.value),
          time: time.value.trim() || null
        };
        const { bbox, keywords, variables } = values;
        const count = variables.length + keywords.length + (bbox ? 1 : 0) + (values.time ? 1 : 0);
        heading.textContent = count ? `More filters (${count})` : 'More filters';
        say(wrong, '');
        return values;
      } catch (error) {
        say(wrong, reason(error));
        return null;
      }
    },
    update: facets.update,
    clear() {
      facets.clear();
      time.value = '';
      box.value = '';
    },
    dispose: () => roomy.disconnect()
  };
}

/** Read a box as the reader types it. */
function area(text: string): BBox | null {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  if (parts.length === 0) {
    return null;
  }
  const numbers = parts.map(Number);
  if (numbers.length !== 4 || numbers.some(n => !Number.isFinite(n))) {
    throw new Error(
      'An area takes four numbers in degrees: west, south, east, north. For example -125, 24, -66, 50.'
    );
  }
  return numbers as BBox;
}
