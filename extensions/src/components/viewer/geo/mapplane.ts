/** A plane that is a map of the Earth, in any projection. */
import type { GeoProjection } from 'd3-geo';
import { isGlobal, kept, tallness } from './home';
import type { Change, Plane, View } from './plane';
import { type Box, DEGREE, Globe, isCylindrical, type MapName, type Place, turned } from './projections';

const FINEST = 2_000;
const SAMPLES = 32;

/**
 * The window of the state is a box of degrees to look at. Plate carrée shows it as it is; the other
 * maps take its middle, and its size against the Earth's as the scale. Null shows all data.
 */
export class MapPlane implements Plane {
  readonly globe: Globe;
  /** Pixels of a unit of the globe's plane, and the pixel of its origin. */
  readonly scale: number;
  readonly origin: Place;
  readonly window: Box | null;

  constructor(
    readonly projection: MapName,
    private readonly home: Box,
    private readonly view: View,
    readonly width: number,
    readonly height: number
  ) {
    const seen = view.window;
    this.globe = globeOf(projection, home, view);
    let middle: Place;
    if (seen && projection !== 'plate') {
      this.scale = this.whole * Math.max(1, Math.min(180 / (seen[3] - seen[2]), 360 / (seen[1] - seen[0])));
      const latitude = Math.max(-90, Math.min(90, (seen[2] + seen[3]) / 2));
      middle = this.globe.project((seen[0] + seen[1]) / 2, latitude) ?? [0, 0];
    } else {
      const box = seen ? plateBox(this.globe, seen) : boundsOf(this.globe, home);
      this.scale = fitting(box, width, height);
      middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
    }
    this.origin = [width / 2 - middle[0] * this.scale, height / 2 + middle[1] * this.scale];
    this.window = this.seenBox();
  }

  toPixel(lon: number, lat: number): Place | null {
    const at = this.globe.project(lon, lat);
    return at && [this.origin[0] + at[0] * this.scale, this.origin[1] - at[1] * this.scale];
  }

  fromPixel(px: number, py: number): Place | null {
    const [lon, lat] = [new Float64Array(1), new Float64Array(1)];
    this.row(py, px, 1, lon, lat);
    return Number.isNaN(lon[0]) ? null : [turned(lon[0]!), lat[0]!];
  }

  /** The places of a row of points `step` pixels apart; NaN outside the map. */
  row(py: number, px: number, step: number, lon: Float64Array, lat: Float64Array): void {
    const { scale, origin } = this;
    this.globe.invertRow((origin[1] - py) / scale, (px - origin[0]) / scale, step / scale, lon, lat);
  }

  /** The pixels between which a row crosses the map; NaN where it does not. */
  crossing(py: number): Place {
    const half = this.globe.halfWidth((this.origin[1] - py) / this.scale) * this.scale;
    return [this.origin[0] - half, this.origin[0] + half];
  }

  /** The same projection for d3-geo's paths. */
  path(): GeoProjection {
    return this.globe.path(this.scale, ...this.origin);
  }

  zoom(factor: number, px: number, py: number): Change {
    const scale = this.scale * factor;
    if (scale <= this.with({ window: null }).scale * 1.001) {
      return { window: null };
    }
    const held = this.fromPixel(px, py);
    let change = this.at(this.middle, Math.min(scale, FINEST * this.whole));
    // A turn of the globe bends the map as well, so that moving the place back takes some steps.
    for (let step = 0; held && step < 3; step++) {
      const nearer = this.with(change);
      const now = nearer.toPixel(...held);
      change = now ? { ...change, ...nearer.pan(px - now[0], py - now[1]) } : change;
    }
    return change;
  }

  pan(dx: number, dy: number): Change {
    const { scale, globe, projection } = this;
    const turns = isGlobal(this.home) || projection === 'orthographic';
    if (projection === 'north' || projection === 'south') {
      const to = this.fromPixel(this.width / 2 - dx, this.height / 2 - dy);
      const turn = (dx / scale / DEGREE) * (projection === 'north' ? -1 : 1);
      return this.view.window && to ? this.at(to, scale) : { center: [turned(globe.center[0] + turn), 0] };
    }
    const [lon, lat] = this.middle;
    const [x, y] = [dx / scale / DEGREE / globe.parallel(lat), dy / scale / DEGREE / globe.tall];
    const to: Place = [lon - x, Math.max(-90, Math.min(90, lat + y))];
    if (this.view.window) {
      return this.at(to, scale);
    }
    // The whole Earth turns and stays whole.
    return turns ? { center: [turned(to[0]), projection === 'orthographic' ? to[1] : 0] } : {};
  }

  /** Degrees at the left, right, bottom and top edge; null where meridians and parallels are no axes. */
  get ends(): Box | null {
    if (this.projection !== 'plate') {
      return null;
    }
    const [x, y] = this.reach(this.scale);
    const lon = this.globe.center[0];
    const lat = (this.origin[1] - this.height / 2) / this.scale / DEGREE / this.globe.tall;
    return [lon - x, lon + x, lat - y, lat + y];
  }

  /** The scale against that of the whole Earth. */
  get magnification(): number {
    return this.scale / this.whole;
  }

  /** Pixels of a unit where the whole map fits. */
  private get whole(): number {
    return fitting(this.globe.whole(), this.width, this.height);
  }

  /** The place in the middle of the box. */
  private get middle(): Place {
    const [lon, lat] = this.fromPixel(this.width / 2, this.height / 2) ?? this.globe.center;
    const home = (this.home[0] + this.home[1]) / 2;
    return [isGlobal(this.home) ? lon : home + turned(lon - home), lat];
  }

  private with(change: Change): MapPlane {
    return new MapPlane(this.projection, this.home, { ...this.view, ...change }, this.width, this.height);
  }

  /** The state that has a place in the middle, at a scale. */
  private at([lon, lat]: Place, scale: number): Change {
    if (this.projection === 'plate') {
      const [x, y] = this.reach(scale);
      const box: Box = [lon - x, lon + x, lat - y, lat + y];
      const home: Box = isGlobal(this.home) ? [-Infinity, Infinity, this.home[2], this.home[3]] : this.home;
      return { window: this.starting(kept(box, home)) };
    }
    const part = this.whole / scale;
    const window = this.starting([lon - 180 * part, lon + 180 * part, lat - 90 * part, lat + 90 * part]);
    return this.projection === 'orthographic' ? { window, center: [turned(lon), lat] } : { window };
  }

  private seenBox(): Box | null {
    const { projection, home } = this;
    const box = projection === 'plate' ? this.plateWindow() : this.sampledWindow();
    if (!box) {
      return null;
    }
    const wide = isGlobal(home) ? box[1] - box[0] >= 359 : box[0] <= home[0] && box[1] >= home[1];
    return wide && box[2] <= home[2] && box[3] >= home[3] ? null : this.starting(box);
  }

  private plateWindow(): Box {
    const [west, east, south, north] = this.ends!;
    const lon = this.middle[0];
    const x = Math.min(180, (east - west) / 2);
    return [lon - x, lon + x, Math.max(-90, south), Math.min(90, north)];
  }

  /** The box around the places of many points; null where a part of the picture is off the Earth. */
  private sampledWindow(): Box | null {
    const { width, height } = this;
    const [lon, lat] = [new Float64Array(SAMPLES + 1), new Float64Array(SAMPLES + 1)];
    const box: Box = [Infinity, -Infinity, Infinity, -Infinity];
    const middle = this.middle[0];
    for (let i = 0; i <= SAMPLES; i++) {
      this.row((i / SAMPLES) * height, 0, width / SAMPLES, lon, lat);
      for (let j = 0; j <= SAMPLES; j++) {
        const l = middle + turned(lon[j]! - middle);
        if (Number.isNaN(l)) {
          return null;
        }
        box[0] = Math.min(box[0], l);
        box[1] = Math.max(box[1], l);
        box[2] = Math.min(box[2], lat[j]!);
        box[3] = Math.max(box[3], lat[j]!);
      }
    }
    // Between two points there may be a little more.
    const [x, y] = [(box[1] - box[0]) / SAMPLES, (box[3] - box[2]) / SAMPLES];
    const wider: Box = [box[0] - x, box[1] + x, Math.max(-90, box[2] - y), Math.min(90, box[3] + y)];
    for (const pole of isCylindrical(this.projection) ? [] : [-90, 90]) {
      const at = this.toPixel(0, pole);
      if (at && at[0] >= 0 && at[0] <= width && at[1] >= 0 && at[1] <= height) {
        wider[pole < 0 ? 2 : 3] = pole;
        wider[0] = middle - 180;
        wider[1] = middle + 180;
      }
    }
    return wider[1] - wider[0] > 360 ? [middle - 180, middle + 180, wider[2], wider[3]] : wider;
  }

  /** Degrees from the middle to the sides of the box, of plate carrée. */
  private reach(scale: number): Place {
    return [this.width / 2 / scale / DEGREE, this.height / 2 / scale / DEGREE / this.globe.tall];
  }

  /** The same box; where the data go around the Earth its west is in -180..180. */
  private starting([x0, x1, y0, y1]: Box): Box {
    const west = isGlobal(this.home) ? turned(x0) : x0;
    return [west, west + x1 - x0, y0, y1];
  }
}

/** The height of a whole map of this width. */
export function mapHeight(name: MapName, home: Box, view: View, width: number): number {
  const [x0, x1, y0, y1] = boundsOf(globeOf(name, home, { ...view, window: null }), home);
  return (width * (y1 - y0)) / (x1 - x0);
}

function globeOf(name: MapName, home: Box, { window, center }: View): Globe {
  const middleOf = ([x0, x1, y0, y1]: Box): Place => [
    (x0 + x1) / 2,
    Math.max(-90, Math.min(90, (y0 + y1) / 2))
  ];
  const tall = name === 'plate' ? tallness(home) : 1;
  if (window && name !== 'north' && name !== 'south') {
    return new Globe(name, middleOf(window), tall);
  }
  // A region is looked at from above, until another middle is chosen.
  const chosen = isGlobal(home) || ((center[0] !== 0 || center[1] !== 0) && !isCylindrical(name));
  return new Globe(name, chosen ? center : middleOf(home), tall);
}

function boundsOf(globe: Globe, home: Box): Box {
  if (globe.name !== 'plate') {
    return isGlobal(home) && isCylindrical(globe.name) ? globe.whole() : globe.bounds(home);
  }
  return plateBox(globe, home);
}

function plateBox({ tall }: Globe, [x0, x1, y0, y1]: Box): Box {
  const half = ((x1 - x0) / 2) * DEGREE;
  return [-half, half, y0 * DEGREE * tall, y1 * DEGREE * tall];
}

const fitting = ([x0, x1, y0, y1]: Box, width: number, height: number) =>
  Math.min(width / (x1 - x0), height / (y1 - y0));
