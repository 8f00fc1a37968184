/** Cells and where they are: on the screen, in the data, in words. */
import type { Frame } from './frame';
import type { Plane } from './geo/plane';
import { type Geometry, isGeographic } from './geometry';
import { NONE } from './paint/painter';
import { formatDegrees, formatNumber, formatPlace } from './scale';

/** Row and column; polygons have none. */
export function rowOf(geometry: Geometry, cell: number): [number, number] | null {
  if (geometry.kind === 'polygons') {
    return null;
  }
  const columns = geometry.kind === 'axes' ? geometry.xs.length : geometry.nx;
  return [Math.floor(cell / columns), cell % columns];
}

/** The middle of a cell, in what the axes show: degrees on maps. */
export function middleOf(geometry: Geometry, cell: number, plane: Plane): [number, number] {
  const at = rowOf(geometry, cell);
  if (geometry.kind === 'axes') {
    const [row, column] = at!;
    const { xEdges, yEdges } = geometry;
    return [(xEdges[column] + xEdges[column + 1]) / 2, (yEdges[row] + yEdges[row + 1]) / 2];
  }
  if (geometry.kind === 'corners' && plane.projection === 'grid') {
    return [at![1] + 0.5, at![0] + 0.5];
  }
  return [geometry.lon[cell], geometry.lat[cell]];
}

/** Where a cell is, in words. */
export function placeText(geometry: Geometry, cell: number): string {
  if (geometry.kind === 'axes') {
    const [row, column] = rowOf(geometry, cell)!;
    const { x, y, xs, ys } = geometry;
    return `${formatPlace(y, ys, row)}, ${formatPlace(x, xs, column)}`;
  }
  const [lon, lat] = [geometry.lon[cell], geometry.lat[cell]];
  return Number.isNaN(lon + lat)
    ? 'a cell without a place'
    : `${formatDegrees(rounded(lat), 'latitude')}, ${formatDegrees(rounded(lon), 'longitude')}`;
}

/** What the kernel knows a cell by: degrees of its place, or indices where it has none. */
export function atOf(geometry: Geometry, cell: number): Record<string, number> | null {
  if (geometry.kind === 'axes') {
    const [row, column] = rowOf(geometry, cell)!;
    const { x, y, xs, ys, xIndex, yIndex } = geometry;
    return isGeographic(geometry)
      ? { lon: xs[column], lat: ys[row] }
      : { [x.dim]: xIndex[column], [y.dim]: yIndex[row] };
  }
  const [lon, lat] = [geometry.lon[cell], geometry.lat[cell]];
  return Number.isNaN(lon + lat) ? null : { lon, lat };
}

/** The cell beside another one, in pixels on the screen where there are no rows. */
export function beside(
  geometry: Geometry,
  plane: Plane,
  map: Uint32Array,
  cell: number,
  dx: number,
  dy: number
): number {
  if (geometry.kind === 'axes') {
    const [row, column] = rowOf(geometry, cell)!;
    const clamp = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
    return clamp(row + dy, geometry.ys.length) * geometry.xs.length + clamp(column + dx, geometry.xs.length);
  }
  const from = plane.toPixel(...middleOf(geometry, cell, plane));
  if (!from) {
    return cell;
  }
  const [px, py] = from.map(Math.floor);
  for (let k = 1; ; k++) {
    const [x, y] = [px + k * dx, py + k * dy];
    if (x < 0 || y < 0 || x >= plane.width || y >= plane.height) {
      return cell;
    }
    const other = map[y * plane.width + x];
    if (other !== NONE && other !== cell) {
      return other;
    }
  }
}

/** A cell that is seen, near the middle of the picture. */
export function central(map: Uint32Array, plane: Plane): number | null {
  const middle = Math.floor(plane.height / 2) * plane.width + Math.floor(plane.width / 2);
  for (let k = 0; k < map.length; k++) {
    const at = middle + (k % 2 ? -1 : 1) * ((k + 1) >> 1);
    if (at >= 0 && at < map.length && map[at] !== NONE) {
      return map[at];
    }
  }
  return null;
}

export function valueText(value: number, units: string): string {
  if (!units || Number.isNaN(value)) {
    return formatNumber(value);
  }
  // Units such as "1E11 m-3" are a factor.
  return `${formatNumber(value)} ${/^\d/.test(units) ? '× ' : ''}${units}`;
}

export function describeCell(frame: Frame, geometry: Geometry, cell: number): string {
  return `${valueText(frame.rounded(cell), frame.header.units)} at ${placeText(geometry, cell)}`;
}

/** Single precision has seven digits: more would be noise. */
const rounded = (v: number) => Number(v.toPrecision(6));
