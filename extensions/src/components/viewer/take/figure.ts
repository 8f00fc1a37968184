/** A picture for paper: white ground, dark text, its title and steps, at a size in centimetres. */
import type { TakeHost } from '../hosts';
import { type DrawContext, SvgContext } from './svg';

export interface Print {
  centimetres: number;
  dpi: number;
}

/** CSS pixels of an inch. */
const INCH = 96;
const CENTIMETRES = 2.54;
const MARGIN = 8;
const TITLE = 15;
const STEPS = 11;
const GAP = 6;
const INK = '#111';
/** Most pixels of a picture: what browsers still hold. */
const MOST_PIXELS = 80_000_000;

/** Where a figure and its parts lie, in CSS pixels. */
interface Figure {
  width: number;
  height: number;
  lines: string[];
  steps: string;
  /** Of the picture within. */
  top: number;
  across: number;
  down: number;
}

/** Texts of the steps that the sliders stand at. */
export function stepsOf(host: TakeHost): string[] {
  const { description } = host.source;
  const { variable, index, x, y } = host.state();
  const view = description.variables.find(v => v.name === variable);
  const across = new Set([x ?? view?.x, y ?? view?.y]);
  return description.dimensions
    .filter(d => view?.dims.includes(d.name) && !across.has(d.name) && d.size > 1)
    .map(d => `${d.title} ${d.labels?.[index[d.name] ?? 0] ?? `${(index[d.name] ?? 0) + 1} of ${d.size}`}`);
}

function figureOf(host: TakeHost, context: DrawContext, width: number): Figure {
  const room = width - 2 * MARGIN;
  const size = host.size();
  context.font = `600 ${TITLE}px sans-serif`;
  const lines = wrapped(host.title(), text => context.measureText(text).width <= room);
  const steps = stepsOf(host).join(', ');
  const top = MARGIN + lines.length * (TITLE + 4) + (steps ? STEPS + 4 : 0) + GAP;
  const down = Math.round((room * size.height) / Math.max(1, size.width));
  return { width, height: top + down + MARGIN, lines, steps, top, across: room, down };
}

async function draw(host: TakeHost, context: DrawContext, figure: Figure): Promise<void> {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, figure.width, figure.height);
  context.fillStyle = INK;
  context.textAlign = 'left';
  context.textBaseline = 'top';
  context.font = `600 ${TITLE}px sans-serif`;
  figure.lines.forEach((line, i) => context.fillText(line, MARGIN, MARGIN + i * (TITLE + 4)));
  context.font = `${STEPS}px sans-serif`;
  context.fillText(figure.steps, MARGIN, MARGIN + figure.lines.length * (TITLE + 4), figure.across);
  context.save();
  context.translate(MARGIN, figure.top);
  await host.compose(context as CanvasRenderingContext2D, figure.across, figure.down);
  context.restore();
}

/** Draw the figure on a canvas of its own: `width` CSS pixels, each of `ratio` pixels a side. */
export async function canvasOf(host: TakeHost, width: number, ratio: number): Promise<HTMLCanvasElement> {
  const canvas = document.createElement('canvas');
  const figure = figureOf(host, canvas.getContext('2d')!, width);
  canvas.width = Math.round(figure.width * ratio);
  canvas.height = Math.round(figure.height * ratio);
  if (canvas.width * canvas.height > MOST_PIXELS) {
    const found = `${canvas.width.toLocaleString('en')} × ${canvas.height.toLocaleString('en')} pixels`;
    throw new Error(`The picture would have ${found}, too many for a browser. Choose a smaller width or dpi.`);
  }
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  await draw(host, context, figure);
  return canvas;
}

const pixelsOf = (print: Print) => (print.centimetres / CENTIMETRES) * INCH;

/** The picture as PNG, composed anew from the data at the size asked for. */
export async function pngOf(host: TakeHost, print: Print): Promise<Blob> {
  const canvas = await canvasOf(host, pixelsOf(print), print.dpi / INCH);
  const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/png'));
  if (!blob) {
    throw new Error('The browser could not make so large a picture. Choose a smaller width or dpi.');
  }
  return new Blob(withDensity(new Uint8Array(await blob.arrayBuffer()), print.dpi), { type: 'image/png' });
}

/** The picture as SVG: axes, outlines and text as vectors, the field as an embedded PNG. */
export async function svgOf(host: TakeHost, print: Print): Promise<string> {
  const ratio = print.dpi / INCH;
  const figure = figureOf(host, new SvgContext(1, 1, '1', '1'), pixelsOf(print));
  const down = (print.centimetres * figure.height) / figure.width;
  const size: [number, number] = [figure.width * ratio, figure.height * ratio];
  const context = new SvgContext(...size, `${print.centimetres}cm`, `${Number(down.toFixed(3))}cm`);
  context.scale(ratio, ratio);
  await draw(host, context, figure);
  return context.text([host.title(), figure.steps].filter(Boolean).join(', '), 'Made with Portal');
}

/** Words in lines that fit, at most three; a word that does not fit alone is cut. */
function wrapped(text: string, fits: (text: string) => boolean): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && fits(longer)) {
      lines[lines.length - 1] = longer;
    } else {
      let cut = word;
      while (cut.length > 1 && !fits(cut === word ? cut : `${cut}…`)) {
        cut = cut.slice(0, -1);
      }
      lines.push(cut === word ? word : `${cut}…`);
    }
  }
  return lines.length > 3 ? [...lines.slice(0, 2), `${lines[2]}…`] : lines;
}

/** Put the density (PNG chunk pHYs, pixels a metre) after the header, for programs that print. */
function withDensity(png: Uint8Array<ArrayBuffer>, dpi: number): Uint8Array<ArrayBuffer>[] {
  const chunk = new Uint8Array(21);
  const view = new DataView(chunk.buffer);
  const density = Math.round((dpi * 100) / CENTIMETRES);
  view.setUint32(0, 9);
  chunk.set([0x70, 0x48, 0x59, 0x73], 4);
  view.setUint32(8, density);
  view.setUint32(12, density);
  view.setUint8(16, 1);
  view.setUint32(17, crc(chunk.subarray(4, 17)));
  const header = 33;
  return [png.slice(0, header), chunk, png.slice(header)];
}

/** CRC-32 as PNG has it (ISO 3309). */
function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
  }
  return ~sum >>> 0;
}
