/** The projections of the maps: d3-geo's formulas, and the turn of the globe before them. */
import {
  type GeoProjection,
  type GeoRawProjection,
  geoOrthographicRaw,
  geoProjection,
  geoStereographicRaw
} from 'd3-geo';
import { geoRobinsonRaw } from 'd3-geo-projection';
import type { ProjectionName } from '../state';

export type MapName = Exclude<ProjectionName, 'grid'>;
export type Place = [number, number];
/** x0, x1, y0, y1 */
export type Box = [number, number, number, number];

export const DEGREE = Math.PI / 180;
export const EARTH: Box = [-180, 180, -90, 90];

/** Straight parallels; else a disc about its centre, of radius 1. */
export const isCylindrical = (name: MapName) => name === 'plate' || name === 'robinson';

const RAW: Record<Exclude<MapName, 'plate'>, GeoRawProjection> = {
  robinson: geoRobinsonRaw,
  orthographic: geoOrthographicRaw,
  north: geoStereographicRaw,
  south: geoStereographicRaw
};

/** A globe turned so that `center` is the middle of the map, and drawn on a plane with y upwards. */
export class Globe {
  readonly center: Place;
  private readonly raw: GeoRawProjection;
  private readonly sin: number;
  private readonly cos: number;

  constructor(
    readonly name: MapName,
    center: Place,
    /** How many times as tall as it is plate carrée is drawn. */
    readonly tall = 1
  ) {
    const latitude = isCylindrical(name) ? 0 : name === 'north' ? 90 : name === 'south' ? -90 : center[1];
    this.center = [turned(center[0]), latitude];
    this.raw = name === 'plate' ? plate(tall) : RAW[name];
    this.sin = Math.sin(latitude * DEGREE);
    this.cos = Math.cos(latitude * DEGREE);
  }

  /** Where a place lies, null where it is on the far side. */
  project(lon: number, lat: number): Place | null {
    const [l, p] = this.turn(lon, lat);
    const hidden = !isCylindrical(this.name) && Math.cos(l) * Math.cos(p) < -1e-9;
    return hidden ? null : this.raw(l, p);
  }

  /** Radians about the middle of the map. */
  turn(lon: number, lat: number): Place {
    const l = turned(lon - this.center[0]) * DEGREE;
    const p = lat * DEGREE;
    if (this.sin === 0) {
      return [l, p];
    }
    const x = Math.cos(l) * Math.cos(p);
    const y = Math.sin(l) * Math.cos(p);
    const z = Math.sin(p);
    const ahead = x * this.cos + z * this.sin;
    const up = z * this.cos - x * this.sin;
    return [Math.atan2(y, ahead), Math.asin(Math.max(-1, Math.min(1, up)))];
  }

  /** The plane's coordinates of radians about the middle. */
  draw(l: number, p: number): Place {
    return this.raw(l, p);
  }

  /** The places of points of one row, of which `x` and `y` are the plane's; NaN outside the map. */
  invertRow(y: number, x0: number, dx: number, lon: Float64Array, lat: Float64Array): void {
    if (isCylindrical(this.name)) {
      const latitude = this.raw.invert!(0, y)[1];
      const inside = Math.abs(latitude) <= Math.PI / 2 + 1e-12;
      const long = this.raw(1, latitude)[0] * DEGREE;
      for (let i = 0; i < lon.length; i++) {
        const l = (x0 + i * dx) / long;
        lon[i] = inside && Math.abs(l) <= 180 ? this.center[0] + l : NaN;
        lat[i] = latitude / DEGREE;
      }
      return;
    }
    const flat = this.name === 'orthographic';
    for (let i = 0; i < lon.length; i++) {
      const x = x0 + i * dx;
      const rr = x * x + y * y;
      // Unit vector: ahead to the middle of the map, right and up.
      const shrink = flat ? 1 : 2 / (1 + rr);
      const ahead = flat ? Math.sqrt(1 - rr) : (1 - rr) / (1 + rr);
      const up = y * shrink;
      const east = Math.atan2(x * shrink, ahead * this.cos - up * this.sin);
      lon[i] = rr <= 1 ? this.center[0] + east / DEGREE : NaN;
      lat[i] = Math.asin(Math.max(-1, Math.min(1, ahead * this.sin + up * this.cos))) / DEGREE;
    }
  }

  /** Length of a degree of longitude against one at the equator, near the middle of the map. */
  parallel(latitude: number): number {
    const p = latitude * DEGREE;
    return isCylindrical(this.name) ? this.raw(1, p)[0] : Math.max(0.2, Math.cos(p));
  }

  /** Half the width of the map at a height of the plane, NaN above and below it. */
  halfWidth(y: number): number {
    if (!isCylindrical(this.name)) {
      return Math.sqrt(1 - y * y);
    }
    const latitude = this.raw.invert!(0, y)[1];
    return Math.abs(latitude) <= Math.PI / 2 + 1e-12 ? this.raw(Math.PI, latitude)[0] : NaN;
  }

  /** The box on the plane around a box of degrees. */
  bounds([west, east, south, north]: Box): Box {
    const found: Box = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i <= 72; i++) {
      for (let j = 0; j <= 36; j++) {
        // The ends of the Earth are one meridian, and two lines on the map.
        const inset = east - west > 359.9 ? 1e-9 : 0;
        const lon = west + inset + ((east - west - 2 * inset) * i) / 72;
        const lat = south + ((north - south) * j) / 36;
        const at = this.project(lon, lat) ?? this.rim(lon, lat);
        found[0] = Math.min(found[0], at[0]);
        found[1] = Math.max(found[1], at[0]);
        found[2] = Math.min(found[2], at[1]);
        found[3] = Math.max(found[3], at[1]);
      }
    }
    return found;
  }

  /** The point of the rim of a round map that is nearest to a place on the far side. */
  private rim(lon: number, lat: number): Place {
    const [l, p] = this.turn(lon, lat);
    const direction = Math.atan2(Math.sin(p), Math.sin(l) * Math.cos(p));
    return [Math.cos(direction), Math.sin(direction)];
  }

  /** The box of the whole map. */
  whole(): Box {
    if (!isCylindrical(this.name)) {
      return [-1, 1, -1, 1];
    }
    const [x, y] = [this.raw(Math.PI, 0)[0], this.raw(0, Math.PI / 2)[1]];
    return [-x, x, -y, y];
  }

  /** The same for d3-geo's paths: `scale` pixels a unit, the plane's origin at `x`, `y`. */
  path(scale: number, x: number, y: number): GeoProjection {
    const projection = geoProjection(this.raw)
      .rotate([-this.center[0], -this.center[1]])
      .scale(scale)
      .translate([x, y]);
    return isCylindrical(this.name) ? projection : projection.clipAngle(90 - 1e-6);
  }
}

function plate(tall: number): GeoRawProjection {
  const invert = (x: number, y: number): Place => [x, y / tall];
  return Object.assign((l: number, p: number): Place => [l, p * tall], { invert });
}

/** Within -180..180. */
export function turned(lon: number): number {
  return lon >= -180 && lon <= 180 ? lon : ((((lon + 180) % 360) + 360) % 360) - 180;
}
