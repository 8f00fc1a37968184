/** Frames that were seen or fetched ahead, bounded in bytes; all views of one widget share them. */
import type { Frame, FrameRequest } from './frame';
import type { Geometry } from './geometry';

const MOST_BYTES = 128e6;
const MOST_GEOMETRIES = 24;

/** All that decides a frame, but for its quality. */
export function keyOf(request: FrameRequest): string {
  const index = Object.keys(request.index)
    .sort()
    .map(dim => [dim, request.index[dim]]);
  const { variable, width, height, x, y, window, minus, data, scale } = request;
  return JSON.stringify([variable, index, width, height, x ?? 0, y ?? 0, window ?? 0, minus ?? 0, data ?? 'a', scale ?? 0]);
}

/** Whether asking for a still picture would bring nothing new. */
export function isFinal(frame: Frame, request: FrameRequest): boolean {
  const [fy, fx] = frame.header.factors ?? [1, 1];
  return request.quality === 'still' || (Math.max(fy, fx) <= 1 && frame.header.encoding.dtype !== 'u8');
}

interface Kept {
  frame: Frame;
  final: boolean;
}

export class FrameCache {
  private readonly frames = new Map<string, Kept>();
  private readonly geometries = new Map<string, Geometry>();
  private bytes = 0;

  constructor(private readonly most = MOST_BYTES) {}

  /** A frame and whether it is the best there is; it becomes the one used last. */
  get(key: string): Kept | null {
    const kept = this.frames.get(key);
    if (!kept) {
      return null;
    }
    this.frames.delete(key);
    this.frames.set(key, kept);
    return kept;
  }

  has(key: string): boolean {
    return this.frames.has(key);
  }

  put(key: string, frame: Frame, final: boolean): void {
    const old = this.frames.get(key);
    if (old?.final && !final) {
      return;
    }
    this.drop(key);
    this.frames.set(key, { frame, final });
    this.bytes += frame.bytes;
    for (const oldest of this.frames.keys()) {
      if (this.bytes <= this.most || oldest === key) {
        break;
      }
      this.drop(oldest);
    }
  }

  /** Forget all frames: what they were read from may have changed. */
  clear(): void {
    this.frames.clear();
    this.bytes = 0;
  }

  /** How many more frames like this one may be fetched ahead without driving out what is seen. */
  room(frame: Frame): number {
    return Math.floor(this.most / 3 / frame.bytes);
  }

  /** Keys of the geometries that need not be sent again. */
  get held(): string[] {
    return [...this.geometries.keys()];
  }

  /** Give a frame its geometry; false when neither it nor the cache has it. */
  place(frame: Frame): boolean {
    const key = frame.header.geometry;
    if (frame.geometry) {
      if (key) {
        this.keep(key, frame.geometry);
      }
      return true;
    }
    if (!key) {
      return true;
    }
    const held = this.geometries.get(key);
    if (held) {
      frame.geometry = held;
      this.keep(key, held);
    }
    return held !== undefined;
  }

  private keep(key: string, geometry: Geometry): void {
    const first = this.geometries.get(key) ?? geometry;
    this.geometries.delete(key);
    this.geometries.set(key, first);
    const [oldest] = this.geometries.keys();
    if (this.geometries.size > MOST_GEOMETRIES) {
      this.geometries.delete(oldest);
    }
  }

  private drop(key: string): void {
    const kept = this.frames.get(key);
    if (kept) {
      this.frames.delete(key);
      this.bytes -= kept.frame.bytes;
    }
  }
}
