/** How many datasets there are of each time, and a range of years that is chosen on it. */
import type { Bin } from '../backend';
import { h, later, svg } from '../dom';

/** Whole years; null is an open end. */
export interface Years {
  from: number | null;
  to: number | null;
}

export interface Timeline {
  element: HTMLElement;
  bins(bins: readonly Bin[]): void;
  /** Show the range that is asked for; `meant` where it comes from the words. */
  range(years: Years | null, meant?: boolean): void;
  dispose(): void;
}

type End = 'from' | 'to';

/** Make the time line. */
export function createTimeline(onChange: (years: Years | null) => void): Timeline {
  const bars = svg('path', { class: 'portal-time-bars' });
  const picture = svg(
    'svg',
    { class: 'portal-time-picture', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    bars
  );
  const chosen = h('div', { class: 'portal-time-range', 'data-testid': 'portal-time-range' });
  const thumbs: Record<End, HTMLElement> = { from: thumb('From'), to: thumb('To') };
  const chart = h(
    'div',
    { class: 'portal-time-chart', 'data-testid': 'portal-timeline' },
    picture,
    chosen,
    thumbs.from,
    thumbs.to
  );
  const [first, last] = [h('span'), h('span')];
  const most = h('span', { class: 'portal-time-most' });
  const element = h(
    'div',
    { class: 'portal-time', role: 'group', 'aria-label': 'Years' },
    chart,
    h('div', { class: 'portal-time-axis', 'aria-hidden': 'true' }, first, most, last)
  );

  let data: readonly Bin[] = [];
  let years: Years | null = null;
  let meant = false;
  let drag: { pointer: number; anchor: number; end: End | null; before: Years | null } | null = null;
  /** Whether keys have changed the range, and nobody has been told yet. */
  let untold = false;
  const commit = later(() => {
    untold = false;
    onChange(years);
  }, 250);

  /** The years that the line has, the end excluded. */
  function domain(): [number, number] {
    const ends = [
      ...data.flatMap(bin => [bin.start, bin.end + 1]),
      ...(years?.from != null ? [years.from] : []),
      ...(years?.to != null ? [years.to + 1] : [])
    ];
    if (data.length === 0) {
      ends.push(1950, new Date().getFullYear() + 1);
    }
    return [Math.min(...ends), Math.max(...ends)];
  }

  const value = (end: End) => {
    const [low, high] = domain();
    return years?.[end] ?? (end === 'from' ? low : high - 1);
  };

  function draw(): void {
    const [low, high] = domain();
    const part = (year: number) => (100 * (year - low)) / (high - low);
    const top = Math.max(1, ...data.map(bin => bin.count));
    // By the root, so that a few are seen beside many.
    bars.setAttribute(
      'd',
      data
        .filter(bin => bin.count > 0)
        .map(({ start, end, count }) => {
          const tall = Math.max(2, 40 * Math.sqrt(count / top));
          const wide = end + 1 - start;
          return `M${start - low + 0.06 * wide} 40v${-tall}h${0.88 * wide}V40z`;
        })
        .join('')
    );
    picture.setAttribute('viewBox', `0 0 ${high - low} 40`);
    first.textContent = String(low);
    last.textContent = String(high - 1);
    most.textContent = data.length ? `at most ${top.toLocaleString('en')}` : '';
    const [from, to] = [value('from'), value('to')];
    chosen.hidden = years === null;
    chosen.classList.toggle('portal-time-meant', meant);
    chosen.style.left = `${part(from)}%`;
    chosen.style.width = `${part(to + 1) - part(from)}%`;
    place(thumbs.from, part(from), from, [low, to]);
    place(thumbs.to, part(to + 1), to, [from, high - 1]);
  }

  function place(node: HTMLElement, left: number, year: number, limits: [number, number]): void {
    node.style.left = `${left}%`;
    node.setAttribute('aria-valuenow', String(year));
    node.setAttribute('aria-valuetext', String(year));
    node.setAttribute('aria-valuemin', String(limits[0]));
    node.setAttribute('aria-valuemax', String(limits[1]));
  }

  function set(end: End, year: number): void {
    const [low, high] = domain();
    const next = Math.round(year);
    years =
      end === 'from'
        ? { from: Math.min(Math.max(next, low), value('to')), to: value('to') }
        : { from: value('from'), to: Math.max(Math.min(next, high - 1), value('from')) };
    meant = false;
    draw();
  }

  function yearAt(event: PointerEvent): number {
    const [low, high] = domain();
    const frame = chart.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - frame.left) / frame.width));
    return Math.min(high - 1, Math.floor(low + part * (high - low)));
  }

  chart.addEventListener('pointerdown', event => {
    if (event.button !== 0) {
      return;
    }
    const end = (['from', 'to'] as const).find(name => thumbs[name] === event.target) ?? null;
    drag = { pointer: event.pointerId, anchor: yearAt(event), end, before: years };
    chart.setPointerCapture(event.pointerId);
    thumbs[end ?? 'to'].focus({ preventScroll: true });
    event.preventDefault();
  });
  chart.addEventListener('pointermove', event => {
    if (!drag || event.pointerId !== drag.pointer) {
      return;
    }
    const year = yearAt(event);
    if (drag.end) {
      set(drag.end, year);
    } else {
      years = { from: Math.min(year, drag.anchor), to: Math.max(year, drag.anchor) };
      meant = false;
      draw();
    }
  });
  chart.addEventListener('pointerup', event => {
    const held = drag;
    drag = null;
    if (held && !held.end && yearAt(event) === held.anchor) {
      years = { from: held.anchor, to: held.anchor };
      meant = false;
      draw();
    }
    if (held && years !== held.before) {
      onChange(years);
    }
  });
  chart.addEventListener('pointercancel', () => (drag = null));

  for (const end of ['from', 'to'] as const) {
    thumbs[end].addEventListener('keydown', event => {
      const [low, high] = domain();
      const steps: Record<string, number> = {
        ArrowLeft: -1,
        ArrowDown: -1,
        ArrowRight: 1,
        ArrowUp: 1,
        PageDown: -10,
        PageUp: 10,
        Home: low - high,
        End: high - low
      };
      const step = steps[event.key];
      if (step !== undefined) {
        set(end, value(end) + step);
      } else if (event.key === 'Delete' || event.key === 'Backspace') {
        years = null;
        draw();
      } else {
        return;
      }
      untold = true;
      commit();
      event.preventDefault();
      event.stopPropagation();
    });
  }
  draw();

  return {
    element,
    bins(bins) {
      data = bins;
      if (!drag) {
        draw();
      }
    },
    range(next, fromWords = false) {
      if (!drag && !untold) {
        years = next;
        meant = fromWords;
        draw();
      }
    },
    dispose: commit.cancel
  };
}

function thumb(label: string): HTMLElement {
  return h('div', {
    class: 'portal-time-thumb',
    role: 'slider',
    tabindex: '0',
    'aria-label': `${label} year`,
    'aria-orientation': 'horizontal'
  });
}

/** The years that a text such as "2003-07/2010" or "../1990" touches; null where it says none. */
export function yearsOf(time: string | null): Years | null {
  const parts = (time ?? '').split('/').map(part => /^\s*(\d{4})/.exec(part)?.[1]);
  const [from, to] = parts.length === 1 ? [parts[0], parts[0]] : parts;
  return from || to ? { from: from ? Number(from) : null, to: to ? Number(to) : null } : null;
}

/** A range of years as it is asked for. */
export function timeOf(years: Years | null): string | null {
  return years && `${years.from ?? '..'}/${years.to ?? '..'}`;
}
