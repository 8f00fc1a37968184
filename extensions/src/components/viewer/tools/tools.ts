/** The tools over the picture: points by a click, boxes and lines by a drag, all of it by keys too. */
import { h } from '../../dom';
import { isGeographic } from '../geometry';
import type { ToolHost, ToolPicture, Tools } from '../hosts';
import type { Shape } from '../state';
import { askedOf } from './asked';
import { BoxTool } from './box';
import { small } from './card';
import { LineTool } from './line';
import { Marks } from './marks';
import { Points } from './points';

const SLACK = 4;
/** Milliseconds within which two clicks are a double click, which picks nothing. */
const DOUBLE = 350;

type Kind = Shape['kind'];
type Place = [number, number];

export function createTools(host: ToolHost): Tools {
  return host.ask ? new Toolkit(host) : { element: h('span'), pointer: () => false, key: () => false, drawn: () => undefined, dispose: () => undefined };
}

class Toolkit implements Tools {
  readonly element = h('span', { class: 'portal-viewer-group', role: 'group', 'aria-label': 'Draw' });
  private readonly buttons: Record<Kind, HTMLButtonElement>;
  private readonly points: Points;
  private readonly box: BoxTool;
  private readonly line: LineTool;
  /** For each picture's overlay. */
  private readonly marks = new Map<HTMLElement, Marks>();
  /** The picture that is worked on. */
  private on = 0;
  /** What the next drag draws. */
  private mode: Kind | null = null;
  /** Where a drag began, in pixels and in the data; or the first end that Enter has set. */
  private from: { x: number; y: number; place: Place } | null = null;
  private sketch: Shape | null = null;
  private clicked = { at: -Infinity, x: 0, y: 0 };

  constructor(private readonly host: ToolHost) {
    this.points = new Points(host, () => this.mark());
    this.box = new BoxTool(host);
    this.line = new LineTool(host);
    const choose = (kind: Kind) => () => this.choose(this.mode === kind ? null : kind);
    this.buttons = {
      box: small('Box', choose('box'), 'Draw a box: its mean and histogram'),
      line: small('Line', choose('line'), 'Draw a line: what lies along it')
    };
    this.element.append(this.buttons.box, this.buttons.line);
    host.panel.append(this.points.element, this.box.element, this.line.element);
    this.choose(null);
  }

  dispose(): void {
    [this.points, this.box, this.line].forEach(tool => tool.dispose());
    this.marks.forEach(marks => marks.element.remove());
    this.element.remove();
  }

  pointer(event: PointerEvent, picture: number, x: number, y: number): boolean {
    this.on = picture;
    if (event.type === 'pointerdown') {
      const place = this.mode && this.placeAt(x, y);
      this.from = place ? { x, y, place } : null;
      return this.from !== null;
    }
    if (event.type === 'pointermove') {
      return this.from !== null && event.buttons !== 0 && this.stretch(x, y);
    }
    if (event.type === 'pointerup') {
      return this.from ? this.finish(x, y) : this.click(x, y);
    }
    this.from = this.sketch = null;
    this.mark();
    return false;
  }

  key(event: KeyboardEvent, picture: number, cell: number | null): boolean {
    this.on = picture;
    if (event.key === 'Escape' && (this.mode || this.from)) {
      this.choose(null);
      return true;
    }
    if (event.key !== 'Enter' || cell === null || !askedOf(this.host)) {
      return false;
    }
    event.preventDefault();
    const place = this.middleOf(cell);
    if (!place) {
      return true;
    }
    if (!this.mode) {
      this.points.drop({ place });
    } else if (!this.from) {
      this.from = { x: NaN, y: NaN, place };
      this.sketch = { kind: this.mode, ends: [...place, ...place] };
    } else {
      this.keep(this.from.place, place);
    }
    this.mark();
    return true;
  }

  drawn(): void {
    this.element.hidden = askedOf(this.host) === null;
    this.points.sync();
    this.box.sync();
    this.line.sync();
    this.mark();
  }

  private choose(kind: Kind | null): void {
    this.mode = kind;
    this.from = this.sketch = null;
    for (const [name, node] of Object.entries(this.buttons)) {
      node.setAttribute('aria-pressed', String(name === kind));
    }
    this.host.pictures().forEach(({ overlay }) => overlay.classList.toggle('portal-drawing', kind !== null));
    if (kind) {
      // Its fields are open too, for those who type the ends.
      this[kind].open();
      this[kind === 'box' ? 'line' : 'box'].close();
    }
    this.mark();
  }

  private stretch(x: number, y: number): boolean {
    const { place } = this.from!;
    const to = this.placeAt(x, y);
    if (to && this.mode) {
      this.sketch = { kind: this.mode, ends: this.ends(place, to, x >= this.from!.x) };
      this.mark();
    }
    return true;
  }

  private finish(x: number, y: number): boolean {
    const { x: x0, y: y0, place } = this.from!;
    const to = this.placeAt(x, y);
    if (to && Math.hypot(x - x0, y - y0) > SLACK) {
      this.keep(place, to, x >= x0);
    } else {
      this.from = this.sketch = null;
      this.mark();
    }
    return true;
  }

  private keep(a: Place, b: Place, eastwards = true): void {
    const shape: Shape = { kind: this.mode!, ends: this.ends(a, b, eastwards) };
    this.choose(null);
    this.host.change({ shape });
  }

  /** Ends of a box go from west to east, on maps across the date line where they have to. */
  private ends([x0, y0]: Place, [x1, y1]: Place, eastwards: boolean): Shape['ends'] {
    if (this.mode === 'line') {
      return [x0, y0, x1, y1];
    }
    let [west, east] = eastwards ? [x0, x1] : [x1, x0];
    if (east < west && this.onEarth) {
      east += 360;
    } else if (east < west) {
      [west, east] = [east, west];
    }
    return [west, Math.min(y0, y1), east, Math.max(y0, y1)];
  }

  private click(x: number, y: number): boolean {
    const place = askedOf(this.host) && this.placeAt(x, y);
    if (!place) {
      return false;
    }
    const now = performance.now();
    const again = now - this.clicked.at < DOUBLE && Math.hypot(x - this.clicked.x, y - this.clicked.y) <= SLACK;
    this.clicked = { at: again ? -Infinity : now, x, y };
    if (again) {
      this.points.undrop();
    } else {
      this.points.drop({ place });
    }
    return true;
  }

  private get picture(): ToolPicture {
    const pictures = this.host.pictures();
    return pictures[this.on] ?? pictures[0];
  }

  private get onEarth(): boolean {
    return isOnEarth(this.picture);
  }

  /** What the data has under a point of the plot: on straight axes that place, else the cell's middle. */
  private placeAt(x: number, y: number): Place | null {
    const { picture } = this;
    const { geometry, plane } = picture;
    const cell = picture.cellAt(x, y);
    if (cell === null || !plane) {
      return null;
    }
    const straight = geometry?.kind === 'axes' || (this.mode && plane.projection !== 'grid');
    const ratio = ratioOf(picture);
    return straight ? plane.fromPixel(x * ratio, y * ratio) : this.middleOf(cell);
  }

  private middleOf(cell: number): Place | null {
    const { geometry } = this.picture;
    if (!geometry) {
      return null;
    }
    if (geometry.kind === 'axes') {
      const columns = geometry.xs.length;
      return [geometry.xs[cell % columns], geometry.ys[Math.floor(cell / columns)]];
    }
    const place: Place = [geometry.lon[cell], geometry.lat[cell]];
    return Number.isNaN(place[0] + place[1]) ? null : place;
  }

  private mark(): void {
    const shape = this.sketch ?? this.host.state().shape;
    const can = askedOf(this.host) !== null;
    for (const picture of this.host.pictures()) {
      const { overlay, plane, geometry } = picture;
      if (!this.marks.has(overlay)) {
        const made = new Marks();
        overlay.append(made.element);
        this.marks.set(overlay, made);
      }
      const flat = plane?.projection === 'grid' && geometry?.kind !== 'axes';
      const shown = can && !flat ? plane : null;
      this.marks.get(overlay)!.draw(shown, ratioOf(picture), this.points.marks(), shape, isOnEarth(picture));
    }
    for (const overlay of this.marks.keys()) {
      if (!overlay.isConnected) {
        this.marks.delete(overlay);
      }
    }
  }
}

function isOnEarth({ geometry }: ToolPicture): boolean {
  return geometry !== null && isGeographic(geometry);
}

function ratioOf({ plane, overlay }: ToolPicture): number {
  // Its width is set in pixels: to ask for what it came to would lay out the page.
  return plane ? plane.width / Math.max(1, parseFloat(overlay.style.width) || overlay.clientWidth) : 1;
}
