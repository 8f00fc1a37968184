/** Between the pixels of a plot's box and the places of the data, and what of the data is seen. */
import { type Geometry, isGeographic } from '../geometry';
import type { ProjectionName, ViewState } from '../state';
import { FlatPlane, gridHome, isEqual } from './flat';
import { homeOf } from './home';
import { MapPlane, mapHeight } from './mapplane';
import type { Box, Place } from './projections';

export type View = Pick<ViewState, 'projection' | 'window' | 'center'>;
export type Change = Partial<Pick<ViewState, 'window' | 'center'>>;

export interface Plane {
  /** Device pixels of the box. */
  readonly width: number;
  readonly height: number;
  readonly projection: ProjectionName;
  /** The pixel of a place (degrees on maps, else values of the coordinates); null: on the far side. */
  toPixel(x: number, y: number): Place | null;
  fromPixel(px: number, py: number): Place | null;
  /** What of the data is seen; null: all. The longitudes may pass 180. */
  readonly window: Box | null;
  /** A larger scale, the place under a pixel staying there. */
  zoom(factor: number, px: number, py: number): Change;
  /** What is seen moved by pixels; a globe turns. */
  pan(dx: number, dy: number): Change;
}

export function planeOf(geometry: Geometry, view: View, width: number, height: number): Plane {
  const name = projectionOf(geometry, view);
  return name === 'grid'
    ? new FlatPlane(geometry, view.window, width, height)
    : new MapPlane(name, homeOf(geometry), view, width, height);
}

/** The height that a plot of this width has best, at most `most`. */
export function idealHeight(geometry: Geometry, view: View, width: number, most: number): number {
  const name = projectionOf(geometry, view);
  if (name !== 'grid') {
    return Math.min(most, mapHeight(name, homeOf(geometry), view, width));
  }
  const [x0, x1, y0, y1] = gridHome(geometry);
  return Math.min(most, isEqual(geometry) ? (width * (y1 - y0)) / (x1 - x0) : width * 0.6);
}

/** The projection in which a geometry can be drawn: what is not on the Earth has its own axes only. */
export function projectionOf(geometry: Geometry, view: View): ProjectionName {
  return isGeographic(geometry) ? (geometry.kind === 'polygons' && view.projection === 'grid' ? 'plate' : view.projection) : 'grid';
}
