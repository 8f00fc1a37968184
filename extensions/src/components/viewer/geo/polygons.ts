/** Cells of any shape, drawn at their true places by the rows of pixels that they cross. */
import type { CornersGeometry, PolygonsGeometry } from '../geometry';
import type { MapPlane } from './mapplane';
import { isCylindrical } from './projections';

/** Quads between neighbouring corners of a curvilinear grid. */
export function cornersMap(map: Uint32Array, geometry: CornersGeometry, plane: MapPlane): void {
  const { nx, ny, cornerLon, cornerLat } = geometry;
  const drawing = new Drawing(map, plane, cornerLon, cornerLat);
  const nodes = new Uint32Array(4);
  for (let j = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      const corner = j * (nx + 1) + i;
      nodes[0] = corner;
      nodes[1] = corner + 1;
      nodes[2] = corner + nx + 2;
      nodes[3] = corner + nx + 1;
      drawing.cell(j * nx + i, nodes, 4);
    }
  }
}

export function polygonsMap(map: Uint32Array, geometry: PolygonsGeometry, plane: MapPlane): void {
  const { starts, nodeLon, nodeLat } = geometry;
  const drawing = new Drawing(map, plane, nodeLon, nodeLat);
  const nodes = new Uint32Array(256);
  for (let cell = 0; cell + 1 < starts.length; cell++) {
    const first = starts[cell]!;
    const count = Math.min(nodes.length, starts[cell + 1]! - first);
    for (let n = 0; n < count; n++) {
      nodes[n] = first + n;
    }
    drawing.cell(cell, nodes, count);
  }
}

class Drawing {
  /** Radians about the middle of the map (cylindrical maps), and pixels. */
  private readonly longs: Float64Array;
  private readonly lats: Float64Array;
  private readonly x: Float64Array;
  private readonly y: Float64Array;
  /** Whether a node is on the far side of a round map. */
  private readonly far: Uint8Array;
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  private readonly px = new Float64Array(260);
  private readonly py = new Float64Array(260);
  private readonly crossings = new Float64Array(260);
  private readonly straight: boolean;

  constructor(
    private readonly map: Uint32Array,
    private readonly plane: MapPlane,
    lon: Float32Array,
    lat: Float32Array
  ) {
    const count = lon.length;
    this.straight = isCylindrical(plane.projection);
    this.longs = new Float64Array(this.straight ? count : 0);
    this.lats = new Float64Array(this.straight ? count : 0);
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.far = new Uint8Array(this.straight ? 0 : count);
    for (let n = 0; n < count; n++) {
      const [l, p] = plane.globe.turn(lon[n]!, lat[n]!);
      if (this.straight) {
        this.longs[n] = l;
        this.lats[n] = p;
        this.place(n, l, p);
      } else {
        this.placeRound(n, l, p);
      }
    }
    this.from = new Int32Array(plane.height);
    this.to = new Int32Array(plane.height);
    for (let row = 0; row < plane.height; row++) {
      const [left, right] = plane.crossing(row + 0.5);
      // A pixel belongs to the map when its middle does.
      this.from[row] = left <= right ? Math.max(0, Math.ceil(left - 0.5 - 1e-6)) : 0;
      this.to[row] = left <= right ? Math.min(plane.width - 1, Math.floor(right - 0.5 + 1e-6)) : -1;
    }
  }

  cell(cell: number, nodes: Uint32Array, count: number): void {
    if (count < 3) {
      return;
    }
    if (this.straight) {
      this.cellOnStrip(cell, nodes, count);
      return;
    }
    let hidden = 0;
    for (let n = 0; n < count; n++) {
      const node = nodes[n]!;
      hidden += this.far[node]!;
      this.px[n] = this.x[node]!;
      this.py[n] = this.y[node]!;
    }
    if (hidden < count) {
      this.fill(cell, count);
    }
  }

  /** On a map with a cut, a cell that crosses it is drawn on both sides; one around a pole up to it. */
  private cellOnStrip(cell: number, nodes: Uint32Array, count: number): void {
    const { longs, px, py } = this;
    let before = longs[nodes[count - 1]!]!;
    let around = 0;
    let cut = false;
    for (let n = 0; n < count; n++) {
      const node = nodes[n]!;
      const turn = turnOf(before, longs[node]!);
      around += turn;
      cut ||= turn !== 0;
      before = longs[node]!;
      px[n] = this.x[node]!;
      py[n] = this.y[node]!;
    }
    if (!cut) {
      this.fill(cell, count);
      return;
    }
    for (const copy of [-1, 0, 1]) {
      this.fill(cell, this.unrolled(nodes, count, copy, around));
    }
  }

  /** Put the corners beside each other, `copy` turns away, and the pole that they go `around`. */
  private unrolled(nodes: Uint32Array, count: number, copy: number, around: number): number {
    const { longs, lats } = this;
    let turn = copy;
    let before = longs[nodes[0]!]!;
    for (let n = 0; n < count; n++) {
      const node = nodes[n]!;
      turn += turnOf(before, longs[node]!);
      before = longs[node]!;
      this.corner(n, before + turn * 2 * Math.PI, lats[node]!);
    }
    if (around === 0) {
      return count;
    }
    const pole = lats[nodes[0]!]! > 0 ? Math.PI / 2 : -Math.PI / 2;
    const start = longs[nodes[0]!]! + copy * 2 * Math.PI;
    const end = start + around * 2 * Math.PI;
    this.corner(count, end, lats[nodes[0]!]!);
    this.corner(count + 1, end, pole);
    this.corner(count + 2, start, pole);
    return count + 3;
  }

  private corner(n: number, l: number, p: number): void {
    const { origin, scale, globe } = this.plane;
    const [x, y] = globe.draw(l, p);
    this.px[n] = origin[0] + x * scale;
    this.py[n] = origin[1] - y * scale;
  }

  private place(n: number, l: number, p: number): void {
    const { origin, scale, globe } = this.plane;
    const [x, y] = globe.draw(l, p);
    this.x[n] = origin[0] + x * scale;
    this.y[n] = origin[1] - y * scale;
  }

  /** Nodes on the far side lie as far outside the rim as they would be inside. */
  private placeRound(n: number, l: number, p: number): void {
    this.place(n, l, p);
    const ahead = Math.cos(l) * Math.cos(p);
    if (ahead < 0) {
      this.far[n] = 1;
      if (this.plane.projection === 'orthographic') {
        const { origin, scale } = this.plane;
        const [x, y] = [this.x[n]! - origin[0], this.y[n]! - origin[1]];
        const r = Math.hypot(x, y) / scale || 1e-9;
        this.x[n] = origin[0] + (x * (2 - r)) / r;
        this.y[n] = origin[1] + (y * (2 - r)) / r;
      }
    }
  }

  /** Give the pixels whose middles are inside a polygon to a cell. */
  private fill(cell: number, count: number): void {
    const { px, py, crossings, map, from, to } = this;
    const { width, height } = this.plane;
    let [low, high] = [Infinity, -Infinity];
    for (let n = 0; n < count; n++) {
      const y = py[n]!;
      if (!(Math.abs(y) < 1e7 && Math.abs(px[n]!) < 1e7)) {
        return;
      }
      low = y < low ? y : low;
      high = y > high ? y : high;
    }
    const first = Math.max(0, Math.ceil(low - 0.5));
    const last = Math.min(height - 1, Math.ceil(high - 0.5) - 1);
    for (let row = first; row <= last; row++) {
      const y = row + 0.5;
      let found = 0;
      for (let n = 0, m = count - 1; n < count; m = n++) {
        const [a, b] = py[m]! < py[n]! ? [m, n] : [n, m];
        if (py[a]! <= y && py[b]! > y) {
          // Ends in order of their height, so that neighbours find the very same crossing.
          crossings[found++] = px[a]! + ((y - py[a]!) / (py[b]! - py[a]!)) * (px[b]! - px[a]!);
        }
      }
      if (found > 2) {
        crossings.subarray(0, found).sort();
      } else if (found === 2 && crossings[0]! > crossings[1]!) {
        [crossings[0], crossings[1]] = [crossings[1]!, crossings[0]!];
      }
      for (let n = 0; n + 1 < found; n += 2) {
        const start = Math.max(from[row]!, Math.ceil(crossings[n]! - 0.5));
        const end = Math.min(to[row]!, Math.ceil(crossings[n + 1]! - 0.5) - 1);
        if (start <= end) {
          map.fill(cell, row * width + start, row * width + end + 1);
        }
      }
    }
  }
}

/** Turns to add to a longitude, in radians, that follows another the short way. */
function turnOf(before: number, now: number): number {
  return now - before > Math.PI ? -1 : now - before < -Math.PI ? 1 : 0;
}
