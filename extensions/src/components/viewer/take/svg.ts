/** A canvas-like context that writes SVG: lines and text as vectors, drawn canvases as embedded PNG. */
import { svg } from '../../dom';

type Matrix = [number, number, number, number, number, number];

/** What may be called on a context that a picture is drawn with, for the screen or for a file. */
export type DrawContext = Pick<
  CanvasRenderingContext2D,
  | 'save' | 'restore' | 'translate' | 'rotate' | 'scale' | 'getTransform'
  | 'beginPath' | 'moveTo' | 'lineTo' | 'closePath' | 'arc' | 'rect' | 'quadraticCurveTo' | 'bezierCurveTo'
  | 'fill' | 'stroke' | 'clip' | 'fillRect' | 'strokeRect' | 'fillText' | 'measureText' | 'drawImage' | 'setLineDash'
  | 'fillStyle' | 'strokeStyle' | 'lineWidth' | 'lineJoin' | 'lineCap' | 'globalAlpha'
  | 'font' | 'textAlign' | 'textBaseline' | 'imageSmoothingEnabled'
>;

interface State {
  matrix: Matrix;
  clip: string;
  dash: number[];
  style: Record<(typeof STYLES)[number], unknown>;
}

const STYLES = [
  'fillStyle', 'strokeStyle', 'lineWidth', 'lineJoin', 'lineCap', 'globalAlpha',
  'font', 'textAlign', 'textBaseline', 'imageSmoothingEnabled'
] as const;

/** XML has no place for these. */
const UNWRITABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

export class SvgContext implements DrawContext {
  fillStyle: string = '#000';
  strokeStyle: string = '#000';
  lineWidth = 1;
  lineJoin: CanvasLineJoin = 'miter';
  lineCap: CanvasLineCap = 'butt';
  globalAlpha = 1;
  font = '10px sans-serif';
  textAlign: CanvasTextAlign = 'start';
  textBaseline: CanvasTextBaseline = 'alphabetic';
  imageSmoothingEnabled = true;

  private readonly root: SVGSVGElement;
  /** Measures texts and reads colours. */
  private readonly scratch = document.createElement('canvas').getContext('2d')!;
  private readonly stack: State[] = [];
  private matrix: Matrix = [1, 0, 0, 1, 0, 0];
  private clipped = '';
  private clips = 0;
  private dash: number[] = [];
  private path = '';

  /** `width` and `height` are the units of the context; `across` the width on paper, as in "16cm". */
  constructor(width: number, height: number, across: string, down: string) {
    const size = { width: across, height: down, viewBox: `0 0 ${width} ${height}` };
    this.root = svg('svg', size);
  }

  /** The file, with a title and a description. */
  text(title: string, description: string): string {
    const [named, described] = [svg('title'), svg('desc')];
    named.textContent = title.replace(UNWRITABLE, ' ');
    described.textContent = description.replace(UNWRITABLE, ' ');
    this.root.prepend(named, described);
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(this.root)}\n`;
  }

  save(): void {
    const style = Object.fromEntries(STYLES.map(name => [name, this[name]])) as State['style'];
    this.stack.push({ matrix: this.matrix, clip: this.clipped, dash: this.dash, style });
  }

  restore(): void {
    const state = this.stack.pop();
    if (state) {
      this.matrix = state.matrix;
      this.clipped = state.clip;
      this.dash = state.dash;
      Object.assign(this, state.style);
    }
  }

  translate(x: number, y: number): void {
    this.multiply([1, 0, 0, 1, x, y]);
  }

  scale(x: number, y: number): void {
    this.multiply([x, 0, 0, y, 0, 0]);
  }

  rotate(angle: number): void {
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    this.multiply([cos, sin, -sin, cos, 0, 0]);
  }

  getTransform(): DOMMatrix {
    return new DOMMatrix(this.matrix);
  }

  beginPath(): void {
    this.path = '';
  }

  moveTo(x: number, y: number): void {
    this.path += `M${this.at(x, y)}`;
  }

  lineTo(x: number, y: number): void {
    this.path += `${this.path ? 'L' : 'M'}${this.at(x, y)}`;
  }

  quadraticCurveTo(x1: number, y1: number, x: number, y: number): void {
    this.path += `Q${this.at(x1, y1)} ${this.at(x, y)}`;
  }

  bezierCurveTo(x1: number, y1: number, x2: number, y2: number, x: number, y: number): void {
    this.path += `C${this.at(x1, y1)} ${this.at(x2, y2)} ${this.at(x, y)}`;
  }

  closePath(): void {
    this.path += 'Z';
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.moveTo(x, y);
    this.lineTo(x + width, y);
    this.lineTo(x + width, y + height);
    this.lineTo(x, y + height);
    this.closePath();
  }

  /** As two arcs: SVG draws none that ends where it starts. */
  arc(x: number, y: number, radius: number, start: number, end: number, back = false): void {
    const turn = 2 * Math.PI;
    let sweep = end - start;
    if (back ? sweep <= -turn : sweep >= turn) {
      sweep = back ? -turn : turn;
    } else {
      sweep = ((sweep % turn) + turn) % turn;
      sweep = back && sweep > 0 ? sweep - turn : sweep;
    }
    const point = (angle: number) => this.at(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    const r = round(radius * this.size);
    const [a, b, c, d] = this.matrix;
    const flag = sweep > 0 === a * d - b * c > 0 ? 1 : 0;
    this.path += `${this.path ? 'L' : 'M'}${point(start)}`;
    for (const part of [start + sweep / 2, start + sweep]) {
      this.path += `A${r} ${r} 0 0 ${flag} ${point(part)}`;
    }
  }

  fill(): void {
    this.add(svg('path', { d: this.path, ...this.paint('fill', this.fillStyle) }));
  }

  stroke(): void {
    this.add(svg('path', { d: this.path, fill: 'none', ...this.paint('stroke', this.strokeStyle), ...this.pen() }));
  }

  clip(): void {
    const id = `clip${++this.clips}`;
    const shape = svg('clipPath', { id, ...this.within() }, svg('path', { d: this.path }));
    this.root.append(shape);
    this.clipped = id;
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    this.alone(() => this.rect(x, y, width, height), () => this.fill());
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.alone(() => this.rect(x, y, width, height), () => this.stroke());
  }

  measureText(text: string): TextMetrics {
    this.scratch.font = this.font;
    this.scratch.textBaseline = this.textBaseline;
    return this.scratch.measureText(text);
  }

  fillText(text: string, x: number, y: number, most = Infinity): void {
    if (!text) {
      return;
    }
    const measured = this.measureText(text);
    const ascent = measured.actualBoundingBoxAscent;
    this.scratch.textBaseline = 'alphabetic';
    // Few readers of SVG know the other baselines.
    const below = this.scratch.measureText(text).actualBoundingBoxAscent - ascent;
    const anchor = { center: 'middle', right: 'end', end: 'end', left: 'start', start: 'start' }[this.textAlign];
    const [, weight = '', size = '10', family = 'sans-serif'] =
      /(bold|[1-9]00)?\s*(\d+(?:\.\d+)?)px\s+(.*)$/.exec(this.scratch.font) ?? [];
    const node = svg('text', {
      x: round(x),
      y: round(y + below),
      transform: `matrix(${this.matrix.map(round).join(' ')})`,
      'font-family': family,
      'font-size': size,
      'text-anchor': anchor,
      ...(weight && { 'font-weight': weight }),
      ...(measured.width > most && { textLength: round(most), lengthAdjust: 'spacingAndGlyphs' }),
      ...this.paint('fill', this.fillStyle)
    });
    node.textContent = text.replace(UNWRITABLE, ' ');
    this.add(node);
  }

  drawImage(image: CanvasImageSource, x: number, y: number, width?: number, height?: number): void {
    const source = image as HTMLCanvasElement;
    const copy = document.createElement('canvas');
    copy.width = source.width;
    copy.height = source.height;
    copy.getContext('2d')!.drawImage(source, 0, 0);
    const node = svg('image', {
      x,
      y,
      width: width ?? source.width,
      height: height ?? source.height,
      transform: `matrix(${this.matrix.map(round).join(' ')})`,
      preserveAspectRatio: 'none',
      'image-rendering': this.imageSmoothingEnabled ? 'auto' : 'pixelated',
      href: copy.toDataURL('image/png')
    });
    this.add(node);
  }

  setLineDash(dash: number[]): void {
    this.dash = dash;
  }

  private alone(outline: () => void, draw: () => void): void {
    const { path } = this;
    this.path = '';
    outline();
    draw();
    this.path = path;
  }

  private add(node: SVGElement): void {
    for (const [name, value] of Object.entries(this.within())) {
      node.setAttribute(name, value);
    }
    // The clip must not be moved by the transform of what it clips.
    this.root.append(node.hasAttribute('transform') && this.clipped ? wrapped(node) : node);
  }

  private within(): Record<string, string> {
    return this.clipped ? { 'clip-path': `url(#${this.clipped})` } : {};
  }

  private paint(what: 'fill' | 'stroke', color: string): Record<string, string | number> {
    this.scratch.fillStyle = color;
    const solid = this.scratch.fillStyle as string;
    const [r, g, b, alpha = 1] = (/^rgba\((.*)\)$/.exec(solid)?.[1] ?? '').split(',').map(Number);
    const opacity = (solid.startsWith('#') ? 1 : alpha) * this.globalAlpha;
    return {
      [what]: solid.startsWith('#') ? solid : `rgb(${r},${g},${b})`,
      ...(opacity < 1 && { [`${what}-opacity`]: round(opacity) })
    };
  }

  private pen(): Record<string, string | number> {
    return {
      'stroke-width': round(this.lineWidth * this.size),
      'stroke-linejoin': this.lineJoin,
      'stroke-linecap': this.lineCap,
      ...(this.dash.length && { 'stroke-dasharray': this.dash.map(n => round(n * this.size)).join(' ') })
    };
  }

  /** How much the transform enlarges. */
  private get size(): number {
    const [a, b, c, d] = this.matrix;
    return Math.sqrt(Math.abs(a * d - b * c));
  }

  private at(x: number, y: number): string {
    const [a, b, c, d, e, f] = this.matrix;
    return `${round(a * x + c * y + e)} ${round(b * x + d * y + f)}`;
  }

  private multiply([a, b, c, d, e, f]: Matrix): void {
    const [A, B, C, D, E, F] = this.matrix;
    this.matrix = [
      A * a + C * b, B * a + D * b,
      A * c + C * d, B * c + D * d,
      A * e + C * f + E, B * e + D * f + F
    ];
  }
}

/** In a group that carries its clip. */
function wrapped(node: SVGElement): SVGElement {
  const group = svg('g', { 'clip-path': node.getAttribute('clip-path')! }, node);
  node.removeAttribute('clip-path');
  return group;
}

const round = (value: number) => Math.round(value * 1000) / 1000;
