/** What makes movies of canvases: a file of its own, loaded when a movie is asked for. */
import { applyPalette, GIFEncoder, quantize } from 'gifenc';
import { ArrayBufferTarget, Muxer } from 'mp4-muxer';

export interface MovieSize {
  /** Pixels. */
  width: number;
  height: number;
  /** Frames a second. */
  speed: number;
}

export interface Encoder {
  /** Add a frame; all have the size that the movie began with. */
  add(canvas: HTMLCanvasElement): Promise<void>;
  finish(): Promise<Blob>;
  close(): void;
}

export interface Encoders {
  gif(size: MovieSize): Promise<Encoder>;
  mp4(size: MovieSize): Promise<Encoder>;
}

/** Bits a pixel of a frame: flat colours and sharp text. */
const BITS = 0.2;

/** Profiles that MP4 holds, the most widely played first. */
const CODECS = [
  ['avc', 'avc1.640033'],
  ['avc', 'avc1.42e033'],
  ['hevc', 'hvc1.1.6.L153.B0'],
  ['vp9', 'vp09.00.51.08'],
  ['av1', 'av01.0.13M.08']
] as const;

export async function gif({ width, height, speed }: MovieSize): Promise<Encoder> {
  const file = GIFEncoder();
  // GIF counts in hundredths of a second, and players slow down what is shorter than two.
  const delay = Math.max(2, Math.round(100 / speed)) * 10;
  return {
    async add(canvas) {
      const { data } = fitted(canvas, width, height).getContext('2d')!.getImageData(0, 0, width, height);
      const palette = quantize(data, 256);
      file.writeFrame(applyPalette(data, palette), width, height, { palette, delay });
      await breath();
    },
    async finish() {
      file.finish();
      return new Blob([file.bytes()], { type: 'image/gif' });
    },
    close: () => undefined
  };
}

export async function mp4(size: MovieSize): Promise<Encoder> {
  // Encoders of video take even sizes only.
  const [width, height] = [size.width & ~1, size.height & ~1];
  const shape = { width, height, framerate: size.speed, bitrate: bitrate(width, height, size.speed) };
  const found = await playable(shape);
  if (!found) {
    throw new Error('This browser has no encoder for MP4 here (it may need HTTPS). Save a GIF instead.');
  }
  const target = new ArrayBufferTarget();
  const video = { codec: found.muxed, width, height, frameRate: Math.ceil(size.speed) };
  const muxer = new Muxer({ target, video, fastStart: 'in-memory' });
  let problem: Error | null = null;
  const encoder = new VideoEncoder({
    output: (chunk, meta) => muxer.addVideoChunk(chunk, meta),
    error: error => (problem = error)
  });
  encoder.configure(found.config);
  const step = 1_000_000 / size.speed;
  let count = 0;
  return {
    async add(canvas) {
      if (problem) {
        throw problem;
      }
      const timing = { timestamp: Math.round(count * step), duration: Math.round(step) };
      const frame = new VideoFrame(fitted(canvas, width, height), timing);
      encoder.encode(frame, { keyFrame: count % 30 === 0 });
      frame.close();
      count += 1;
      while (encoder.encodeQueueSize > 4) {
        await breath();
      }
    },
    async finish() {
      await encoder.flush();
      if (problem) {
        throw problem;
      }
      muxer.finalize();
      return new Blob([target.buffer], { type: 'video/mp4' });
    },
    close() {
      if (encoder.state !== 'closed') {
        encoder.close();
      }
    }
  };
}

async function playable(
  shape: Omit<VideoEncoderConfig, 'codec'>
): Promise<{ muxed: (typeof CODECS)[number][0]; config: VideoEncoderConfig } | null> {
  if (!('VideoEncoder' in globalThis)) {
    return null;
  }
  for (const [muxed, codec] of CODECS) {
    const config = { ...shape, codec };
    try {
      if ((await VideoEncoder.isConfigSupported(config)).supported) {
        return { muxed, config };
      }
    } catch (error) {
      // A codec whose name the browser does not know is one that it has not.
      if (!(error instanceof TypeError)) {
        throw error;
      }
    }
  }
  return null;
}

const bitrate = (width: number, height: number, speed: number) =>
  Math.max(500_000, Math.round(width * height * speed * BITS));

/** The canvas itself, or a copy of the size that the movie began with. */
function fitted(canvas: HTMLCanvasElement, width: number, height: number): HTMLCanvasElement {
  if (canvas.width === width && canvas.height === height) {
    return canvas;
  }
  const copy = document.createElement('canvas');
  copy.width = width;
  copy.height = height;
  const context = copy.getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(canvas, 0, 0);
  return copy;
}

/** Let the page do something else. */
const breath = () => new Promise(resolve => setTimeout(resolve, 0));
