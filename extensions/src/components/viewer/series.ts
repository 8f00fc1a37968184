/** One-dimensional variables: a line with gaps where there is no data. */
import type { Frame, Numbers } from './frame';
import { valueText } from './place';
import { type Box, drawAxes, type Places, type Theme, widest } from './plot';
import { axisTicks, formatNumber, formatPlace, numberTicks } from './scale';

const TOP = 10;
const BOTTOM = 40;
const BOTTOM_UNTITLED = 24;
const MOST_DOTS = 80;

/** A line at a width, and what lies where on it. Lengths are CSS pixels of the whole picture. */
export interface Line {
  width: number;
  height: number;
  box: Box;
  draw(context: CanvasRenderingContext2D): void;
  find(x: number, y: number): number | null;
  locate(i: number): [number, number];
  describe(i: number): string;
  step(i: number, dx: number, dy: number): number;
}

export function lineOf(frame: Frame, theme: Theme, width: number): Line {
  const header = frame.header;
  const x = header.x!;
  const xs = frame.array('x')!;
  const [low, high] = opened(frame.range() ?? [0, 1]);
  const ends = opened([xs[0], xs[xs.length - 1]], 0);
  const height = Math.round(Math.min(320, Math.max(160, width * 0.42)));
  const yTicks = numberTicks(low, high, Math.floor(height / 40)).map(at => ({ at, text: formatNumber(at) }));
  const left = Math.ceil(widest(theme, yTicks)) + 26;
  const xTitle = x.kind === 'time' ? '' : x.title + (x.units ? ` (${x.units})` : '');
  const box: Box = { left, top: TOP, width: Math.max(40, width - left - 14), height };
  const place = {
    x: (at: number) => box.left + ((at - ends[0]) / (ends[1] - ends[0])) * box.width,
    y: (at: number) => box.top + (1 - (at - low) / (high - low)) * box.height
  };
  const most = Math.max(2, Math.min(9, Math.floor(box.width / 80)));
  const clamp = (i: number) => Math.min(xs.length - 1, Math.max(0, i));
  return {
    width,
    height: TOP + height + (xTitle ? BOTTOM : BOTTOM_UNTITLED),
    box,
    draw(context) {
      const ticks = { x: axisTicks(x, xs, ends, most), y: yTicks };
      drawAxes(context, theme, box, width, ticks, place, { x: xTitle, y: header.units }, true);
      drawLine(context, theme, box, frame, xs, place);
    },
    find(px, py) {
      const inside =
        px >= box.left - 4 && px <= box.left + box.width + 4 && py >= box.top && py <= box.top + box.height;
      return inside ? nearest(xs, ends[0] + ((px - box.left) / box.width) * (ends[1] - ends[0])) : null;
    },
    locate: i => [place.x(xs[i]), Number.isFinite(frame.value(i)) ? place.y(frame.value(i)) : box.top + height],
    describe: i => `${valueText(frame.value(i), header.units)} at ${formatPlace(x, xs, i)}`,
    step: (i, dx, dy) => clamp(i + dx - dy)
  };
}

function drawLine(
  context: CanvasRenderingContext2D,
  theme: Theme,
  box: Box,
  frame: Frame,
  xs: Numbers,
  place: Places
): void {
  context.save();
  context.beginPath();
  context.rect(box.left - 3, box.top - 3, box.width + 6, box.height + 6);
  context.clip();
  context.strokeStyle = context.fillStyle = theme.accent;
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.beginPath();
  const known = (i: number) => i >= 0 && i < xs.length && Number.isFinite(frame.value(i));
  const dots: number[] = [];
  for (let i = 0; i < xs.length; i++) {
    if (!known(i)) {
      continue;
    }
    const [px, py] = [place.x(xs[i]), place.y(frame.value(i))];
    if (known(i - 1)) {
      context.lineTo(px, py);
    } else {
      context.moveTo(px, py);
    }
    // A value between two gaps has no line: it is a dot.
    if (xs.length <= MOST_DOTS || (!known(i - 1) && !known(i + 1))) {
      dots.push(i);
    }
  }
  context.stroke();
  for (const i of dots) {
    context.beginPath();
    context.arc(place.x(xs[i]), place.y(frame.value(i)), 2.5, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}

/** A range with some air, and never empty. */
function opened([low, high]: [number, number], air = 0.05): [number, number] {
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
