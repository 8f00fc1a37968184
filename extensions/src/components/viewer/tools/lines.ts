/** Lines over a common axis, upright where it is a depth or a height; drawn on any canvas. */
import type { AxisHeader, Numbers } from '../frame';
import { valueText } from '../place';
import { type Box, drawAxes, line as stroke, type Places, type Theme, type Ticks, widest } from '../plot';
import { axisTicks, formatNumber, formatPlace, numberTicks } from '../scale';

export interface ChartAxis extends AxisHeader {
  /** Larger values lie lower. */
  down?: boolean;
  /** Drawn upwards. */
  upright?: boolean;
}

export interface ChartLine {
  label: string;
  color: string;
  /** On and off, in pixels: lines are told apart without their colours. */
  dash?: number[];
  values: ArrayLike<number>;
  /** Where its steps lie, when they are others than those of the chart. */
  positions?: Numbers | undefined;
}

export interface LineSpec {
  axis: ChartAxis;
  /** Where each step lies on the axis. */
  positions: Numbers;
  lines: ChartLine[];
  units: string;
  /** Bars between these borders instead of lines between the positions. */
  bars?: ArrayLike<number>;
  /** The step that the picture shows. */
  now?: number | null;
  /** How many values have come, and whether these are all. */
  come?: { values: number; all: boolean };
}

export interface LinePlot {
  width: number;
  height: number;
  box: Box;
  draw(context: CanvasRenderingContext2D): void;
  /** The step nearest to a point of the chart (CSS pixels), null outside the box. */
  find(x: number, y: number): number | null;
  locate(step: number, line: number): [number, number];
  describe(step: number): string;
}

const TOP = 10;
const BOTTOM = 40;
const BOTTOM_UNTITLED = 24;
const MOST_DOTS = 80;

export function linePlot(spec: LineSpec, theme: Theme, width: number, height?: number): LinePlot {
  const { axis, positions, lines, units } = spec;
  const upright = axis.upright ?? false;
  const values = opened(rangeOf(spec), spec.bars ? 0 : 0.05);
  const ends = spec.bars
    ? opened([spec.bars[0], spec.bars[spec.bars.length - 1]], 0)
    : opened(extentOf(spec), lines.length && positions.length === 1 ? 0.05 : 0);
  const tall = height ?? Math.round(Math.min(320, Math.max(160, width * (upright ? 0.55 : 0.42))));
  const valueTicks = (most: number) => numberTicks(...values, most).map(at => ({ at, text: formatNumber(at) }));
  const upTicks = upright ? axisTicks(axis, positions, ends, Math.floor(tall / 36)) : valueTicks(Math.floor(tall / 40));
  const left = Math.ceil(widest(theme, upTicks)) + 26;
  const title = axis.kind === 'time' ? '' : axis.title + (axis.units ? ` (${axis.units})` : '');
  const titles = upright ? { x: units, y: title } : { x: title, y: units };
  const box: Box = { left, top: TOP, width: Math.max(40, width - left - 14), height: tall };
  const across = upright ? values : ends;
  const up = upright ? (axis.down ? [ends[1], ends[0]] : ends) : values;
  const place: Places = {
    x: at => box.left + ((at - across[0]) / (across[1] - across[0])) * box.width,
    y: at => box.top + (1 - (at - up[0]) / (up[1] - up[0])) * box.height
  };
  const at = (position: number, value: number): [number, number] =>
    upright ? [place.x(value), place.y(position)] : [place.x(position), place.y(value)];
  const most = Math.max(2, Math.min(9, Math.floor(box.width / 80)));
  const ticks: Ticks = { x: upright ? valueTicks(most) : axisTicks(axis, positions, ends, most), y: upTicks };
  return {
    width,
    height: TOP + tall + (titles.x ? BOTTOM : BOTTOM_UNTITLED),
    box,
    draw(context) {
      drawAxes(context, theme, box, width, ticks, place, titles, true);
      context.save();
      context.beginPath();
      context.rect(box.left - 3, box.top - 3, box.width + 6, box.height + 6);
      context.clip();
      if (spec.now !== undefined && spec.now !== null && spec.now < positions.length) {
        context.strokeStyle = theme.quiet;
        const [x, y] = at(positions[spec.now], values[0]);
        const whole = upright ? [box.left, y, box.left + box.width, y] : [x, box.top, x, box.top + box.height];
        stroke(context, whole[0], whole[1], whole[2], whole[3]);
      }
      if (spec.bars) {
        drawBars(context, spec.bars, lines[0], place);
      } else {
        lines.forEach(line => drawLine(context, line, line.positions ?? positions, at, upright));
      }
      context.restore();
    },
    find(x, y) {
      const inside =
        x >= box.left - 4 && x <= box.left + box.width + 4 && y >= box.top - 4 && y <= box.top + box.height + 4;
      const share = upright ? 1 - (y - box.top) / box.height : (x - box.left) / box.width;
      const [low, high] = upright ? up : across;
      return inside && positions.length ? nearest(positions, low + share * (high - low)) : null;
    },
    locate(step, i) {
      const value = lines[i] ? valueAt(lines[i], positions, step) : NaN;
      return at(positions[step], Number.isFinite(value) ? value : values[0]);
    },
    describe(step) {
      const where = formatPlace(axis, positions, step);
      const each = lines.map(line => `${line.label ? `${line.label} ` : ''}${valueText(valueAt(line, positions, step), units)}`);
      return lines.length === 1 && !lines[0].label ? `${each[0]} at ${where}` : `${where}: ${each.join(' · ')}`;
    }
  };
}

/** Lowest and highest finite value of all lines; 0 to 1 where there is none. */
export function rangeOf({ lines, bars }: Pick<LineSpec, 'lines' | 'bars'>): [number, number] {
  let low = bars ? 0 : Infinity;
  let high = -Infinity;
  for (const { values } of lines) {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) {
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
    }
  }
  return low <= high ? [low, high] : [0, 1];
}

/** What a line has at a step of the chart: of other steps the nearest, where one is near enough. */
export function valueAt({ values, positions: own }: ChartLine, positions: Numbers, step: number): number {
  if (!own || own.length === 0) {
    return own ? NaN : values[step];
  }
  const found = nearest(own, positions[step]);
  const next = own[found + 1] ?? own[found - 1] ?? Infinity;
  return Math.abs(own[found] - positions[step]) <= Math.abs(next - own[found]) / 2 ? values[found] : NaN;
}

function extentOf({ positions, lines }: LineSpec): [number, number] {
  const ends = [positions, ...lines.flatMap(line => (line.positions?.length ? [line.positions] : []))].map(extent);
  return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
}

function extent(positions: ArrayLike<number>): [number, number] {
  const [a, b] = [positions[0] ?? 0, positions[positions.length - 1] ?? 1];
  return [Math.min(a, b), Math.max(a, b)];
}

function drawLine(
  context: CanvasRenderingContext2D,
  line: ChartLine,
  positions: Numbers,
  at: (position: number, value: number) => [number, number],
  upright: boolean
): void {
  const { values } = line;
  context.strokeStyle = context.fillStyle = line.color;
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.setLineDash(line.dash ?? []);
  context.beginPath();
  const known = (i: number) => i >= 0 && i < positions.length && Number.isFinite(values[i]);
  const dots: [number, number][] = [];
  // Of the many values that fall on one pixel, its lowest and highest are drawn.
  let pixel = NaN;
  let low = 0;
  let high = 0;
  for (let i = 0; i < positions.length; i++) {
    if (!known(i)) {
      continue;
    }
    const [x, y] = at(positions[i], values[i]);
    const [p, v] = upright ? [Math.round(y), x] : [Math.round(x), y];
    if (!known(i - 1)) {
      context.moveTo(x, y);
    } else if (p !== pixel || v < low || v > high) {
      context.lineTo(x, y);
    }
    [low, high] = p === pixel && known(i - 1) ? [Math.min(low, v), Math.max(high, v)] : [v, v];
    pixel = p;
    // A value between two gaps has no line: it is a dot.
    if (positions.length <= MOST_DOTS || (!known(i - 1) && !known(i + 1))) {
      dots.push([x, y]);
    }
  }
  context.stroke();
  context.setLineDash([]);
  for (const [x, y] of dots) {
    context.beginPath();
    context.arc(x, y, 2.5, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawBars(context: CanvasRenderingContext2D, edges: ArrayLike<number>, line: ChartLine, place: Places): void {
  context.fillStyle = line.color;
  for (let i = 0; i < line.values.length; i++) {
    const [x0, x1] = [place.x(edges[i]), place.x(edges[i + 1])];
    const y = place.y(line.values[i]);
    context.fillRect(x0 + 0.5, y, Math.max(1, x1 - x0 - 1), place.y(0) - y);
  }
}

/** A range with some air, and never empty. */
function opened([low, high]: [number, number], air: number): [number, number] {
  if (low === high) {
    const reach = Math.abs(low) * 0.05 || 1;
    return [low - reach, high + reach];
  }
  const more = (high - low) * air;
  return [low - more, high + more];
}

function nearest(xs: Numbers, at: number): number {
  const grows = xs[xs.length - 1] >= xs[0];
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= at === grows) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return Math.abs(xs[low] - at) <= Math.abs(xs[high] - at) ? low : high;
}
