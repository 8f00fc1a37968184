/** Colour tables from control points, and the colour of every 16-bit code. */
import { decode, type Encoding, type Frame } from './frame';

const STEPS = 256;

/** RGBA packed as a little-endian canvas stores it, for 256 even steps of a colour map. */
export function colorTable(hex: string): Uint32Array {
  const points: number[][] = [];
  for (let i = 0; i < hex.length; i += 6) {
    points.push([0, 2, 4].map(j => parseInt(hex.slice(i + j, i + j + 2), 16)));
  }
  const table = new Uint32Array(STEPS);
  for (let i = 0; i < STEPS; i++) {
    const at = (i / (STEPS - 1)) * (points.length - 1);
    const left = Math.min(Math.floor(at), points.length - 2);
    const [r, g, b] = points[left].map((v, c) => Math.round(v + (points[left + 1][c] - v) * (at - left)));
    table[i] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return table;
}

export function cssColor(packed: number): string {
  return `rgb(${packed & 255}, ${(packed >> 8) & 255}, ${(packed >> 16) & 255})`;
}

/** The colour of a value; what is not a number is transparent. */
export function colorOf(value: number, limits: [number, number], table: Uint32Array): number {
  if (Number.isNaN(value)) {
    return 0;
  }
  const at = (value - limits[0]) / (limits[1] - limits[0]);
  return table[Math.max(0, Math.min(STEPS - 1, Math.floor(at * STEPS)))];
}

/** Paint cells into a canvas image: for each pixel the cell of its row and column. */
export function paint(
  image: ImageData,
  frame: Frame,
  columns: Int32Array,
  rows: Int32Array,
  limits: [number, number],
  table: Uint32Array
): void {
  const pixels = new Uint32Array(image.data.buffer);
  const width = frame.header.shape[1];
  const { cells } = frame;
  const encoding = frame.header.encoding;
  const colors = encoding.dtype !== 'f64' && encoding.dtype !== 'f32' ? codeColors(encoding, limits, table) : null;
  let p = 0;
  for (let y = 0; y < rows.length; y++) {
    const row = rows[y] * width;
    for (let x = 0; x < columns.length; x++) {
      const cell = cells[row + columns[x]];
      pixels[p++] = colors ? colors[cell] : colorOf(cell, limits, table);
    }
  }
}

function codeColors(encoding: Encoding, limits: [number, number], table: Uint32Array): Uint32Array {
  const colors = new Uint32Array(65536);
  for (let code = 0; code < colors.length; code++) {
    colors[code] = colorOf(decode(code, encoding), limits, table);
  }
  return colors;
}
