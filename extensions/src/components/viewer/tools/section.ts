/** A picture of a section: distance to the right, a depth, a height or times upwards. */
import { h, onTheme } from '../../dom';
import { colorOf, stepsOf } from '../paint/look';
import { valueText } from '../place';
import { type Box, drawAxes, sized, themeOf, widest } from '../plot';
import { axisTicks, formatNumber, formatPlace, numberTicks } from '../scale';
import type { ChartAxis } from './lines';

export interface SectionSpec {
  axis: ChartAxis;
  positions: Float64Array;
  distances: Float64Array;
  distanceUnits: string;
  /** Row by row, a row for each position. */
  values: Float64Array;
  units: string;
  limits: [number, number];
  table: Uint32Array;
}

const TOP = 10;
const BOTTOM = 40;
const NOTHING = '\u00a0';

export class SectionChart {
  private readonly canvas = h('canvas', { tabindex: '0', role: 'img', 'data-lm-suppress-shortcuts': 'true' });
  private readonly readout = h('p', { class: 'portal-chart-readout', 'aria-live': 'polite' }, NOTHING);
  readonly element = h('div', { class: 'portal-chart', hidden: true }, this.canvas, this.readout);
  private spec: SectionSpec | null = null;
  private box: Box | null = null;
  private at: [number, number] = [0, 0];
  private drawing = 0;
  /** Of the element, when it was drawn. */
  private width = 0;
  private readonly stops: (() => void)[] = [];

  constructor(private readonly name: string) {
    const size = new ResizeObserver(() => this.element.clientWidth !== this.width && this.later());
    size.observe(this.element);
    this.stops.push(
      () => size.disconnect(),
      onTheme(() => this.later())
    );
    this.canvas.addEventListener('pointermove', event => this.hover(event));
    this.canvas.addEventListener('pointerleave', () => this.say(NOTHING));
    this.canvas.addEventListener('keydown', event => this.key(event));
  }

  dispose(): void {
    cancelAnimationFrame(this.drawing);
    this.stops.forEach(stop => stop());
    this.element.remove();
  }

  show(spec: SectionSpec | null): void {
    this.spec = spec;
    this.element.hidden = !spec;
    this.later();
  }

  private later(): void {
    cancelAnimationFrame(this.drawing);
    this.drawing = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    const { spec, canvas } = this;
    const width = (this.width = this.element.clientWidth);
    if (!spec || !width) {
      return;
    }
    const theme = themeOf(canvas);
    const tall = Math.round(Math.min(320, Math.max(160, width * 0.42)));
    const rows = bordersOf(spec.positions);
    const columns = bordersOf(spec.distances);
    const ends: [number, number] = [rows[0], rows[rows.length - 1]];
    const upTicks = axisTicks(spec.axis, spec.positions, ends, Math.floor(tall / 36));
    const left = Math.ceil(widest(theme, upTicks)) + 26;
    const box = { left, top: TOP, width: Math.max(40, width - left - 14), height: tall };
    const [first, last] = [columns[0], columns[columns.length - 1]];
    const turned = ends[1] > ends[0] !== Boolean(spec.axis.down);
    const [top, bottom] = turned ? [ends[1], ends[0]] : ends;
    const place = {
      x: (at: number) => box.left + ((at - first) / (last - first)) * box.width,
      y: (at: number) => box.top + ((at - top) / (bottom - top)) * box.height
    };
    const context = sized(canvas, width, TOP + tall + BOTTOM);
    context.fillStyle = theme.empty;
    context.fillRect(box.left, box.top, box.width, box.height);
    this.paint(context, spec, box, rows, columns, turned);
    const xTicks = numberTicks(first, last, Math.max(2, Math.floor(box.width / 80)));
    const ticks = { x: xTicks.map(at => ({ at, text: formatNumber(at) })), y: upTicks };
    const title = spec.axis.kind === 'time' ? '' : spec.axis.title + (spec.axis.units ? ` (${spec.axis.units})` : '');
    drawAxes(context, theme, box, width, ticks, place, { x: `Distance ${spec.distanceUnits && `(${spec.distanceUnits})`}`, y: title });
    this.box = box;
    canvas.setAttribute('data-portal-plot', [box.left, box.top, box.width, box.height].join(' '));
    canvas.setAttribute('aria-label', `${this.name}: ${spec.positions.length} rows of ${spec.distances.length} cells`);
  }

  /** Pixels of the screen, each with the cell between whose borders it lies. */
  private paint(
    context: CanvasRenderingContext2D,
    spec: SectionSpec,
    box: Box,
    rows: Float64Array,
    columns: Float64Array,
    turned: boolean
  ): void {
    const image = new ImageData(Math.round(box.width), Math.round(box.height));
    const pixels = new Uint32Array(image.data.buffer);
    const across = cells(columns, image.width, false);
    const down = cells(rows, image.height, turned);
    const steps = stepsOf({ table: spec.table, limits: spec.limits, scale: 'linear' });
    for (let y = 0, p = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++, p++) {
        pixels[p] = colorOf(steps, spec.values[down[y] * spec.distances.length + across[x]]);
      }
    }
    const layer = document.createElement('canvas');
    [layer.width, layer.height] = [image.width, image.height];
    layer.getContext('2d')!.putImageData(image, 0, 0);
    context.drawImage(layer, box.left, box.top, box.width, box.height);
  }

  private hover(event: PointerEvent): void {
    const { spec, box } = this;
    if (!spec || !box) {
      return;
    }
    const edge = this.canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - edge.left - box.left) / box.width, (event.clientY - edge.top - box.top) / box.height];
    if (x < 0 || y < 0 || x >= 1 || y >= 1) {
      this.say(NOTHING);
      return;
    }
    const rows = bordersOf(spec.positions);
    const turned = rows[rows.length - 1] > rows[0] !== Boolean(spec.axis.down);
    this.at = [cells(rows, 1_000, turned)[Math.floor(y * 1_000)], cells(bordersOf(spec.distances), 1_000, false)[Math.floor(x * 1_000)]];
    this.describe();
  }

  private key(event: KeyboardEvent): void {
    const { spec } = this;
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!by || !spec) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const rows = bordersOf(spec.positions);
    const upwards = rows[rows.length - 1] > rows[0] !== Boolean(spec.axis.down) ? -1 : 1;
    const clamp = (v: number, n: number) => Math.max(0, Math.min(n - 1, v));
    this.at = [
      clamp(this.at[0] + by[0] * upwards, spec.positions.length),
      clamp(this.at[1] + by[1], spec.distances.length)
    ];
    this.describe();
  }

  private describe(): void {
    const [row, column] = this.at;
    const { axis, positions, distances, values, units, distanceUnits } = this.spec!;
    const value = valueText(values[row * distances.length + column], units);
    const far = `${formatNumber(distances[column], 5)} ${distanceUnits}`.trim();
    this.say(`${value} at ${formatPlace(axis, positions, row)}, ${far} along the line`);
  }

  private say(text: string): void {
    this.readout.textContent = text;
  }
}

/** Borders half way between neighbours. */
function bordersOf(at: Float64Array): Float64Array {
  const n = at.length;
  const edges = new Float64Array(n + 1);
  for (let i = 1; i < n; i++) {
    edges[i] = (at[i - 1] + at[i]) / 2;
  }
  edges[0] = n > 1 ? at[0] - (edges[1] - at[0]) : at[0] - 0.5;
  edges[n] = n > 1 ? at[n - 1] + (at[n - 1] - edges[n - 1]) : at[0] + 0.5;
  return edges;
}

/** For each of `pixels` pixels the cell that it lies in; from the last one when turned. */
function cells(edges: Float64Array, pixels: number, turned: boolean): Int32Array {
  const [first, last] = [edges[0], edges[edges.length - 1]];
  const grows = last > first;
  let cell = 0;
  const found = Int32Array.from({ length: pixels }, (_, p) => {
    const at = first + ((p + 0.5) / pixels) * (last - first);
    while (cell < edges.length - 2 && (grows ? at >= edges[cell + 1] : at <= edges[cell + 1])) {
      cell++;
    }
    return cell;
  });
  return turned ? found.reverse() : found;
}
