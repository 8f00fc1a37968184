/** The layers of one picture: cells, and above them axes and outlines; each redrawn on its own. */
import { assetOf } from './ask';
import { lookOf } from './colors';
import type { Frame, FrameSource } from './frame';
import { cellMap } from './geo/map';
import { Outlines } from './geo/outlines';
import type { Plane } from './geo/plane';
import { type Geometry, isGeographic } from './geometry';
import { drawFrame, type Layout, layoutWithin, pictureLayout, planeIn } from './layout';
import type { Look } from './paint/look';
import { createPainter, NONE, type Painter } from './paint/painter';
import { beside, central, describeCell, middleOf } from './place';
import { type Box, screenRatio, sized, type Theme, themeOf } from './plot';
import { Rim } from './rim';
import { type Line, lineOf } from './series';
import { isSame, type ViewState } from './state';

const MOST = 520;
const LINES = { coast: 'rgba(20, 20, 20, 0.85)', border: 'rgba(20, 20, 20, 0.85)', graticule: 'rgba(90, 90, 90, 0.7)' };

export class Picture {
  readonly axes: HTMLCanvasElement;
  readonly painter: Painter = createPainter();
  readonly rim = new Rim();
  readonly outlines: Outlines;
  layout: Layout | null = null;
  plane: Plane | null = null;
  line: Line | null = null;
  geometry: Geometry | null = null;
  look: Look | null = null;
  frame: Frame | null = null;
  private map: Uint32Array | null = null;
  private colours: Theme | null = null;
  private state: ViewState | null = null;
  private colors: unknown = null;

  constructor(
    private readonly source: FrameSource,
    axes: HTMLCanvasElement,
    redrawn: () => void
  ) {
    this.axes = axes;
    const { ask } = source;
    this.outlines = new Outlines(ask ? () => assetOf(ask, 'countries-50m.json') : null, () => {
      this.drawAxes();
      redrawn();
    });
  }

  /** Read when first needed: before the viewer is on a page it has no style. */
  get theme(): Theme {
    return (this.colours ??= themeOf(this.axes));
  }

  /** Show a frame; true when anything but its cells is new. */
  show(frame: Frame, state: ViewState, width: number): boolean {
    const was = this.frame;
    this.frame = frame;
    if (frame.header.kind === 'series') {
      this.clear();
      this.line = lineOf(frame, this.theme, width);
      this.line.draw(sized(this.axes, this.line.width, this.line.height));
      return true;
    }
    this.line = null;
    if (!frame.geometry) {
      this.clear();
      return true;
    }
    const placed = this.place(frame.geometry, state, width, was?.header.variable !== frame.header.variable);
    const colored = this.color(frame, state);
    this.painter.cells(frame.cells, frame.header.encoding);
    this.painter.draw();
    return placed || colored;
  }

  /** Another part, projection or colouring of the same frame. */
  again(state: ViewState, width: number): boolean {
    return this.frame !== null && this.show(this.frame, state, width);
  }

  /** Fill what the frame does not reach with another one of the same; null: nothing there. */
  beyond(other: Frame | null): void {
    const { map, plane, look } = this;
    if (other?.geometry && map && plane && look) {
      this.rim.show(other, map, plane, look);
    } else {
      this.rim.hide();
    }
  }

  themed(): void {
    this.colours = null;
    this.state = null;
  }

  dispose(): void {
    this.painter.dispose();
    this.rim.dispose();
  }

  /** Cell under a point, in CSS pixels of the picture. */
  cellAt(x: number, y: number): number | null {
    if (this.line) {
      return this.line.find(x, y);
    }
    const { layout, plane, map } = this;
    if (!layout || !plane || !map) {
      return null;
    }
    const px = Math.floor((x - layout.box.left) * layout.ratio);
    const py = Math.floor((y - layout.box.top) * layout.ratio);
    const inside = px >= 0 && py >= 0 && px < plane.width && py < plane.height;
    const cell = inside ? map[py * plane.width + px] : NONE;
    return cell === NONE ? null : cell;
  }

  /** Where a cell is, in CSS pixels of the picture; null when it is not seen. */
  locate(cell: number): [number, number] | null {
    if (this.line) {
      return this.line.locate(cell);
    }
    const { layout, plane, geometry } = this;
    const at = layout && plane && geometry && plane.toPixel(...middleOf(geometry, cell, plane));
    if (!at || at[0] < 0 || at[1] < 0 || at[0] > plane.width || at[1] > plane.height) {
      return null;
    }
    return [layout.box.left + at[0] / layout.ratio, layout.box.top + at[1] / layout.ratio];
  }

  describe(cell: number): string {
    const { frame, line, geometry } = this;
    return line ? line.describe(cell) : frame && geometry ? describeCell(frame, geometry, cell) : '';
  }

  /** The cell beside one; from none the middle one. */
  step(cell: number | null, dx: number, dy: number): number | null {
    const { line, frame, geometry, plane, map } = this;
    if (line && frame) {
      return cell === null ? Math.floor(frame.cells.length / 2) : line.step(cell, dx, dy);
    }
    if (!geometry || !plane || !map) {
      return null;
    }
    return cell === null ? central(map, plane) : beside(geometry, plane, map, cell, dx, dy);
  }

  /** Axes and outlines onto a context whose unit is a CSS pixel. */
  private drawOver(
    context: CanvasRenderingContext2D,
    theme: Theme,
    layout: Layout,
    geometry: Geometry,
    plane: Plane,
    coasts: boolean
  ): void {
    if (isGeographic(geometry) && plane.projection !== 'grid') {
      const { box, ratio } = layout;
      context.save();
      context.translate(box.left, box.top);
      context.scale(1 / ratio, 1 / ratio);
      this.outlines.draw(context, plane, { ...LINES, line: ratio, coasts });
      context.restore();
    }
    drawFrame(context, theme, layout, geometry, plane);
  }

  /** A frame at another size, for an export; returns where the colour bar goes. */
  compose(context: CanvasRenderingContext2D, theme: Theme, state: ViewState, frame: Frame, width: number, height: number): Box | null {
    if (frame.header.kind === 'series') {
      lineOf(frame, theme, width, height).draw(context);
      return null;
    }
    const geometry = frame.geometry;
    if (!geometry || !this.look) {
      return null;
    }
    const layout = layoutWithin(context.getTransform().a, theme, geometry, state, width, height);
    const plane = planeIn(layout, geometry, state);
    const painter = createPainter('canvas');
    painter.map(cellMap(geometry, plane), plane.width, plane.height);
    painter.cells(frame.cells, frame.header.encoding);
    painter.look(this.look);
    painter.draw();
    const { box } = layout;
    context.fillStyle = theme.empty;
    context.fillRect(box.left, box.top, box.width, box.height);
    context.imageSmoothingEnabled = false;
    context.drawImage(painter.canvas, box.left, box.top, box.width, box.height);
    painter.dispose();
    this.drawOver(context, theme, layout, geometry, plane, state.coasts);
    return layout.bar;
  }

  private clear(): void {
    this.layout = this.plane = this.geometry = this.map = this.state = null;
  }

  /** Find where everything is, unless nothing of that has changed. */
  private place(geometry: Geometry, state: ViewState, width: number, other: boolean): boolean {
    const was = this.state;
    const seen = (s: ViewState) => [s.window, s.projection, s.center];
    const same =
      was !== null &&
      geometry === this.geometry &&
      width === this.layout?.width &&
      screenRatio() === this.layout.ratio &&
      isSame(seen(was), seen(state));
    if (same && was.coasts === state.coasts) {
      return false;
    }
    this.state = state;
    if (!same) {
      this.geometry = geometry;
      const least = other ? 0 : (this.layout?.box.left ?? 0);
      const keeps = was !== null && was.projection === state.projection && !other;
      this.layout = pictureLayout(geometry, state, this.theme, width, screenRatio(), MOST, keeps ? least : 0);
      this.plane = planeIn(this.layout, geometry, state);
      this.map = cellMap(geometry, this.plane);
      this.painter.map(this.map, this.plane.width, this.plane.height);
    }
    this.drawAxes();
    return true;
  }

  private drawAxes(): void {
    const { layout, plane, state, geometry } = this;
    if (layout && plane && state && geometry) {
      const context = sized(this.axes, layout.width, layout.height);
      this.drawOver(context, this.theme, layout, geometry, plane, state.coasts);
    }
  }

  private color(frame: Frame, state: ViewState): boolean {
    const { header } = frame;
    const name = state.color_map ?? header.color_map ?? 'viridis';
    const colors: [string, Look['limits'], Look['scale']] = [
      name,
      state.limits ?? header.limits ?? [0, 1],
      state.scale ?? header.scale ?? 'linear'
    ];
    const all = [...colors, header.categories];
    if (this.look && isSame(all, this.colors)) {
      return false;
    }
    this.colors = all;
    this.look = lookOf(this.source.colorMaps, ...colors, header.categories);
    this.painter.look(this.look);
    return true;
  }
}
