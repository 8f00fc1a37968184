/** The colours of a look with their values, drawn with nothing but rectangles, lines and text. */
import { cssColor, type Category } from '../colors';
import { formatNumber, numberTicks, type Tick } from '../scale';
import type { Limits, Look, ScaleAxis } from './look';
import { scaleAxis } from './look';

/** What the ramp needs of a canvas, so that other drawings can stand in for one. */
export type RampContext = Pick<
  CanvasRenderingContext2D,
  | 'fillStyle' | 'strokeStyle' | 'lineWidth' | 'font' | 'textAlign' | 'textBaseline'
  | 'fillRect' | 'strokeRect' | 'fillText' | 'beginPath' | 'moveTo' | 'lineTo' | 'closePath' | 'fill' | 'stroke'
>;

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Ink {
  ink: string;
  faint: string;
  font: string;
}

export interface Labels {
  units: string;
  /** Of the values that are seen: a point at an end says that some lie beyond it. */
  range: Limits | null;
  categories: readonly Category[];
}

const WIDE = 14;
const POINT = 8;
const LINE = 15;
const SWATCH = 12;

/** Where the colours are in the box: units above, points at both ends, values to the right. */
export function rampBox(box: Box, units: string): Box {
  const top = (units ? LINE : 0) + POINT + 1;
  return {
    left: box.left + 1,
    top: box.top + top,
    width: WIDE,
    height: Math.max(20, Math.round(box.height - top - POINT - 2))
  };
}

export function drawRamp(context: RampContext, box: Box, look: Look, ink: Ink, labels: Labels): void {
  context.font = ink.font;
  context.lineWidth = 1;
  context.fillStyle = ink.ink;
  context.textAlign = 'left';
  context.textBaseline = 'top';
  if (labels.units) {
    context.fillText(shortened(labels.units, box.width), box.left, box.top);
  }
  if (look.categories) {
    drawCategories(context, box, look, ink, labels);
    return;
  }
  const ramp = rampBox(box, labels.units);
  const count = look.table.length;
  const rows = Math.max(1, Math.round(ramp.height));
  for (let row = 0, next = 0; row < rows; row = next) {
    const step = stepAt(row, rows, count);
    while (next < rows && stepAt(next, rows, count) === step) {
      next++;
    }
    context.fillStyle = cssColor(look.table[step]);
    // Each down to the end: between two that only touch, the ground would shine through.
    context.fillRect(ramp.left, ramp.top + row, ramp.width, ramp.height - row);
  }
  context.strokeStyle = ink.faint;
  context.strokeRect(ramp.left - 0.5, ramp.top - 0.5, ramp.width + 1, ramp.height + 1);
  const axis = scaleAxis(look.limits, look.scale);
  const { range } = labels;
  if (range && range[1] > axis.limits[1]) {
    point(context, ramp, ramp.top - 1, -POINT, cssColor(look.table[count - 1]));
  }
  if (range && range[0] < axis.limits[0]) {
    point(context, ramp, ramp.top + ramp.height + 1, POINT, cssColor(look.table[0]));
  }
  context.fillStyle = ink.ink;
  context.textBaseline = 'middle';
  for (const tick of rampTicks(axis, Math.floor(ramp.height / 30))) {
    const y = ramp.top + ramp.height * (1 - axis.at(tick.at));
    context.beginPath();
    context.moveTo(ramp.left + ramp.width, y);
    context.lineTo(ramp.left + ramp.width + 4, y);
    context.stroke();
    context.fillText(shortened(tick.text, box.width - WIDE - 7), ramp.left + ramp.width + 7, y);
  }
}

/** The colour of a row of the ramp, the last one on top. */
function stepAt(row: number, rows: number, count: number): number {
  return Math.floor((1 - (row + 0.5) / rows) * count);
}

function drawCategories(context: RampContext, box: Box, look: Look, ink: Ink, labels: Labels): void {
  const top = box.top + (labels.units ? LINE + 3 : 0);
  const fits = Math.max(1, Math.floor((box.height - (top - box.top)) / LINE));
  const all = labels.categories;
  const shown = all.length > fits ? all.slice(0, fits - 1) : all;
  context.textBaseline = 'middle';
  context.strokeStyle = ink.faint;
  shown.forEach(([, meaning], i) => {
    const y = top + i * LINE;
    context.fillStyle = cssColor(look.table[i % look.table.length]);
    context.fillRect(box.left + 1, y + 1, SWATCH, LINE - 3);
    context.strokeRect(box.left + 0.5, y + 0.5, SWATCH + 1, LINE - 2);
    context.fillStyle = ink.ink;
    context.fillText(shortened(meaning, box.width - SWATCH - 6), box.left + SWATCH + 6, y + LINE / 2);
  });
  if (shown.length < all.length) {
    context.fillText(`and ${all.length - shown.length} more`, box.left + 1, top + shown.length * LINE + LINE / 2);
  }
}

/** Text that fits a width, by what its characters take on average. */
function shortened(text: string, width: number): string {
  const most = Math.max(2, Math.floor(width / 5.8));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function point(context: RampContext, ramp: Box, base: number, reach: number, color: string): void {
  context.beginPath();
  context.moveTo(ramp.left, base);
  context.lineTo(ramp.left + ramp.width / 2, base + reach);
  context.lineTo(ramp.left + ramp.width, base);
  context.closePath();
  context.fillStyle = color;
  context.fill();
  context.stroke();
}

/** Round values along a scale: powers of ten (and their twos and fives) where it is logarithmic. */
export function rampTicks(axis: ScaleAxis, most: number): Tick[] {
  const count = Math.max(2, Math.min(8, most));
  const [low, high] = axis.limits;
  const even = numberTicks(low, high, count);
  if (axis.scale === 'linear') {
    return even.map(tickAt);
  }
  const powers = axis.scale === 'log' ? between(low, high) : [...between(-high, -low).map(v => -v), 0, ...between(low, high)];
  const inside = powers.filter(v => v >= low && v <= high).sort((a, b) => a - b);
  const rough = inside.length < 3 ? even : inside;
  return apart(rough, axis, 1 / (count + 1)).map(tickAt);
}

function tickAt(at: number): Tick {
  return { at, text: formatNumber(at) };
}

/** 1, 2 and 5 times powers of ten between two values above zero; whole decades where there are many. */
function between(low: number, high: number): number[] {
  if (!(high > 0)) {
    return [];
  }
  const [from, to] = [Math.floor(Math.log10(low > 0 ? low : high * 1e-3)), Math.floor(Math.log10(high))];
  const parts = to - from > 3 ? [1] : [1, 2, 5];
  const decades = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return decades.flatMap(power => parts.map(part => Number(`${part}e${power}`)));
}

/** Values at least so far apart on the scale; whole decades are kept before what lies between. */
function apart(values: number[], axis: ScaleAxis, least: number): number[] {
  const kept: number[] = [];
  const order = [...values].sort((a, b) => rank(a) - rank(b));
  for (const value of order) {
    if (kept.every(other => Math.abs(axis.at(other) - axis.at(value)) >= least)) {
      kept.push(value);
    }
  }
  return kept.sort((a, b) => a - b);
}

function rank(value: number): number {
  if (value === 0) {
    return 0;
  }
  const power = Math.log10(Math.abs(value));
  return Math.abs(power - Math.round(power)) < 1e-9 ? 1 : 2;
}
