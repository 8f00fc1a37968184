/** The numbers that are seen, as a table and as a sentence: for screen readers, and for all others. */
import { h } from '../dom';
import type { Frame } from './frame';
import type { Pane } from './pane';
import { valueText } from './place';
import { formatNumber, formatPlace } from './scale';

const MOST = 20;

/** Evenly spaced members of those from `first` to `last`. */
function thinned(first: number, last: number, most = MOST): number[] {
  const count = Math.min(most, last - first + 1);
  return Array.from({ length: count }, (_, i) => (count === 1 ? first : Math.round(first + (i * (last - first)) / (count - 1))));
}

export function tableOf(pane: Pane, title: string): HTMLElement {
  const { frame } = pane;
  const table = h('table', {}, h('caption', {}, title));
  if (!frame) {
    return h('p', {}, 'There is nothing to show as a table.');
  }
  const { kind, x, units } = frame.header;
  const geometry = frame.geometry;
  if (kind === 'series' && x) {
    const xs = frame.array('x')!;
    head(table, [x.title, units || 'value']);
    thinned(0, xs.length - 1, 200).forEach(i => row(table, formatPlace({ ...x, title: '' }, xs, i).trim(), [number(frame, i)]));
  } else if (geometry?.kind === 'axes') {
    const { xs, ys } = geometry;
    const [columns, rows] = [seen(pane, xs, 0), seen(pane, ys, 1)];
    const name = (axis: typeof geometry.x, values: Float64Array, i: number) =>
      formatPlace({ ...axis, title: '', units: '' }, values, i).trim();
    head(table, [`${geometry.y.title} \\ ${geometry.x.title}`, ...columns.map(i => name(geometry.x, xs, i))]);
    rows.forEach(j => row(table, name(geometry.y, ys, j), columns.map(i => number(frame, j * xs.length + i))));
  } else if (geometry) {
    head(table, ['latitude', 'longitude', units || 'value']);
    const cells = thinned(0, frame.cells.length - 1, MOST * 5);
    cells.forEach(i => row(table, formatNumber(geometry.lat[i], 5), [formatNumber(geometry.lon[i], 5), number(frame, i)]));
  } else {
    head(table, ['value']);
    row(table, valueText(frame.value(0), units), []);
  }
  return h('div', { class: 'portal-viewer-scroll', tabindex: '0', role: 'region', 'aria-label': title }, table);
}

/** What is seen, in words. */
export function summaryOf(frame: Frame, heading: string): string {
  const { labels, units, kind } = frame.header;
  const where = Object.entries(labels).map(([dim, text]) => `${dim} ${text}`);
  const range = frame.range();
  const values =
    kind === 'value'
      ? valueText(frame.value(0), units)
      : range
        ? `values from ${valueText(range[0], units)} to ${valueText(range[1], units)}`
        : 'no finite values';
  return [heading, ...where, values].join(', ');
}

function seen(pane: Pane, values: Float64Array, axis: 0 | 1): number[] {
  const window = pane.picture.plane?.window;
  const inside = (v: number) => !window || (v >= window[2 * axis] && v <= window[2 * axis + 1]);
  let [first, last] = [0, values.length - 1];
  while (first < last && !inside(values[first])) {
    first++;
  }
  while (last > first && !inside(values[last])) {
    last--;
  }
  return thinned(first, last);
}

function head(table: HTMLTableElement, names: string[]): void {
  table.append(h('thead', {}, h('tr', {}, ...names.map(name => h('th', { scope: 'col' }, name)))));
}

function row(table: HTMLTableElement, name: string, values: string[]): void {
  const body = table.tBodies[0] ?? table.appendChild(h('tbody'));
  body.append(h('tr', {}, h('th', { scope: 'row' }, name), ...values.map(v => h('td', {}, v))));
}

const number = (frame: Frame, i: number) => formatNumber(frame.rounded(i), 5);
