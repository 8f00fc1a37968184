/** A plane of straight axes: images, sections, and grids along their own rows and columns. */
import type { AxisHeader } from '../frame';
import type { Geometry } from '../geometry';
import { homeOf, kept, STRETCHED } from './home';
import type { Change, Plane } from './plane';
import type { Box, Place } from './projections';

const FINEST = 1 / 4_000;

export class FlatPlane implements Plane {
  readonly projection = 'grid';
  readonly window: Box | null;
  /** Values at the left, right, bottom and top edge of the box: an axis may fall. */
  readonly ends: Box;
  private readonly home: Box;
  private readonly asked: boolean;

  constructor(
    geometry: Geometry,
    window: Box | null,
    readonly width: number,
    readonly height: number
  ) {
    this.home = gridHome(geometry);
    // The window of a curvilinear grid is in degrees, which say nothing about rows and columns.
    const box = geometry.kind === 'axes' ? (window ?? this.home) : this.home;
    const [x0, x1, y0, y1] = isEqual(geometry) ? widened(box, width / height) : box;
    const [right, up] = directions(geometry);
    this.ends = [right ? x0 : x1, right ? x1 : x0, up ? y0 : y1, up ? y1 : y0];
    this.asked = geometry.kind === 'axes';
    const all = x0 <= this.home[0] && x1 >= this.home[1] && y0 <= this.home[2] && y1 >= this.home[3];
    this.window = all || !this.asked ? null : [x0, x1, y0, y1];
  }

  toPixel(x: number, y: number): Place {
    const [left, right, bottom, top] = this.ends;
    return [((x - left) / (right - left)) * this.width, ((y - top) / (bottom - top)) * this.height];
  }

  fromPixel(px: number, py: number): Place {
    const [left, right, bottom, top] = this.ends;
    return [left + (px / this.width) * (right - left), top + (py / this.height) * (bottom - top)];
  }

  zoom(factor: number, px: number, py: number): Change {
    const [x, y] = this.fromPixel(px, py);
    const [left, right, bottom, top] = this.ends;
    const near = (at: number, end: number) => at + (end - at) / factor;
    return this.seen([near(x, left), near(x, right), near(y, bottom), near(y, top)]);
  }

  pan(dx: number, dy: number): Change {
    const [left, right, bottom, top] = this.ends;
    const [x, y] = [(-dx / this.width) * (right - left), (-dy / this.height) * (bottom - top)];
    return this.seen([left + x, right + x, bottom + y, top + y]);
  }

  private seen([a, b, c, d]: Box): Change {
    const box: Box = [Math.min(a, b), Math.max(a, b), Math.min(c, d), Math.max(c, d)];
    const part = Math.max((box[1] - box[0]) / (this.home[1] - this.home[0]), (box[3] - box[2]) / (this.home[3] - this.home[2]));
    if (!this.asked || part < FINEST) {
      return {};
    }
    const wide = box[1] - box[0] >= this.home[1] - this.home[0];
    const high = box[3] - box[2] >= this.home[3] - this.home[2];
    return { window: wide && high ? null : kept(box, this.home) };
  }
}

/** The borders of all rows and columns: of coordinates, or of indices where these are two-dimensional. */
export function gridHome(geometry: Geometry): Box {
  return geometry.kind === 'corners' ? [0, geometry.nx, 0, geometry.ny] : homeOf(geometry);
}

/** The axes along which a geometry is drawn: of a curvilinear grid its rows and columns. */
export function gridAxes({ kind, x, y }: Geometry): [AxisHeader, AxisHeader] {
  const counted = (axis: AxisHeader): AxisHeader => ({ ...axis, kind: 'index', title: axis.dim, units: '' });
  return kind === 'corners' ? [counted(x), counted(y)] : [x, y];
}

/** Whether a unit is as long upwards as sideways, as far as one can still see both. */
export function isEqual(geometry: Geometry): boolean {
  const [x0, x1, y0, y1] = gridHome(geometry);
  const shape = (x1 - x0) / (y1 - y0);
  return (geometry.equal || geometry.kind === 'corners') && shape < STRETCHED && shape > 1 / STRETCHED;
}

/** Whether values grow to the right and upwards. */
function directions(geometry: Geometry): [boolean, boolean] {
  if (geometry.kind !== 'axes') {
    return [true, false];
  }
  const { xEdges, yEdges } = geometry;
  return [xEdges[xEdges.length - 1]! > xEdges[0]!, yEdges[0]! > yEdges[yEdges.length - 1]!];
}

/** The smallest box of a shape (width by height) around a box, with its middle. */
function widened([x0, x1, y0, y1]: Box, shape: number): Box {
  const width = Math.max(x1 - x0, (y1 - y0) * shape);
  const height = Math.max(y1 - y0, (x1 - x0) / shape);
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return [x - width / 2, x + width / 2, y - height / 2, y + height / 2];
}
