/** Numbers, places and ticks as text. */
import type { AxisHeader, Numbers } from './frame';

export interface Tick {
  at: number;
  text: string;
}

/** A number with at most `digits` significant digits and no padding; a true minus sign. */
export function formatNumber(value: number, digits = 6): string {
  if (Number.isNaN(value)) {
    return 'no data';
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? '+∞' : '−∞';
  }
  const size = Math.abs(value);
  const text =
    size !== 0 && (size >= 1e7 || size < 1e-4)
      ? value.toExponential(digits - 1).replace(/\.?0+e/, 'e').replace('e+', 'e')
      : String(Number(value.toPrecision(digits)));
  return text.replace('-', '−').replace('e-', 'e−');
}

/** Degrees with their hemisphere; longitudes beyond 180 are written as west. */
export function formatDegrees(value: number, kind: 'latitude' | 'longitude'): string {
  let v = value;
  if (kind === 'longitude') {
    v = ((((value + 180) % 360) + 360) % 360) - 180;
    if (v === -180) {
      return '180°';
    }
  }
  const text = `${Number(Math.abs(v).toFixed(4))}°`;
  if (text === '0°') {
    return text;
  }
  return text + (kind === 'latitude' ? (v > 0 ? 'N' : 'S') : v > 0 ? 'E' : 'W');
}

/** The coordinate of one column or row, for the read-out. */
export function formatPlace(axis: AxisHeader, values: Numbers, i: number): string {
  if (axis.kind === 'latitude' || axis.kind === 'longitude') {
    return formatDegrees(values[i], axis.kind);
  }
  const text = axis.labels ? axis.labels[i] : formatNumber(values[i]);
  const units = axis.units && axis.kind === 'number' ? ` ${axis.units}` : '';
  return `${axis.title} ${text}${units}`;
}

/** Round steps 1, 2, 5 × 10ⁿ, or round angles for degrees. */
export function niceStep(span: number, most: number, degrees = false): number {
  const rough = span / Math.max(1, most);
  if (degrees && rough > 1) {
    return [2, 5, 10, 15, 30, 45, 60, 90].find(s => s >= rough) ?? 180;
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find(s => s * power >= rough * 0.999999)! * power;
}

/** About `most` round numbers between two values, two at the least where they exist. */
export function numberTicks(low: number, high: number, most: number, degrees = false): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) {
    return Number.isFinite(low) ? [low] : [];
  }
  const step = niceStep(span, most, degrees);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const ticks: number[] = [];
  for (let i = first; i <= last && ticks.length < 100; i++) {
    // Multiplying leaves noise (3 × 0.1); twelve digits are more than any axis has.
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks.length < 2 && most < 16 ? numberTicks(low, high, most * 2, degrees) : ticks;
}

/** Ticks of an axis between two of its values, at most about `most`. */
export function axisTicks(axis: AxisHeader, values: ArrayLike<number>, ends: [number, number], most: number): Tick[] {
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  if (axis.kind === 'latitude' || axis.kind === 'longitude') {
    const kind = axis.kind;
    return numberTicks(low, high, most, true).map(at => ({ at, text: formatDegrees(at, kind) }));
  }
  if (axis.kind === 'time' && axis.ticks && axis.ticks.length > 1) {
    const every = Math.ceil(axis.ticks.length / Math.max(1, most));
    return axis.ticks.filter((_, i) => i % every === 0).map(([at, text]) => ({ at, text }));
  }
  if (axis.labels) {
    const every = Math.max(1, Math.ceil(values.length / Math.max(1, most)));
    const picked: Tick[] = [];
    for (let i = 0; i < values.length; i += every) {
      picked.push({ at: values[i], text: shorten(axis.labels[i]) });
    }
    return picked;
  }
  const ticks = numberTicks(low, high, most);
  const whole = axis.kind === 'index' ? ticks.filter(Number.isInteger) : ticks;
  return whole.map(at => ({ at, text: formatNumber(at) }));
}

export function shorten(text: string, most = 18): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** For each of `pixels` pixels along a side, the cell that its centre falls in. */
export function cellsOf(edges: Numbers, pixels: number): Int32Array {
  const cells = new Int32Array(pixels);
  const last = edges.length - 2;
  const [start, end] = [edges[0], edges[edges.length - 1]];
  const grows = end >= start;
  let cell = 0;
  for (let p = 0; p < pixels; p++) {
    const at = start + ((p + 0.5) / pixels) * (end - start);
    while (cell < last && (grows ? at >= edges[cell + 1] : at <= edges[cell + 1])) {
      cell++;
    }
    cells[p] = cell;
  }
  return cells;
}
