/** All that there is to see of a grid, whatever part of it is at hand. */
import type { AxisHeader, Numbers } from '../frame';
import type { Geometry } from '../geometry';
import { type Box, EARTH } from './projections';

/** Lowest and highest border of a whole axis; a frame may hold a part of it. */
export function rangeOf(axis: AxisHeader, edges?: Numbers): [number, number] | null {
  if (axis.range) {
    return axis.range;
  }
  if (!edges) {
    return null;
  }
  const [first, last] = [edges[0]!, edges[edges.length - 1]!];
  return [Math.min(first, last), Math.max(first, last)];
}

/** The box around the data in values of the coordinates; of a map within the Earth. */
export function homeOf(geometry: Geometry): Box {
  const axes = geometry.kind === 'axes' ? geometry : null;
  const x = rangeOf(geometry.x, axes?.xEdges) ?? EARTH.slice(0, 2);
  const y = rangeOf(geometry.y, axes?.yEdges) ?? EARTH.slice(2);
  if (axes && (geometry.x.kind !== 'longitude' || geometry.y.kind !== 'latitude')) {
    return [x[0]!, x[1]!, y[0]!, y[1]!];
  }
  const around = x[1]! - x[0]! >= 359;
  const west = around ? (x[0]! + x[1]!) / 2 - 180 : x[0]!;
  return [west, around ? west + 360 : x[1]!, Math.max(-90, y[0]!), Math.min(90, y[1]!)];
}

/** Of a box wider or taller than this, against its other side, one would see a line. */
export const STRETCHED = 6;

/** How many times as tall as it is a strip of degrees is drawn. */
export function tallness([x0, x1, y0, y1]: Box): number {
  const shape = (x1 - x0) / (y1 - y0);
  return Math.max(1, shape / STRETCHED) * Math.min(1, shape * STRETCHED);
}

export const isGlobal = (home: Box) => home[1] - home[0] >= 359;

/** A box of the same size, moved until it lies within another as far as it can. */
export function kept(box: Box, home: Box): Box {
  const [x0, x1] = within(box[0], box[1], home[0], home[1]);
  const [y0, y1] = within(box[2], box[3], home[2], home[3]);
  return [x0, x1, y0, y1];
}

function within(low: number, high: number, first: number, last: number): [number, number] {
  const size = high - low;
  const start = size >= last - first ? (first + last - size) / 2 : Math.min(Math.max(low, first), last - size);
  return [start, start + size];
}
