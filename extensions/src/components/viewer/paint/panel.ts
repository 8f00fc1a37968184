/** The panel behind the colour bar: colour map, direction, scale, limits, and what is seen. */
import { button, h } from '../../dom';
import { type ColorMaps, heldName, lookOf, MAP_GROUPS, reversedName } from '../colors';
import type { Scale } from '../frame';
import { formatNumber } from '../scale';
import { drawHistogram } from './histogram';
import type { Limits, Look } from './look';
import type { Seen } from './seen';

export interface Shown {
  look: Look;
  name: string;
  maps: ColorMaps;
  units: string;
  seen: Seen | null;
}

export interface PanelEvents {
  map(name: string): void;
  limits(limits: Limits): void;
  scale(scale: Scale): void;
  fit(): void;
  reset(): void;
}

export interface Panel {
  readonly element: HTMLElement;
  show(shown: Shown): void;
}

const SWATCH: [number, number] = [96, 12];
const SCALES: [Scale, string][] = [
  ['linear', 'Linear'],
  ['log', 'Logarithmic'],
  ['symlog', 'Logarithmic, both signs']
];
const unshared = { 'data-lm-suppress-shortcuts': 'true' };

export function createPanel(events: PanelEvents): Panel {
  const list = new MapList(events.map);
  const reverse = h('input', { type: 'checkbox', ...unshared });
  const scale = h('select', { 'aria-label': 'Scale', ...unshared });
  scale.append(...SCALES.map(([value, text]) => h('option', { value }, text)));
  const [low, high] = ['Lower limit', 'Upper limit'].map(name =>
    h('input', { type: 'text', inputmode: 'decimal', 'aria-label': name, ...unshared })
  );
  const problem = h('p', { class: 'portal-bar-problem', role: 'alert', hidden: true });
  const histogram = h('canvas', {
    class: 'portal-bar-histogram',
    role: 'img',
    'aria-label': 'Histogram of what is seen'
  });
  const fit = button('Fit to what is seen', events.fit);
  const reset = button('Reset', events.reset, { title: 'Colours, limits and scale as they were chosen at first' });
  const values = h(
    'div',
    { class: 'portal-bar-values' },
    histogram,
    h('div', { class: 'portal-bar-limits' }, low, h('span', { 'aria-hidden': 'true' }, 'to'), high),
    problem,
    scale
  );
  const element = h(
    'div',
    { class: 'portal-bar-panel', popover: 'auto', role: 'dialog', 'aria-label': 'Colours', ...unshared },
    list.element,
    h('label', { class: 'portal-bar-reverse' }, reverse, 'Reversed'),
    values,
    h('div', { class: 'portal-bar-buttons' }, fit, reset)
  );

  let now: Shown | null = null;
  const refuse = (text: string) => {
    problem.textContent = text;
    problem.hidden = text === '';
    [low, high].forEach(field => field.setAttribute('aria-invalid', String(text !== '')));
  };
  const typed = () => {
    const limits = [low, high].map(field => numberOf(field.value)) as Limits;
    if (!limits.every(Number.isFinite)) {
      refuse('Both limits are numbers, such as 0.5 or 1e-6.');
    } else if (!(limits[0] < limits[1])) {
      refuse('The lower limit is smaller than the upper one.');
    } else {
      refuse('');
      events.limits(limits);
    }
  };
  low.addEventListener('change', typed);
  high.addEventListener('change', typed);
  scale.addEventListener('change', () => events.scale(scale.value as Scale));
  reverse.addEventListener('change', () => now && events.map(reversedName(now.name)));
  return {
    element,
    show(shown) {
      now = shown;
      const { look, name, maps, seen } = shown;
      list.show(maps, name);
      reverse.checked = heldName(maps, name) !== name;
      values.hidden = look.categories !== undefined;
      scale.value = look.scale;
      fit.disabled = !seen?.range || values.hidden;
      // What is being typed is not taken away.
      [low, high].forEach((field, i) => {
        if ((field.getRootNode() as Document | ShadowRoot).activeElement !== field) {
          field.value = formatNumber(look.limits[i], 7).replaceAll('−', '-');
        }
      });
      if (numberOf(low.value) < numberOf(high.value)) {
        refuse('');
      }
      drawHistogram(histogram, look, seen);
    }
  };
}

/** A number as people write one: a true minus sign and a decimal comma count as well. */
function numberOf(text: string): number {
  const plain = text.trim().replaceAll('−', '-').replace(/^([-+]?\d+),(\d+)$/, '$1.$2');
  return plain === '' ? NaN : Number(plain);
}

/** The colour maps, each with its colours; the arrow keys choose at once. */
class MapList {
  readonly element = h('div', { class: 'portal-bar-maps', role: 'listbox', 'aria-label': 'Colour map', tabindex: '0', ...unshared });
  private maps: ColorMaps | null = null;
  private options = new Map<string, HTMLElement>();
  private chosen = '';

  constructor(private readonly choose: (name: string) => void) {
    this.element.addEventListener('keydown', event => this.key(event));
  }

  show(maps: ColorMaps, name: string): void {
    if (maps !== this.maps) {
      this.maps = maps;
      this.build(maps);
    }
    const held = heldName(maps, name);
    if (held === this.chosen) {
      return;
    }
    this.options.get(this.chosen)?.setAttribute('aria-selected', 'false');
    this.chosen = held;
    const option = this.options.get(held);
    option?.setAttribute('aria-selected', 'true');
    this.element.setAttribute('aria-activedescendant', option?.id ?? '');
    if (option && this.element.offsetParent) {
      const { scrollTop, clientHeight } = this.element;
      const top = option.offsetTop - this.element.offsetTop;
      this.element.scrollTop = Math.min(Math.max(scrollTop, top + option.offsetHeight - clientHeight), top);
    }
  }

  private build(maps: ColorMaps): void {
    const grouped = MAP_GROUPS.flatMap(([, names]) => names);
    const others = Object.keys(maps).filter(name => !grouped.includes(name));
    const prefix = `portal-map-${Math.random().toString(36).slice(2)}`;
    this.options.clear();
    this.element.replaceChildren();
    for (const [title, names] of [...MAP_GROUPS, ['Others', others] as const]) {
      const present = names.filter(name => name in maps);
      if (present.length) {
        const heading = h('div', { class: 'portal-bar-heading', role: 'presentation' }, title);
        const group = h('div', { role: 'group', 'aria-label': title }, heading);
        group.append(...present.map(name => this.option(maps, name, `${prefix}-${name}`)));
        this.element.append(group);
      }
    }
  }

  private option(maps: ColorMaps, name: string, id: string): HTMLElement {
    const swatch = h('canvas', { width: String(SWATCH[0]), height: String(SWATCH[1]), 'aria-hidden': 'true' });
    const { table } = lookOf(maps, name, [0, 1], 'linear');
    const image = new ImageData(...SWATCH);
    const pixels = new Uint32Array(image.data.buffer);
    pixels.forEach((_, i) => (pixels[i] = table[Math.floor(((i % SWATCH[0]) / SWATCH[0]) * table.length)]));
    swatch.getContext('2d')!.putImageData(image, 0, 0);
    const option = h('div', { id, role: 'option', 'aria-selected': 'false', 'data-portal-map': name });
    option.append(swatch, name.replace(/_r$/, ''));
    option.addEventListener('click', () => this.choose(name));
    this.options.set(name, option);
    return option;
  }

  private key(event: KeyboardEvent): void {
    const names = [...this.options.keys()];
    const at = names.indexOf(this.chosen);
    const target: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: names.length - 1 };
    if (event.key in target) {
      event.preventDefault();
      const next = names[Math.max(0, Math.min(names.length - 1, target[event.key]))];
      if (next !== this.chosen) {
        this.choose(next);
      }
    }
  }
}
