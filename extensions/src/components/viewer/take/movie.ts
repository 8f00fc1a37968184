/** An animation along one dimension, frame by frame through the viewer, into an encoder. */
import type { Ask } from '../ask';
import type { TakeHost } from '../hosts';
import type { Encoder, Encoders, MovieSize } from './encoders';
import { canvasOf } from './figure';

export type MovieFormat = 'gif' | 'mp4';

export interface MovieOptions {
  format: MovieFormat;
  dim: string;
  /** First and last step, both shown. */
  from: number;
  to: number;
  /** Frames a second. */
  speed: number;
  /** Pixels across. */
  width: number;
}

export const MOST_FRAMES = 600;
const MOST_PIXELS = 400_000_000;

/** The encoders, fetched when first needed. */
async function encoders(ask: Ask): Promise<Encoders> {
  const { buffers } = await ask('asset', { name: 'movie.js' });
  const url = URL.createObjectURL(new Blob([buffers[0] as BlobPart], { type: 'text/javascript' }));
  try {
    return (await import(/* webpackIgnore: true */ url)) as Encoders;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Draw every step and encode it; the view is left at the step where it was. */
export async function movieOf(
  host: TakeHost,
  options: MovieOptions,
  progress: (done: number, total: number) => void,
  signal: AbortSignal
): Promise<Blob> {
  const { format, dim, from, to } = options;
  const total = to - from + 1;
  if (total > MOST_FRAMES) {
    throw new Error(`That is ${total.toLocaleString('en')} frames, more than ${MOST_FRAMES}. Choose fewer steps.`);
  }
  const start = { ...host.state().index };
  const made = await encoders(host.ask!);
  let encoder: Encoder | null = null;
  try {
    for (let i = 0; i < total; i++) {
      progress(i, total);
      await host.still({ ...start, [dim]: from + i });
      signal.throwIfAborted();
      const canvas = await canvasOf(host, Math.min(options.width, 960), options.width / Math.min(options.width, 960));
      encoder ??= await begin(made, format, { width: canvas.width, height: canvas.height, speed: options.speed }, total);
      await encoder.add(canvas);
      signal.throwIfAborted();
    }
    progress(total, total);
    return await encoder!.finish();
  } finally {
    encoder?.close();
    await host.still(start);
  }
}

async function begin(made: Encoders, format: MovieFormat, size: MovieSize, total: number): Promise<Encoder> {
  if (size.width * size.height * total > MOST_PIXELS) {
    throw new Error('The movie would be too large. Choose a smaller width or fewer steps.');
  }
  return made[format](size);
}
