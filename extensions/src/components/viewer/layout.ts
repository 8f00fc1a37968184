/** Where the parts of a picture are, and the axes around it. Lengths are CSS pixels. */
import type { AxisHeader, FrameHeader } from './frame';
import { homeOf, tallness } from './geo/home';
import { idealHeight, type Plane, planeOf, projectionOf } from './geo/plane';
import { FlatPlane, gridAxes, gridHome } from './geo/flat';
import { MapPlane } from './geo/mapplane';
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
  const grid = projectionOf(geometry, state) === 'grid';
  const axes = axesOf(geometry, grid);
  const named = straight && titleOf(axes[1]) !== '' && width > 420;
  const home = grid ? gridHome(geometry) : homeOf(geometry);
  const [x0, x1, y0, y1] = (geometry.kind === 'axes' && state.window) || home;
  const yTicks = straight ? ticksOf(geometry, axes, [x0, x1, y1, y0], width, 400).y : [];
  const left = straight ? Math.max(least, Math.ceil(widest(theme, yTicks)) + 10 + (named ? 16 : 0)) : 2;
  const room = width < 420 ? BAR_NARROW : BAR;
  const across = Math.max(60, Math.round(width - left - room - BAR_GAP));
  const ideal = idealHeight(geometry, state, across, most);
  const height = Math.round(Math.min(most, Math.max(LEAST, ideal)));
  const bottom = straight ? (titleOf(axes[0]) ? BOTTOM_TITLED : BOTTOM) : BOTTOM_BARE;
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
  const axes = axesOf(geometry, plane.projection === 'grid');
  const titles = { x: titleOf(axes[0]), y: layout.width > 420 ? titleOf(axes[1]) : '' };
  const ticks = ticksOf(geometry, axes, ends, box.width, box.height);
  // Texts keep clear of the colour bar and of its button.
  drawAxes(context, theme, box, layout.bar.left - 4, ticks, place, titles);
}

function hasAxes(geometry: Geometry, state: ViewState): boolean {
  return geometry.kind === 'axes' && (geometry.x.kind !== 'longitude' || geometry.y.kind !== 'latitude')
    ? true
    : state.projection === 'plate' || state.projection === 'grid';
}

/** The ends of straight axes; null where the axes are curves. */
function endsOf(plane: Plane): Ends | null {
  const ends = plane instanceof FlatPlane || plane instanceof MapPlane ? plane.ends : null;
  return ends && [ends[0], ends[1], ends[3], ends[2]];
}

function axesOf(geometry: Geometry, grid: boolean): [AxisHeader, AxisHeader] {
  return grid ? gridAxes(geometry) : [geometry.x, geometry.y];
}

function ticksOf(
  geometry: Geometry,
  axes: [AxisHeader, AxisHeader],
  [left, right, top, bottom]: Ends,
  width: number,
  height: number
): Ticks {
  const [xs, ys] = geometry.kind === 'axes' ? [geometry.xs, geometry.ys] : [[], []];
  const mostX = Math.max(2, Math.min(9, Math.floor(width / 80)));
  const mostY = Math.max(2, Math.min(9, Math.floor(height / 36)));
  const y = axisTicks(axes[1], ys, [bottom, top], mostY);
  return {
    x: axisTicks(axes[0], xs, [left, right], mostX),
    y: axes[1].kind === 'latitude' ? y.filter(tick => Math.abs(tick.at) <= 90) : y
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
  const tall = (ideal < LEAST * 0.95 ? box.height / ideal : 1) * tallness(homeOf(geometry));
  const straight = projectionOf(geometry, state) === 'grid' || state.projection === 'plate';
  return header.equal && straight && tall !== 1 ? `drawn ${Number(tall.toPrecision(2))} times as tall as it is` : '';
}
