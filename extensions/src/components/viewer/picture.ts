/** Maps and images: cells at their true places, axes, colour bar, and what lies under a point. */
import { BAR, barTicks, drawColorBar } from './colorbar';
import { colorTable, paint } from './colors';
import type { AxisHeader, Frame } from './frame';
import { type Box, drawAxes, startPlot, widest } from './plot';
import { axisTicks, cellsOf, formatDegrees, formatNumber, formatPlace } from './scale';

const TOP = 26;
const BOTTOM = 24;
const BOTTOM_TITLED = 40;
const LEAST = 80;
const MOST = 520;

export interface Drawn {
  box: Box;
  /** Cell under a point of the canvas (CSS pixels), null outside the plot. */
  find(x: number, y: number): number | null;
  /** Where a cell lies on the canvas. */
  locate(cell: number): [number, number];
  describe(cell: number): string;
  /** Cell beside another, for the arrow keys. */
  step(cell: number, dx: number, dy: number): number;
  note: string;
}

export function drawPicture(
  canvas: HTMLCanvasElement,
  frame: Frame,
  width: number,
  colorMaps: Readonly<Record<string, string>>
): Drawn {
  const header = frame.header;
  const { shape } = header;
  const [x, y] = [header.x!, header.y!];
  const [xs, ys] = [frame.array('x')!, frame.array('y')!];
  const [xEdges, yEdges] = [frame.array('x_edges')!, frame.array('y_edges')!];
  const xEnds: [number, number] = [xEdges[0], xEdges[xEdges.length - 1]];
  const yEnds: [number, number] = [yEdges[0], yEdges[yEdges.length - 1]];
  const limits = header.limits!;
  const table = colorTable(colorMaps[header.color_map!]);

  // The height follows from the width, which follows from the widths of the texts.
  const measure = startPlot(canvas, width, 1);
  const yTicks = (height: number) =>
    axisTicks(y, ys, yEnds, Math.max(2, Math.min(9, Math.floor(height / 36))));
  const named = y.kind !== 'latitude' && width > 420;
  const left = Math.ceil(widest(measure, yTicks(400))) + 10 + (named ? 16 : 0);
  const right = Math.ceil(widest(measure, barTicks(limits, 400))) + BAR + 26;
  let across = Math.max(40, width - left - right);
  const shapeRatio = Math.abs((yEnds[1] - yEnds[0]) / (xEnds[1] - xEnds[0]));
  const trueHeight = header.equal ? across * shapeRatio : Math.min(MOST, across * 0.6);
  let height = Math.round(Math.min(MOST, Math.max(LEAST, trueHeight)));
  let note = '';
  if (header.equal && trueHeight > MOST) {
    across = Math.max(60, Math.round(MOST / shapeRatio));
  } else if (header.equal && trueHeight < LEAST * 0.95) {
    note = `drawn ${formatNumber(height / trueHeight, 2)} times as tall as it is`;
  }
  across = Math.round(across);
  height = Math.round(height);
  const plot = startPlot(canvas, width, TOP + height + (titleOf(x) ? BOTTOM_TITLED : BOTTOM));
  const { context, ratio } = plot;
  const box: Box = { left, top: TOP, width: across, height };

  const columns = cellsOf(xEdges, Math.round(across * ratio));
  const rows = cellsOf(yEdges, Math.round(height * ratio));
  const image = new ImageData(columns.length, rows.length);
  paint(image, frame, columns, rows, limits, table);
  context.fillStyle = plot.empty;
  context.fillRect(box.left, box.top, box.width, box.height);
  const layer = document.createElement('canvas');
  layer.width = image.width;
  layer.height = image.height;
  layer.getContext('2d')!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(layer, box.left, box.top, box.width, box.height);

  const place = {
    x: (at: number) => box.left + ((at - xEnds[0]) / (xEnds[1] - xEnds[0])) * box.width,
    y: (at: number) => box.top + ((at - yEnds[0]) / (yEnds[1] - yEnds[0])) * box.height
  };
  const xTicks = axisTicks(x, xs, xEnds, Math.max(2, Math.min(9, Math.floor(across / 80))));
  drawAxes(plot, box, { x: xTicks, y: yTicks(height) }, place, {
    x: titleOf(x),
    y: named ? titleOf(y) : ''
  });
  const bar: Box = { left: left + across + 12, top: TOP, width: BAR, height };
  drawColorBar(plot, bar, table, limits, frame.range(), header.units);

  const [latitudes, longitudes] = [frame.array('latitude'), frame.array('longitude')];
  return {
    box,
    note,
    find(px, py) {
      const column = Math.floor((px - box.left) * ratio);
      const row = Math.floor((py - box.top) * ratio);
      const inside = column >= 0 && row >= 0 && column < columns.length && row < rows.length;
      return inside ? rows[row] * shape[1] + columns[column] : null;
    },
    locate(cell) {
      const [row, column] = [Math.floor(cell / shape[1]), cell % shape[1]];
      return [
        place.x((xEdges[column] + xEdges[column + 1]) / 2),
        place.y((yEdges[row] + yEdges[row + 1]) / 2)
      ];
    },
    describe(cell) {
      const [row, column] = [Math.floor(cell / shape[1]), cell % shape[1]];
      const parts = [formatPlace(y, ys, row), formatPlace(x, xs, column)];
      if (latitudes && longitudes && !Number.isNaN(latitudes[cell] + longitudes[cell])) {
        parts.push(formatDegrees(latitudes[cell], 'latitude'));
        parts.push(formatDegrees(longitudes[cell], 'longitude'));
      }
      return `${valueText(frame.rounded(cell), header.units)} at ${parts.join(', ')}`;
    },
    step(cell, dx, dy) {
      const row = Math.min(shape[0] - 1, Math.max(0, Math.floor(cell / shape[1]) + dy));
      const column = Math.min(shape[1] - 1, Math.max(0, (cell % shape[1]) + dx));
      return row * shape[1] + column;
    }
  };
}

/** Title of an axis; degrees with their hemisphere need none. */
function titleOf(axis: AxisHeader): string {
  const place = axis.kind === 'longitude' || axis.kind === 'latitude';
  return place ? '' : axis.title + (axis.units ? ` (${axis.units})` : '');
}

export function valueText(value: number, units: string): string {
  if (!units || Number.isNaN(value)) {
    return formatNumber(value);
  }
  // Units such as "1E11 m-3" are a factor.
  return `${formatNumber(value)} ${/^\d/.test(units) ? '× ' : ''}${units}`;
}
