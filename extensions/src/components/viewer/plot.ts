/** Drawing on a canvas: the colours of the theme, boxes, axes. Lengths are CSS pixels. */
import type { Tick } from './scale';

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Theme {
  ink: string;
  quiet: string;
  faint: string;
  accent: string;
  empty: string;
  font: string;
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

export function themeOf(element: HTMLElement): Theme {
  const style = getComputedStyle(element);
  const theme = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  return {
    ink: style.color,
    quiet: theme('--portal-viewer-quiet', '#666'),
    faint: theme('--portal-viewer-line', '#8888'),
    accent: theme('--portal-viewer-accent', '#1976d2'),
    empty: theme('--portal-viewer-empty', '#e4e4e4'),
    font: `${FONT_SIZE}px ${style.fontFamily || 'sans-serif'}`
  };
}

export function screenRatio(): number {
  return Math.min(3, window.devicePixelRatio || 1);
}

/** Size a canvas for the screen and clear it; its unit becomes a CSS pixel. */
export function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = screenRatio();
  const [across, down] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export interface Ticks {
  x: Tick[];
  y: Tick[];
}

export interface Places {
  x(at: number): number;
  y(at: number): number;
}

/** Ticks and their texts below and left of the box; texts that would touch are left out. */
export function drawAxes(
  context: CanvasRenderingContext2D,
  theme: Theme,
  box: Box,
  right: number,
  ticks: Ticks,
  place: Places,
  titles: { x: string; y: string },
  grid = false
): void {
  const bottom = box.top + box.height;
  context.font = theme.font;
  context.strokeStyle = theme.faint;
  context.fillStyle = theme.ink;
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
    const middle = Math.min(Math.max(x, half), right - half);
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
  outline(context, theme, box);
  context.fillStyle = theme.quiet;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.fillText(titles.x, box.left + box.width / 2, bottom + 22, right);
  if (titles.y) {
    context.save();
    context.translate(2, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(titles.y, 0, 0, box.height + 40);
    context.restore();
  }
}

export function outline(context: CanvasRenderingContext2D, theme: Theme, box: Box): void {
  context.strokeStyle = theme.faint;
  context.lineWidth = 1;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
}

function rule(context: CanvasRenderingContext2D, drawn: boolean, ...ends: [number, number, number, number]): void {
  if (drawn) {
    context.globalAlpha = 0.3;
    line(context, ...ends);
    context.globalAlpha = 1;
  }
}

let measuring: CanvasRenderingContext2D | null = null;

/** Width of the widest text. */
export function widest(theme: Theme, ticks: Tick[]): number {
  measuring ??= document.createElement('canvas').getContext('2d')!;
  measuring.font = theme.font;
  return Math.max(0, ...ticks.map(t => measuring!.measureText(t.text).width));
}

export function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  context.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
  context.stroke();
}
