/** Which cell every pixel of a plot's box shows. */
import type { Numbers } from '../frame';
import type { AxesGeometry, Geometry } from '../geometry';
import { NONE } from '../paint/painter';
import { FlatPlane } from './flat';
import { MapPlane } from './mapplane';
import type { Plane } from './plane';
import { cornersMap, polygonsMap } from './polygons';

/** For every pixel, row by row from the top, the index of its cell, or NONE. */
export function cellMap(geometry: Geometry, plane: Plane): Uint32Array {
  const map = new Uint32Array(plane.width * plane.height).fill(NONE);
  if (plane instanceof FlatPlane) {
    fillFlat(map, geometry, plane);
  } else if (plane instanceof MapPlane) {
    if (geometry.kind === 'axes') {
      fillAxes(map, geometry, plane);
    } else if (geometry.kind === 'corners') {
      cornersMap(map, geometry, plane);
    } else {
      polygonsMap(map, geometry, plane);
    }
  }
  return map;
}

function fillFlat(map: Uint32Array, geometry: Geometry, plane: FlatPlane): void {
  const { width, height } = plane;
  const [left, right, bottom, top] = plane.ends;
  const pixels = (count: number, start: number, end: number) =>
    Float64Array.from({ length: count }, (_, i) => start + ((i + 0.5) / count) * (end - start));
  const [xs, ys] = [pixels(width, left, right), pixels(height, top, bottom)];
  const axes = geometry.kind === 'axes' ? geometry : null;
  const nx = axes ? axes.xs.length : geometry.kind === 'corners' ? geometry.nx : 0;
  const column = axes ? finder(axes.xEdges) : whole(nx);
  const row = axes ? finder(axes.yEdges) : whole(geometry.kind === 'corners' ? geometry.ny : 0);
  const columns = Int32Array.from(xs, column);
  for (let py = 0; py < height; py++) {
    const j = row(ys[py]!);
    for (let px = 0; j >= 0 && px < width; px++) {
      if (columns[px]! >= 0) {
        map[py * width + px] = j * nx + columns[px]!;
      }
    }
  }
}

function fillAxes(map: Uint32Array, { xs, xEdges, yEdges }: AxesGeometry, plane: MapPlane): void {
  const { width, height } = plane;
  const [lon, lat] = [new Float64Array(width), new Float64Array(width)];
  const [column, row] = [finder(xEdges, 360), finder(yEdges)];
  for (let py = 0; py < height; py++) {
    plane.row(py + 0.5, 0.5, 1, lon, lat);
    const start = py * width;
    let before = NaN;
    let j = -1;
    for (let px = 0; px < width; px++) {
      if (lat[px] !== before) {
        before = lat[px]!;
        j = row(before);
      }
      if (j >= 0) {
        const i = column(lon[px]!);
        if (i >= 0) {
          map[start + px] = j * xs.length + i;
        }
      }
    }
  }
}

/** A grid along its own rows and columns: an index is its own cell. */
const whole = (count: number) => (at: number) => (at >= 0 && at < count ? Math.floor(at) : -1);

const BINS = 4_096;

/**
 * The cell between two of many borders (monotonic) that holds a value; -1 where none does. With a
 * `period` values are taken modulo it, and the last border counts as the first of the next turn.
 */
function finder(edges: Numbers, period = 0): (at: number) => number {
  const last = edges.length - 2;
  const falls = edges[last + 1]! < edges[0]!;
  const edge = (i: number) => (falls ? -edges[i]! : edges[i]!);
  const [start, end] = [edge(0), edge(last + 1)];
  const closed = period > 0 && Math.abs(end - start - period) < 1e-6 * period;
  const bins = new Int32Array(BINS + 1);
  const scale = BINS / (end - start);
  for (let bin = 0, i = 0; bin <= BINS; bin++) {
    while (i < last && edge(i + 1) <= start + bin / scale) {
      i++;
    }
    bins[bin] = i;
  }
  const rising = falls ? Float64Array.from(edges, v => -v) : Float64Array.from(edges);
  return value => {
    let at = falls ? -value : value;
    if (period > 0 && !(at >= start && at <= end)) {
      at -= Math.floor((at - start) / period) * period;
    }
    if (!(at >= start && (at <= end || closed))) {
      return -1;
    }
    let i = bins[Math.min(BINS, Math.floor((at - start) * scale))]!;
    while (i < last && rising[i + 1]! <= at) {
      i++;
    }
    return i;
  };
}
