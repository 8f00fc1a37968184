/** One-dimensional variables: a line with gaps where there is no data. */
import type { Frame } from './frame';
import type { Box, Theme } from './plot';
import { type ChartAxis, linePlot } from './tools/lines';

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

/** As high as it needs to be, or of a height that is given. */
export function lineOf(frame: Frame, theme: Theme, width: number, tall?: number): Line {
  const { x, units } = frame.header;
  const positions = frame.array('x')!;
  const values = Float64Array.from({ length: positions.length }, (_, i) => frame.value(i));
  const lines = [{ label: '', color: theme.accent, values }];
  const axis: ChartAxis = x!;
  // The keys go up and down as the axis does.
  const up = axis.upright && axis.down ? -1 : 1;
  const spec = { axis, positions, lines, units };
  const own = linePlot(spec, theme, width);
  const plot = tall === undefined ? own : linePlot(spec, theme, width, Math.max(40, own.box.height + tall - own.height));
  const { box, height, draw, find, describe } = plot;
  return {
    width,
    height,
    box,
    draw,
    find,
    describe,
    locate: i => plot.locate(i, 0),
    step: (i, dx, dy) => Math.min(positions.length - 1, Math.max(0, i + dx - dy * up))
  };
}
