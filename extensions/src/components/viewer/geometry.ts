/** Where the cells of a frame lie: sent once for a grid, a window and a decimation. */
import type { AxisHeader, Frame } from './frame';

interface Common {
  readonly key: string;
  readonly x: AxisHeader;
  readonly y: AxisHeader;
  /** A unit is as long upwards as sideways. */
  readonly equal: boolean;
}

/** Rows and columns; the top row first. */
export interface AxesGeometry extends Common {
  readonly kind: 'axes';
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** One more than there are columns. */
  readonly xEdges: Float64Array;
  readonly yEdges: Float64Array;
  /** Index of each column and row in the array. */
  readonly xIndex: Uint32Array;
  readonly yIndex: Uint32Array;
}

/** A curvilinear grid of ny rows and nx columns, in degrees. */
export interface CornersGeometry extends Common {
  readonly kind: 'corners';
  readonly nx: number;
  readonly ny: number;
  /** (ny + 1) × (nx + 1) */
  readonly cornerLon: Float32Array;
  readonly cornerLat: Float32Array;
  /** Centres, ny × nx */
  readonly lon: Float32Array;
  readonly lat: Float32Array;
}

/** Polygons in degrees: the nodes of cell i are those from starts[i] up to starts[i + 1]. */
export interface PolygonsGeometry extends Common {
  readonly kind: 'polygons';
  readonly starts: Uint32Array;
  readonly nodeLon: Float32Array;
  readonly nodeLat: Float32Array;
  readonly lon: Float32Array;
  readonly lat: Float32Array;
}

export type Geometry = AxesGeometry | CornersGeometry | PolygonsGeometry;

/** Whether the cells lie on the Earth: then projections and outlines make sense. */
export function isGeographic(geometry: Geometry): boolean {
  return (
    geometry.kind !== 'axes' || (geometry.x.kind === 'longitude' && geometry.y.kind === 'latitude')
  );
}

/** The geometry in a frame's payload; null where it is not in it. */
export function geometryOf(frame: Frame): Geometry | null {
  const { header } = frame;
  const { x, y } = header;
  if (!x || !y) {
    return null;
  }
  const common = { key: header.geometry ?? '', x, y, equal: header.equal ?? false };
  const f32 = (name: string) => frame.array(name) as Float32Array;
  const f64 = (name: string) => frame.array(name) as Float64Array;
  if (header.arrays.corner_lon) {
    const [ny, nx] = header.shape;
    const corners = { cornerLon: f32('corner_lon'), cornerLat: f32('corner_lat') };
    return { kind: 'corners', ...common, nx, ny, ...corners, lon: f32('lon'), lat: f32('lat') };
  }
  if (header.arrays.starts) {
    const nodes = { nodeLon: f32('node_lon'), nodeLat: f32('node_lat') };
    const centres = { lon: f32('lon'), lat: f32('lat') };
    return { kind: 'polygons', ...common, starts: frame.array('starts') as Uint32Array, ...nodes, ...centres };
  }
  if (header.arrays.x_edges) {
    const edges = { xEdges: f64('x_edges'), yEdges: f64('y_edges') };
    const indices = { xIndex: frame.array('x_index') as Uint32Array, yIndex: frame.array('y_index') as Uint32Array };
    return { kind: 'axes', ...common, xs: f64('x'), ys: f64('y'), ...edges, ...indices };
  }
  return null;
}
