/** A chart that is read with the pointer, with the keys, as a table and in words. */
import { h, onTheme } from '../../dom';
import { themeOf, sized } from '../plot';
import { formatNumber, formatPlace } from '../scale';
import { type LinePlot, linePlot, type LineSpec, rangeOf, valueAt } from './lines';

/** Colours that people of every sight tell apart (Okabe and Ito 2008), those that show on light and dark. */
export const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
const MOST_ROWS = 1_000;
const NOTHING = '\u00a0';

/** Colour and dashes of the n-th line: colours come again with other dashes. */
export function styleOf(n: number): { color: string; dash: number[] } {
  return { color: COLORS[n % COLORS.length], dash: DASHES[Math.floor(n / COLORS.length) % DASHES.length] };
}

export class Chart {
  readonly canvas = h('canvas', { tabindex: '0', role: 'img', 'data-lm-suppress-shortcuts': 'true' });
  private readonly readout = h('p', { class: 'portal-chart-readout', 'aria-live': 'polite' }, NOTHING);
  private readonly mark = h('div', { class: 'portal-viewer-mark', hidden: true });
  private readonly table = h('details', { class: 'portal-chart-table' }, h('summary', {}, 'Numbers'));
  readonly element = h(
    'div',
    { class: 'portal-chart', hidden: true },
    h('div', { class: 'portal-chart-stage' }, this.canvas, this.mark),
    this.readout,
    this.table
  );
  private spec: LineSpec | null = null;
  private plot: LinePlot | null = null;
  private step: number | null = null;
  private drawing = 0;
  /** Of the element, when it was drawn. */
  private width = 0;
  private readonly stops: (() => void)[] = [];

  constructor(private readonly name: string) {
    const size = new ResizeObserver(() => this.element.clientWidth !== this.width && this.later());
    size.observe(this.element);
    this.stops.push(
      () => size.disconnect(),
      onTheme(() => this.later())
    );
    this.canvas.addEventListener('pointermove', event => {
      const edge = this.canvas.getBoundingClientRect();
      this.point(this.plot?.find(event.clientX - edge.left, event.clientY - edge.top) ?? null);
    });
    this.canvas.addEventListener('pointerleave', () => this.point(null));
    this.canvas.addEventListener('blur', () => this.point(null));
    this.canvas.addEventListener('keydown', event => this.key(event));
    this.table.addEventListener('toggle', () => this.fillTable());
  }

  dispose(): void {
    cancelAnimationFrame(this.drawing);
    this.stops.forEach(stop => stop());
    this.element.remove();
  }

  /** Show lines; those that are still coming may be shown again and again. */
  show(spec: LineSpec | null): void {
    this.spec = spec;
    this.element.hidden = !spec || spec.positions.length === 0;
    this.later();
  }

  get summary(): string {
    const { spec } = this;
    if (!spec) {
      return this.name;
    }
    const { axis, positions, lines, units } = spec;
    const last = positions.length - 1;
    const span = last >= 0 ? ` from ${formatPlace(axis, positions, 0)} to ${formatPlace(axis, positions, last)}` : '';
    const each = lines.map(line => {
      const [low, high] = rangeOf({ lines: [line] });
      return `${line.label} between ${formatNumber(low)} and ${formatNumber(high)} ${units}`.trim();
    });
    return `${this.name}${span}: ${each.join('; ')}`;
  }

  private later(): void {
    cancelAnimationFrame(this.drawing);
    this.drawing = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    const { spec, canvas } = this;
    const width = (this.width = this.element.clientWidth);
    if (!spec || this.element.hidden || !width) {
      return;
    }
    this.plot = linePlot(spec, themeOf(canvas), width);
    this.plot.draw(sized(canvas, width, this.plot.height));
    const { left, top, width: across, height } = this.plot.box;
    canvas.setAttribute('data-portal-plot', [left, top, across, height].join(' '));
    canvas.setAttribute('aria-label', this.summary);
    this.point(this.step !== null && this.step < spec.positions.length ? this.step : null);
    this.fillTable();
    if (spec.come) {
      this.element.dispatchEvent(new CustomEvent('portal-charted', { detail: spec.come, bubbles: true, composed: true }));
    }
  }

  private point(step: number | null): void {
    this.step = step;
    const { plot } = this;
    const shown = step !== null && plot !== null;
    const text = shown ? plot.describe(step) : NOTHING;
    if (this.readout.textContent !== text) {
      this.readout.textContent = text;
    }
    this.mark.hidden = !shown;
    if (shown) {
      const [x, y] = plot.locate(step, 0);
      Object.assign(this.mark.style, { left: `${x}px`, top: `${y}px` });
    }
  }

  private key(event: KeyboardEvent): void {
    const size = this.spec?.positions.length ?? 0;
    const { upright, down } = this.spec?.axis ?? {};
    const vertical = upright && down ? 1 : -1;
    const by: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -vertical,
      ArrowDown: vertical,
      PageUp: -10,
      PageDown: 10,
      Home: -size,
      End: size
    };
    if (event.key in by && size) {
      event.preventDefault();
      event.stopPropagation();
      const from = this.step ?? this.spec?.now ?? 0;
      this.point(Math.max(0, Math.min(size - 1, this.step === null ? from : from + by[event.key])));
    } else if (event.key === 'Escape') {
      this.point(null);
    }
  }

  private fillTable(): void {
    const { spec } = this;
    if (!spec || !this.table.open) {
      return;
    }
    const { axis, positions, lines, units } = spec;
    const head = [axis.title || axis.dim, ...lines.map(l => `${l.label}${units ? ` (${units})` : ''}`)];
    const rows = Array.from({ length: Math.min(MOST_ROWS, positions.length) }, (_, i) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, formatPlace({ ...axis, title: '' }, positions, i).trim()),
        ...lines.map(l => h('td', {}, formatNumber(valueAt(l, positions, i))))
      )
    );
    const more = positions.length > MOST_ROWS ? h('p', {}, `The first ${MOST_ROWS} of ${positions.length}.`) : null;
    const table = h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...head.map(text => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...rows)
    );
    const filled = h('div', { class: 'portal-chart-rows', tabindex: '0' }, table, more);
    this.table.replaceChildren(this.table.firstElementChild!, filled);
  }
}
