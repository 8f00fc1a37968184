/**
 * The look of a picture: which colour a value has. Painting is look(cells[map]).
 *
 * A look is turned into steps: colours, and the values at which one changes to the next. Values are
 * only ever compared with those, so that a logarithm costs no more than a line, and whatever paints
 * (a graphics card or not) has the same pixels.
 */
import { decode, type Encoding, type Numbers, type Scale } from '../frame';

export type { Scale };
export type Limits = [number, number];

export interface Look {
  /** 256 colours, RGBA packed as a little-endian canvas stores it. */
  table: Uint32Array;
  limits: Limits;
  scale: Scale;
  /** Values that stand for categories: each has a colour of its own, any other value none. */
  categories?: readonly number[];
}

/** Where values lie between the limits, from 0 to 1 (and beyond), and back. */
export interface ScaleAxis {
  readonly limits: Limits;
  readonly scale: Scale;
  at(value: number): number;
  value(at: number): number;
}

const LOG_SPAN = 1e-6;
const SYMLOG_SPAN = 1e-3;

/**
 * A scale between limits. A logarithm needs values above zero: a lower limit that is none becomes
 * 1e-6 of the upper one, and without an upper one the scale is linear. `symlog` is the inverse
 * hyperbolic sine: linear within 1/1000 of the larger limit, logarithmic beyond, of either sign.
 */
export function scaleAxis([low, high]: Limits, scale: Scale): ScaleAxis {
  if (scale === 'log' && high > 0) {
    const least = low > 0 ? low : high * LOG_SPAN;
    const linear = scaleAxis([Math.log(least), Math.log(high)], 'linear');
    return {
      limits: [least, high],
      scale,
      at: value => (value > 0 ? linear.at(Math.log(value)) : -Infinity),
      value: at => (at === 0 ? least : at === 1 ? high : Math.exp(linear.value(at)))
    };
  }
  if (scale === 'symlog') {
    const width = Math.max(Math.abs(low), Math.abs(high)) * SYMLOG_SPAN || 1;
    const linear = scaleAxis([Math.asinh(low / width), Math.asinh(high / width)], 'linear');
    return {
      limits: [low, high],
      scale,
      at: value => linear.at(Math.asinh(value / width)),
      value: at => (at === 0 ? low : at === 1 ? high : width * Math.sinh(linear.value(at)))
    };
  }
  return {
    limits: [low, high],
    scale: 'linear',
    // Halves, because the span of two large numbers may be no number.
    at: value => (value / 2 - low / 2) / (high / 2 - low / 2),
    value: at => low * (1 - at) + high * at
  };
}

export interface Steps {
  /** Rising; a value has the colour whose place is the number of bounds at or below it. */
  readonly bounds: Float64Array;
  /** One more than the bounds. */
  readonly colors: Uint32Array;
}

export function stepsOf(look: Look): Steps {
  if (look.categories) {
    return categorySteps(look.categories, look.table);
  }
  const axis = scaleAxis(look.limits, look.scale);
  const count = look.table.length;
  const bounds = Float64Array.from({ length: count - 1 }, (_, i) => axis.value((i + 1) / count));
  return { bounds, colors: look.table };
}

/** Colours of the table's first entries, in turn; nothing between the categories. */
function categorySteps(categories: readonly number[], table: Uint32Array): Steps {
  const sorted = categories.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  const bounds = new Float64Array(2 * sorted.length);
  const colors = new Uint32Array(2 * sorted.length + 1);
  sorted.forEach(({ value, i }, place) => {
    const gaps = [sorted[place - 1], sorted[place + 1]].map(n => (n ? Math.abs(n.value - value) : Infinity));
    const reach = Math.min(0.5, gaps[0] / 2, gaps[1] / 2);
    bounds[2 * place] = value - reach;
    bounds[2 * place + 1] = value + reach;
    colors[2 * place + 1] = table[i % table.length];
  });
  return { bounds, colors };
}

/** The place of a value's colour: the number of bounds at or below it, known to be from low to high. */
export function stepOf(bounds: Float64Array, value: number, low = 0, high = bounds.length): number {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle] <= value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The colour of a value; what is not a number is transparent. */
export function colorOf(steps: Steps, value: number): number {
  return Number.isNaN(value) ? 0 : steps.colors[stepOf(steps.bounds, value)];
}

export type Codes = Uint8Array | Uint16Array;

/** Whole numbers for cells, and the colour of each: all that painting needs. */
export interface Coded {
  readonly codes: Codes;
  readonly colors: Uint32Array;
}

/** Colours of all codes of an encoding. Codes rise with their values: each is a step from the last. */
export function codeColors(steps: Steps, encoding: Encoding, count: number): Uint32Array {
  const { bounds, colors } = steps;
  const found = new Uint32Array(count);
  let step = 0;
  for (let code = 0; code < count; code++) {
    const value = decode(code, encoding);
    if (Number.isNaN(value)) {
      continue;
    }
    while (step < bounds.length && bounds[step] <= value) {
      step++;
    }
    while (step > 0 && bounds[step - 1] > value) {
      step--;
    }
    found[code] = colors[step];
  }
  return found;
}

/** Cells that came as numbers, coded by the steps of a look. */
export function codeNumbers(steps: Steps, numbers: Numbers): Coded {
  const { bounds, colors } = steps;
  const missing = colors.length;
  const codes = new Uint16Array(numbers.length);
  const search = numbers instanceof Float32Array ? searchByBits(bounds, numbers) : (i: number) => stepOf(bounds, numbers[i]);
  for (let i = 0; i < numbers.length; i++) {
    codes[i] = Number.isNaN(numbers[i]) ? missing : search(i);
  }
  const all = new Uint32Array(missing + 1);
  all.set(colors);
  return { codes, colors: all };
}

/**
 * The step of each of many numbers. Those whose first 16 bits are the same lie close together:
 * the steps of both ends of such a group are found once, and few are left to search between them.
 */
function searchByBits(bounds: Float64Array, numbers: Float32Array): (i: number) => number {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const lows = new Int32Array(1 << 16).fill(-1);
  const highs = new Int32Array(1 << 16);
  const ends = new Uint32Array(2);
  const values = new Float32Array(ends.buffer);
  return i => {
    const group = bits[i] >>> 16;
    if (lows[group] < 0) {
      ends[0] = group << 16;
      ends[1] = ends[0] | 0xffff;
      // The other end of a group that holds infinity is no number.
      const [a, b] = Array.from(values, value => stepOf(bounds, Number.isNaN(value) ? numbers[i] : value));
      lows[group] = Math.min(a, b);
      highs[group] = Math.max(a, b);
    }
    return stepOf(bounds, numbers[i], lows[group], highs[group]);
  };
}
