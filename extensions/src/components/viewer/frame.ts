/** What the kernel (or a page) sends: the description of a dataset, and frames of pixels. */

export type Kind = 'map' | 'image' | 'series' | 'value' | 'none';
export type AxisKind = 'longitude' | 'latitude' | 'time' | 'number' | 'text' | 'index';

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
  frame(request: FrameRequest): Promise<Frame>;
}

export interface FrameRequest {
  variable: string;
  index: Record<string, number>;
  width: number;
  height: number;
}

export interface AxisHeader {
  dim: string;
  kind: AxisKind;
  title: string;
  units: string;
  labels: string[] | null;
  ticks: [number, string][] | null;
}

export interface FrameHeader {
  kind: Kind;
  variable: string;
  title: string;
  units: string;
  index: Record<string, number>;
  labels: Record<string, string>;
  shape: number[];
  encoding: Encoding;
  arrays: Record<string, { dtype: 'u16' | 'f32' | 'f64'; offset: number; length: number }>;
  x?: AxisHeader;
  y?: AxisHeader;
  equal?: boolean;
  limits?: [number, number];
  color_map?: string;
  notes: string[];
}

export interface Encoding {
  dtype: 'u16' | 'f64';
  scale?: number;
  offset?: number;
  missing?: number;
  plus_infinity?: number;
  minus_infinity?: number;
}

export type Numbers = Uint16Array | Float32Array | Float64Array;

/** One decoded frame. Cells stay as they were sent; `value` turns one into a number. */
export class Frame {
  readonly cells: Numbers;

  constructor(
    readonly header: FrameHeader,
    private readonly payload: ArrayBuffer
  ) {
    this.cells = this.array('cells')!;
  }

  array(name: string): Numbers | null {
    const where = this.header.arrays[name];
    if (!where) {
      return null;
    }
    const { offset, length } = where;
    switch (where.dtype) {
      case 'u16':
        return new Uint16Array(this.payload, offset, length);
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

  /** Smallest and largest finite value, null when there is none. */
  range(): [number, number] | null {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < this.cells.length; i++) {
      const v = this.value(i);
      if (Number.isFinite(v)) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    return low <= high ? [low, high] : null;
  }
}

export function decode(code: number, encoding: Encoding): number {
  if (encoding.dtype === 'f64') {
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
