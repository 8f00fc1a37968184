/** The box of a plot on a canvas: sharp on any screen, in the colours of the theme. */
import type { Tick } from './scale';

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Plot {
  context: CanvasRenderingContext2D;
  width: number;
  ratio: number;
  ink: string;
  faint: string;
  accent: string;
  empty: string;
}

export const FONT_SIZE = 11;

/** Size a canvas for the screen and clear it. Lengths below are CSS pixels. */
export function startPlot(canvas: HTMLCanvasElement, width: number, height: number): Plot {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  context.font = `${FONT_SIZE}px ${style.fontFamily || 'sans-serif'}`;
  const theme = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  return {
    context,
    width,
    ratio,
    ink: style.color,
    faint: theme('--portal-viewer-line', '#8888'),
    accent: theme('--portal-viewer-accent', '#1976d2'),
    empty: theme('--portal-viewer-empty', '#e4e4e4')
  };
}

/** Ticks and their texts below and left of the box; texts that would touch are left out. */
export function drawAxes(
  plot: Plot,
  box: Box,
  ticks: { x: Tick[]; y: Tick[] },
  place: { x: (at: number) => number; y: (at: number) => number },
  titles: { x: string; y: string },
  grid = false
): void {
  const { context } = plot;
  const bottom = box.top + box.height;
  context.strokeStyle = plot.faint;
  context.fillStyle = plot.ink;
  context.lineWidth = 1;
  context.textBaseline = 'top';
  context.textAlign = 'center';
  let free = -Infinity;
  for (const tick of ticks.x) {
    const x = place.x(tick.at);
    if (x < box.left - 0.5 || x > box.left + box.width + 0.5) {
      continue;
    }
    line(context, x, bottom, x, bottom + 4);
    rule(context, grid, x, box.top, x, bottom);
    const half = context.measureText(tick.text).width / 2;
    const middle = Math.min(Math.max(x, half), plot.width - half);
    if (middle - half > free) {
      context.fillText(tick.text, middle, bottom + 6);
      free = middle + half + 8;
    }
  }
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const tick of ticks.y) {
    const y = place.y(tick.at);
    if (y >= box.top - 0.5 && y <= bottom + 0.5) {
      line(context, box.left - 4, y, box.left, y);
      rule(context, grid, box.left, y, box.left + box.width, y);
      context.fillText(tick.text, box.left - 6, y);
    }
  }
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.fillText(titles.x, box.left + box.width / 2, bottom + 22, plot.width);
  if (titles.y) {
    context.save();
    context.translate(2, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(titles.y, 0, 0, box.height + 40);
    context.restore();
  }
}

function rule(context: CanvasRenderingContext2D, drawn: boolean, ...ends: [number, number, number, number]): void {
  if (drawn) {
    context.globalAlpha = 0.3;
    line(context, ...ends);
    context.globalAlpha = 1;
  }
}

export function widest(plot: Plot, ticks: Tick[]): number {
  return Math.max(0, ...ticks.map(t => plot.context.measureText(t.text).width));
}

export function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  context.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
  context.stroke();
}
