/** Where the parts of a picture are, and the axes around it. Lengths are CSS pixels. */
import type { AxisHeader, FrameHeader } from './frame';
import { homeOf } from './geo/home';
import { idealHeight, type Plane, planeOf } from './geo/plane';
import { FlatPlane } from './geo/flat';
import type { Geometry } from './geometry';
import { type Box, drawAxes, outline, type Theme, type Ticks, widest } from './plot';
import { axisTicks } from './scale';
import type { ViewState } from './state';

const TOP = 10;
const BOTTOM = 24;
const BOTTOM_TITLED = 40;
const BOTTOM_BARE = 24;
const LEAST = 60;
/** Room for the colour bar and its texts. */
const BAR = 84;
const BAR_NARROW = 62;
const BAR_GAP = 12;

export interface Layout {
  /** Of the whole picture. */
  width: number;
  height: number;
  box: Box;
  bar: Box;
  /** Device pixels of a CSS pixel. */
  ratio: number;
}

/** What of the axes is seen: values at the left, right, top and bottom edge. */
type Ends = [number, number, number, number];

export function pictureLayout(
  geometry: Geometry,
  state: ViewState,
  theme: Theme,
  width: number,
  ratio: number,
  most: number,
  least = 0
): Layout {
  const straight = hasAxes(geometry, state);
  const named = straight && titleOf(geometry.y) !== '' && width > 420;
  const home = state.window ?? homeOf(geometry);
  const yTicks = straight ? ticksOf(geometry, [home[0], home[1], home[3], home[2]], width, 400).y : [];
  const left = straight ? Math.max(least, Math.ceil(widest(theme, yTicks)) + 10 + (named ? 16 : 0)) : 2;
  const room = width < 420 ? BAR_NARROW : BAR;
  const across = Math.max(60, Math.round(width - left - room - BAR_GAP));
  const ideal = idealHeight(geometry, state, across, most);
  const height = Math.round(Math.min(most, Math.max(LEAST, ideal)));
  const bottom = straight ? (titleOf(geometry.x) ? BOTTOM_TITLED : BOTTOM) : BOTTOM_BARE;
  return {
    width,
    height: TOP + height + bottom,
    box: { left, top: TOP, width: across, height },
    bar: { left: left + across + BAR_GAP, top: TOP, width: room, height },
    ratio
  };
}

/** A layout that is no taller than a height. */
export function layoutWithin(
  ratio: number,
  theme: Theme,
  geometry: Geometry,
  state: ViewState,
  width: number,
  height: number
): Layout {
  const free = pictureLayout(geometry, state, theme, width, ratio, height);
  const most = height - (free.height - free.box.height);
  return pictureLayout(geometry, state, theme, width, ratio, Math.max(LEAST, most));
}

export function planeIn(layout: Layout, geometry: Geometry, state: ViewState): Plane {
  const { box, ratio } = layout;
  return planeOf(geometry, state, Math.round(box.width * ratio), Math.round(box.height * ratio));
}

/** The frame of a picture: axes where they are straight, else a line around it. */
export function drawFrame(
  context: CanvasRenderingContext2D,
  theme: Theme,
  layout: Layout,
  geometry: Geometry,
  plane: Plane
): void {
  const { box } = layout;
  const ends = endsOf(plane);
  if (!ends) {
    outline(context, theme, box);
    return;
  }
  const [left, right, top, bottom] = ends;
  const place = {
    x: (at: number) => box.left + ((at - left) / (right - left)) * box.width,
    y: (at: number) => box.top + ((at - top) / (bottom - top)) * box.height
  };
  const titles = { x: titleOf(geometry.x), y: layout.width > 420 ? titleOf(geometry.y) : '' };
  drawAxes(context, theme, box, layout.width, ticksOf(geometry, ends, box.width, box.height), place, titles);
}

function hasAxes(geometry: Geometry, state: ViewState): boolean {
  return geometry.kind === 'axes' && (geometry.x.kind !== 'longitude' || geometry.y.kind !== 'latitude')
    ? true
    : state.projection === 'plate' || state.projection === 'grid';
}

/** The ends of straight axes; null where the axes are curves. */
function endsOf(plane: Plane): Ends | null {
  if (plane instanceof FlatPlane) {
    const [left, right, bottom, top] = plane.ends;
    return [left, right, top, bottom];
  }
  const [x, y] = [plane.width / 2, plane.height / 2];
  const middle = plane.fromPixel(x, y);
  if (plane.projection !== 'plate' || !middle) {
    return null;
  }
  // The seam of the map may lie within a degree of its middle.
  const beside = [1, -1].map(d => Math.abs((plane.toPixel(middle[0] + d, middle[1])?.[0] ?? Infinity) - x));
  const degree = Math.min(...beside);
  const [across, down] = [x / degree, y / degree];
  return [middle[0] - across, middle[0] + across, middle[1] + down, middle[1] - down];
}

function ticksOf(geometry: Geometry, [left, right, top, bottom]: Ends, width: number, height: number): Ticks {
  const [xs, ys] = geometry.kind === 'axes' ? [geometry.xs, geometry.ys] : [[], []];
  const mostX = Math.max(2, Math.min(9, Math.floor(width / 80)));
  const mostY = Math.max(2, Math.min(9, Math.floor(height / 36)));
  const y = axisTicks(geometry.y, ys, [bottom, top], mostY);
  return {
    x: axisTicks(geometry.x, xs, [left, right], mostX),
    y: geometry.y.kind === 'latitude' ? y.filter(tick => Math.abs(tick.at) <= 90) : y
  };
}

/** Title of an axis; degrees with their hemisphere need none. */
function titleOf(axis: AxisHeader): string {
  const place = axis.kind === 'longitude' || axis.kind === 'latitude';
  return place ? '' : axis.title + (axis.units ? ` (${axis.units})` : '');
}

/** Whether a picture is stretched, in words. */
export function stretchNote(header: FrameHeader, layout: Layout, geometry: Geometry, state: ViewState): string {
  const { box } = layout;
  const ideal = idealHeight(geometry, state, box.width, Infinity);
  return header.equal && ideal < LEAST * 0.95
    ? `drawn ${Number((box.height / ideal).toPrecision(2))} times as tall as it is`
    : '';
}
