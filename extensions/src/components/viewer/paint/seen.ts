/** What the cells that are seen hold: their range, and how many lie where. */
import { decode, type Encoding, type Numbers } from '../frame';
import type { Limits, ScaleAxis } from './look';

export interface Seen {
  /** Smallest and largest finite value; null where there is none. */
  readonly range: Limits | null;
  /** Smallest value above zero, for a logarithm; null where there is none. */
  readonly positive: number | null;
  /** How many cells lie in each of some even steps along a scale. */
  bins(axis: ScaleAxis, count: number): Uint32Array;
}

export function seenOf(cells: Numbers, encoding: Encoding): Seen {
  const { values, counts } = tally(cells, encoding);
  let range: Limits | null = null;
  let positive: number | null = null;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if ((counts && !counts[i]) || !Number.isFinite(value)) {
      continue;
    }
    range = range ? [Math.min(range[0], value), Math.max(range[1], value)] : [value, value];
    if (value > 0 && (positive === null || value < positive)) {
      positive = value;
    }
  }
  return {
    range,
    positive,
    bins(axis, count) {
      const bins = new Uint32Array(count);
      for (let i = 0; i < values.length; i++) {
        const n = counts ? counts[i] : 1;
        const at = n ? axis.at(values[i]) : NaN;
        if (at >= 0 && at <= 1) {
          bins[Math.min(count - 1, Math.floor(at * count))] += n;
        }
      }
      return bins;
    }
  };
}

/** Codes are counted first: there are far fewer of them than cells. */
function tally(cells: Numbers, encoding: Encoding): { values: ArrayLike<number>; counts: Uint32Array | null } {
  if (!(cells instanceof Uint8Array || cells instanceof Uint16Array)) {
    return { values: cells, counts: null };
  }
  const counts = new Uint32Array(cells instanceof Uint8Array ? 256 : 65_536);
  for (let i = 0; i < cells.length; i++) {
    counts[cells[i]]++;
  }
  return { values: Float64Array.from(counts, (_, code) => decode(code, encoding)), counts };
}
