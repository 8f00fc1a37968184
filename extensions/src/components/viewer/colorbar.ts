/** The colour bar: ticks, units, and points at the ends where values lie beyond its limits. */
import { cssColor } from './colors';
import { type Box, line, type Plot } from './plot';
import { formatNumber, numberTicks, type Tick } from './scale';

export const BAR = 14;
const POINT = 9;

export function barTicks(limits: [number, number], height: number): Tick[] {
  const most = Math.max(2, Math.min(8, Math.floor(height / 34)));
  return numberTicks(limits[0], limits[1], most).map(at => ({ at, text: formatNumber(at) }));
}

export function drawColorBar(
  plot: Plot,
  box: Box,
  table: Uint32Array,
  limits: [number, number],
  range: [number, number] | null,
  units: string
): void {
  const { context } = plot;
  const rows = Math.max(1, Math.round(box.height));
  for (let i = 0; i < rows; i++) {
    const step = Math.floor((1 - (i + 0.5) / rows) * table.length);
    context.fillStyle = cssColor(table[step]);
    context.fillRect(box.left, box.top + i, box.width, 1.5);
  }
  context.strokeStyle = plot.faint;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  if (range && range[1] > limits[1]) {
    point(plot, box, box.top - 1, -POINT, cssColor(table[table.length - 1]));
  }
  if (range && range[0] < limits[0]) {
    point(plot, box, box.top + box.height + 1, POINT, cssColor(table[0]));
  }
  context.fillStyle = plot.ink;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  for (const tick of barTicks(limits, box.height)) {
    const y = box.top + box.height * (1 - (tick.at - limits[0]) / (limits[1] - limits[0]));
    line(context, box.left + box.width, y, box.left + box.width + 3, y);
    context.fillText(tick.text, box.left + box.width + 6, y);
  }
  if (units) {
    const fits = box.left + context.measureText(units).width < plot.width;
    context.textAlign = fits ? 'left' : 'right';
    context.textBaseline = 'bottom';
    context.fillText(units, fits ? box.left : plot.width - 1, box.top - POINT - 3);
  }
}

function point(plot: Plot, box: Box, base: number, reach: number, color: string): void {
  const { context } = plot;
  context.beginPath();
  context.moveTo(box.left, base);
  context.lineTo(box.left + box.width / 2, base + reach);
  context.lineTo(box.left + box.width, base);
  context.closePath();
  context.fillStyle = color;
  context.fill();
  context.stroke();
}
