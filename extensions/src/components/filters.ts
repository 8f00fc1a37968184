/** What narrows a search beside its words: an area, a time and facets; what is set is listed. */
import { type BBox, type Bin, type Hit, type Query, reason, type SearchResult } from './backend';
import { button, h, say } from './dom';
import { createFacets, GROUPS } from './facets';
import { createMap } from './find/map';
import { toBBox, toSpan } from './find/span';
import { createTimeline, timeOf, yearsOf } from './find/timeline';
import { extent } from './format';

export type FilterValues = Pick<Query, 'facilities' | 'variables' | 'keywords' | 'bbox' | 'time'>;

export interface Filters {
  /** The box that holds all filters. */
  element: HTMLDetailsElement;
  /** What is set, each with a way to take it back. */
  active: HTMLElement;
  /** What is asked for; null while the reader has typed what cannot be asked, and is told so. */
  values(): FilterValues | null;
  set(values: Partial<FilterValues>): void;
  show(found: SearchResult): void;
  bins(bins: readonly Bin[]): void;
  point(hit: Hit | null): void;
  /** Take over where and when from the words, to be changed by hand. */
  adopt(what: 'place' | 'time'): void;
  dispose(): void;
}

/** The width, in pixels, from which all filters are shown at first. */
const ROOMY = 480;
const AREA = 'West, south, east, north';

/** Make the filters; `name` is unique in the page. */
export function createFilters(
  name: string,
  onChange: () => void,
  onOpen: () => void = () => undefined
): Filters {
  const facets = createFacets(changed);
  const time = field(`${name}-time`, '2003/2010');
  const box = field(`${name}-area`, '-125, 24, -66, 50');
  const map = createMap(name, next => {
    box.value = next ? next.join(', ') : '';
    changed();
  });
  const timeline = createTimeline(years => {
    time.value = timeOf(years) ?? '';
    changed();
  });
  const wrong = h('p', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const heading = h('summary', {}, 'Filters');
  const element = h(
    'details',
    { class: 'portal-limits', 'data-testid': 'portal-filters' },
    heading,
    h(
      'div',
      { class: 'portal-limits-body' },
      h(
        'div',
        { class: 'portal-where', role: 'group', 'aria-label': 'Area' },
        map.element,
        h('label', { for: box.id }, AREA),
        box
      ),
      h(
        'div',
        { class: 'portal-when', role: 'group', 'aria-label': 'Time' },
        timeline.element,
        h('label', { for: time.id }, 'Time'),
        time
      ),
      wrong,
      facets.element
    )
  );
  const active = h('div', {
    class: 'portal-active',
    role: 'group',
    'aria-label': 'Filters that are set',
    'data-testid': 'portal-active',
    hidden: true
  });
  let meant: { bbox: BBox | null; time: string | null } = { bbox: null, time: null };

  time.addEventListener('change', changed);
  box.addEventListener('change', changed);
  element.addEventListener('toggle', () => {
    if (element.open) {
      onOpen();
    }
  });
  const roomy = new ResizeObserver(([entry]) => {
    const width = entry?.contentRect.width ?? 0;
    if (width > 0) {
      element.open = width >= ROOMY || getComputedStyle(heading).display === 'none';
      roomy.disconnect();
    }
  });
  roomy.observe(element);

  function changed(): void {
    draw();
    onChange();
  }

  function values(): FilterValues | null {
    try {
      const found = { ...facets.chosen(), bbox: area(box.value), time: time.value.trim() || null };
      say(wrong, '');
      return found;
    } catch (error) {
      say(wrong, reason(error));
      return null;
    }
  }

  /** Show what is set, in the list and in the pictures. */
  function draw(): void {
    const now = values();
    if (!now) {
      return;
    }
    map.box(now.bbox ?? meant.bbox, !now.bbox);
    timeline.range(yearsOf(now.time ?? meant.time), !now.time);
    const chips = GROUPS.flatMap(({ filter, label }) =>
      now[filter].map(value =>
        chip(label, value, () => set({ ...now, [filter]: now[filter].filter(v => v !== value) }))
      )
    );
    if (now.bbox) {
      chips.push(chip('Area', extent(now.bbox), () => set({ ...now, bbox: null })));
    }
    if (now.time) {
      chips.push(chip('Time', now.time, () => set({ ...now, time: null })));
    }
    const focused = active.contains(document.activeElement);
    const clear = () => {
      set({});
      onChange();
    };
    active.replaceChildren(...chips, button('Clear all', clear, { class: 'portal-plain' }));
    active.hidden = chips.length === 0;
    heading.textContent = chips.length ? `Filters (${chips.length})` : 'Filters';
    if (focused) {
      (active.hidden ? heading : active.querySelector('button'))?.focus();
    }
  }

  function chip(label: string, value: string, remove: () => void): HTMLElement {
    const text = `${label}: ${value}`;
    const act = () => {
      remove();
      onChange();
    };
    const node = button('', act, {
      class: 'portal-chip portal-set',
      'aria-label': `Remove the filter ${text}`,
      title: 'Remove'
    });
    node.append(
      h('span', { class: 'portal-chip-text' }, text),
      h('span', { 'aria-hidden': 'true' }, '×')
    );
    return node;
  }

  function set(next: Partial<FilterValues>): void {
    facets.choose(next);
    box.value = next.bbox ? next.bbox.join(', ') : '';
    time.value = next.time ?? '';
    draw();
  }

  return {
    element,
    active,
    values,
    set,
    show(found) {
      facets.update(found.facets);
      map.hits(found.hits);
      const { place, time: period } = found.understood ?? { place: null, time: null };
      meant = {
        bbox: place?.bbox ?? null,
        time: period && `${period.start?.slice(0, 10) ?? '..'}/${period.end?.slice(0, 10) ?? '..'}`
      };
      draw();
    },
    bins: timeline.bins,
    point: map.point,
    adopt(what) {
      element.open = true;
      if (what === 'place' && meant.bbox) {
        const span = toSpan(meant.bbox);
        box.value = span ? toBBox(span).join(', ') : '';
        map.element.querySelector<SVGElement>('[tabindex]')?.focus();
      } else if (what === 'time' && meant.time) {
        time.value = meant.time;
        timeline.element.querySelector<HTMLElement>('[role=slider]')?.focus();
      }
      changed();
    },
    dispose() {
      roomy.disconnect();
      map.dispose();
      timeline.dispose();
    }
  };
}

function field(id: string, placeholder: string): HTMLInputElement {
  return h('input', { class: 'portal-input', id, placeholder, autocomplete: 'off' });
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
