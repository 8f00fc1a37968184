/** What the kernel (or a page) sends: the description of a dataset, and frames of cells. */
import type { Ask, AskOptions } from './ask';
import type { Geometry } from './geometry';
import { geometryOf } from './geometry';
import type { ViewState } from './state';

export type Kind = 'map' | 'image' | 'series' | 'value' | 'none';
export type AxisKind = 'longitude' | 'latitude' | 'time' | 'number' | 'text' | 'index';
export type Quality = 'moving' | 'still';
export type Scale = 'linear' | 'log' | 'symlog';
/** Which dataset: the one that is viewed, or a second one given for comparison. */
export type DataName = 'a' | 'b';
/** What is seen, in values of the coordinates: x0, x1, y0, y1, each pair rising. */
export type Window = [number, number, number, number];

export interface VariableView {
  name: string;
  kind: Kind;
  title: string;
  units: string;
  dtype: string;
  dims: string[];
  shape: number[];
  x: string | null;
  y: string | null;
  sliders: string[];
  notes: string[];
  problem: string;
}

export interface Dimension {
  name: string;
  size: number;
  title: string;
  units: string;
  kind: AxisKind;
  labels: string[] | null;
  /** Of the second dataset: its step nearest to each of the first; nothing where the steps are the same. */
  link?: number[] | null;
}

export interface Description {
  variables: VariableView[];
  dimensions: Dimension[];
  default: string;
}

/** Everything a viewer shows comes from one of these: a kernel, or a page that holds all frames. */
export interface FrameSource {
  readonly title: string;
  readonly description: Description;
  readonly colorMaps: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  frame(request: FrameRequest, options?: AskOptions): Promise<Frame>;
  /** Ask the kernel anything else; a page without a kernel has none. */
  readonly ask?: Ask;
  /** The second dataset, when there is one. */
  readonly other?: Description;
  /** What to show first. */
  readonly state?: Partial<ViewState>;
  /** Hears what is shown now, so that it can be restored. */
  keep?(state: ViewState): void;
  /** Hears of a state that somebody else has set; the result stops it. */
  watch?(changed: (state: Partial<ViewState>) => void): () => void;
}

export interface FrameRequest {
  variable: string;
  index: Record<string, number>;
  /** Device pixels of the plot's box. */
  width: number;
  height: number;
  /** Dimensions on the axes; null or absent: the variable's own. */
  x?: string | null;
  y?: string | null;
  window?: Window | null;
  quality?: Quality;
  lane?: 'now' | 'ahead';
  /** Keys of the geometries that are held already. */
  have?: string[];
  /** Show the variable minus this one; "b:NAME" is one of the second dataset. */
  minus?: string | null;
  data?: DataName;
  /** On a scale that is not even small values need more than 16 bits. */
  scale?: Scale;
}

export interface AxisHeader {
  dim: string;
  kind: AxisKind;
  title: string;
  units: string;
  labels: string[] | null;
  ticks: [number, string][] | null;
  /** Lowest and highest border of the whole axis, of which a frame may hold a part. */
  range?: [number, number];
}

export type ArrayType = 'u8' | 'u16' | 'u32' | 'f32' | 'f64';

export interface FrameHeader {
  version?: number;
  kind: Kind;
  variable: string;
  title: string;
  units: string;
  index: Record<string, number>;
  labels: Record<string, string>;
  shape: number[];
  encoding: Encoding;
  arrays: Record<string, { dtype: ArrayType; offset: number; length: number }>;
  geometry?: string;
  geometry_kind?: Geometry['kind'];
  x?: AxisHeader;
  y?: AxisHeader;
  equal?: boolean;
  limits?: [number, number];
  color_map?: string;
  scale?: Scale;
  /** Values that stand for something, and what: the colours are theirs. */
  categories?: [number, string][];
  notes: string[];
  /** Milliseconds since the request was received. */
  stamps?: Record<string, number>;
  /** Cells of the array in one cell of the frame, down and across. */
  factors?: [number, number];
  touched?: { chunks: number; bytes: number; cached: number };
}

export interface Encoding {
  dtype: 'u8' | 'u16' | 'f32' | 'f64';
  scale?: number;
  offset?: number;
  missing?: number;
  plus_infinity?: number;
  minus_infinity?: number;
}

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

/** One decoded frame. Cells stay as they were sent; `value` turns one into a number. */
export class Frame {
  readonly cells: Numbers;
  /** Where the cells lie; null until known, and for series and single values. */
  geometry: Geometry | null;
  /** For which it was asked. */
  quality: Quality = 'moving';
  private extent: [number, number] | null | undefined;

  constructor(
    readonly header: FrameHeader,
    private readonly payload: ArrayBuffer
  ) {
    this.cells = this.array('cells')!;
    this.geometry = geometryOf(this);
  }

  get bytes(): number {
    return this.payload.byteLength + 2_000;
  }

  array(name: string): Numbers | null {
    const where = this.header.arrays[name];
    if (!where) {
      return null;
    }
    const { offset, length } = where;
    switch (where.dtype) {
      case 'u8':
        return new Uint8Array(this.payload, offset, length);
      case 'u16':
        return new Uint16Array(this.payload, offset, length);
      case 'u32':
        return new Uint32Array(this.payload, offset, length);
      case 'f32':
        return new Float32Array(this.payload, offset, length);
      case 'f64':
        return new Float64Array(this.payload, offset, length);
    }
  }

  value(i: number): number {
    return decode(this.cells[i], this.header.encoding);
  }

  /** The number without digits finer than the step of its encoding. */
  rounded(i: number): number {
    const value = this.value(i);
    const { scale } = this.header.encoding;
    const digits = scale ? Math.ceil(-Math.log10(scale)) : Infinity;
    return digits >= 0 && digits <= 100 && Number.isFinite(value) ? Number(value.toFixed(digits)) : value;
  }

  /** Smallest and largest finite value, null when there is none. Found once. */
  range(): [number, number] | null {
    if (this.extent === undefined) {
      this.extent = extentOf(this.cells, this.header.encoding);
    }
    return this.extent;
  }
}

export function decode(code: number, encoding: Encoding): number {
  if (encoding.dtype === 'f64' || encoding.dtype === 'f32') {
    return code;
  }
  if (code === encoding.missing) {
    return NaN;
  }
  if (code === encoding.plus_infinity) {
    return Infinity;
  }
  if (code === encoding.minus_infinity) {
    return -Infinity;
  }
  return encoding.offset! + encoding.scale! * code;
}

function extentOf(cells: Numbers, encoding: Encoding): [number, number] | null {
  const coded = encoding.dtype === 'u8' || encoding.dtype === 'u16';
  // The codes above this one are no numbers: minus infinity is the lowest of them.
  const top = coded ? (encoding.minus_infinity ?? Infinity) : Infinity;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < cells.length; i++) {
    const v = cells[i];
    if (v < top && v > -Infinity) {
      if (v < low) {
        low = v;
      }
      if (v > high) {
        high = v;
      }
    }
  }
  if (low > high) {
    return null;
  }
  const ends: [number, number] = [decode(low, encoding), decode(high, encoding)];
  return ends[0] <= ends[1] ? ends : [ends[1], ends[0]];
}
