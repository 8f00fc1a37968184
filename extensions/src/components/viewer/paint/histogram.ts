/** How often values are seen, over the range of what is seen and the limits together. */
import { cssColor } from '../colors';
import { colorOf, type Limits, type Look, type ScaleAxis, scaleAxis, stepsOf } from './look';
import type { Seen } from './seen';

const BINS = 96;
const HEIGHT = 44;
const OUTSIDE = 0.25;

/** The scale of a histogram: the limits, and a quarter of their span on either side where values lie. */
export function histogramAxis(look: Look, seen: Seen): ScaleAxis {
  const axis = scaleAxis(look.limits, look.scale);
  const [low, high] = axis.limits;
  const range: Limits = seen.range ?? axis.limits;
  const ends: Limits = [
    range[0] < low ? Math.max(range[0], axis.value(-OUTSIDE)) : low,
    range[1] > high ? Math.min(range[1], axis.value(1 + OUTSIDE)) : high
  ];
  return scaleAxis(ends.every(Number.isFinite) ? ends : axis.limits, axis.scale);
}

/** Bars in the colours that their values have; the highest is as tall as the canvas. */
export function drawHistogram(canvas: HTMLCanvasElement, look: Look, seen: Seen | null): void {
  const width = 2 * BINS;
  const context = canvas.getContext('2d')!;
  canvas.width = width;
  canvas.height = HEIGHT;
  canvas.hidden = !seen?.range || look.categories !== undefined;
  if (!seen?.range || canvas.hidden) {
    return;
  }
  canvas.setAttribute('aria-label', 'How often each value is seen');
  const axis = histogramAxis(look, seen);
  const bins = seen.bins(axis, BINS);
  const most = Math.max(...bins);
  const steps = stepsOf(look);
  bins.forEach((count, i) => {
    // The root lets rare values be seen beside frequent ones.
    const tall = count ? Math.max(1, Math.sqrt(count / most) * (HEIGHT - 4)) : 0;
    context.fillStyle = cssColor(colorOf(steps, axis.value((i + 0.5) / BINS)));
    context.fillRect(2 * i, HEIGHT - 3 - tall, 2, tall + 3);
  });
  context.fillStyle = getComputedStyle(canvas).color;
  for (const limit of scaleAxis(look.limits, look.scale).limits) {
    const x = Math.min(width - 1, Math.max(0, Math.round(axis.at(limit) * width)));
    context.fillRect(x, 0, 1, HEIGHT);
  }
}
