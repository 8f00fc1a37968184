/** Paints cells onto a canvas: by WebGL2 where the machine has a graphics card, else without it. */
import type { Encoding, Numbers } from '../frame';
import { codeColors, type Coded, codeNumbers, type Look, type Steps, stepsOf } from './look';
import { Device, Layer } from './webgl';

/** What a map holds for a pixel without a cell. */
export const NONE = 0xffffffff;

export type { Look, Scale } from './look';
export type PainterKind = 'webgl2' | 'canvas';

export interface Painter {
  /** As large as the map, in device pixels. It keeps its pixels: it can be exported as it is. */
  readonly canvas: HTMLCanvasElement;
  /** What painted last; a context that is lost makes it `canvas` until it is restored. */
  readonly kind: PainterKind;
  /** The cell of each pixel, row by row from the top; `NONE` where there is none. */
  map(map: Uint32Array, width: number, height: number): void;
  cells(cells: Numbers, encoding: Encoding): void;
  look(look: Look): void;
  /** Submit the pixels. What has not changed since the last time is not prepared again. */
  draw(): void;
  dispose(): void;
}

/**
 * A painter of the preferred kind. Without a preference it is WebGL2 on a graphics card; where that
 * is missing or emulated, painting without one is faster.
 */
export function createPainter(prefer?: PainterKind): Painter {
  const device = prefer === 'canvas' ? null : Device.shared(prefer === 'webgl2');
  return new CellPainter(device);
}

class CellPainter implements Painter {
  readonly canvas = document.createElement('canvas');
  kind: PainterKind;
  private readonly context: CanvasRenderingContext2D;
  private readonly held = { map: new Uint32Array(0), width: 0, height: 0 };
  private numbers: Numbers | null = null;
  private encoding: Encoding = { dtype: 'f64' };
  private steps: Steps | null = null;
  private coded: Coded | null = null;
  private coding = '';
  private image: ImageData | null = null;
  private layer: Layer | null = null;
  private generation = -1;
  private stale = { map: true, codes: true, colors: true };

  constructor(private readonly device: Device | null) {
    this.kind = device ? 'webgl2' : 'canvas';
    this.context = this.canvas.getContext('2d')!;
    this.canvas.addEventListener('contextrestored', () => this.draw());
  }

  map(map: Uint32Array, width: number, height: number): void {
    Object.assign(this.held, { map, width, height });
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = null;
    }
    this.stale.map = true;
  }

  cells(cells: Numbers, encoding: Encoding): void {
    this.numbers = cells;
    this.encoding = encoding;
    this.stale.codes = true;
  }

  look(look: Look): void {
    this.steps = stepsOf(look);
    this.coding = '';
  }

  draw(): void {
    const { width, height } = this.held;
    if (!this.steps || !this.numbers || !width || !height) {
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      return;
    }
    const coded = this.code(this.steps, this.numbers);
    const painted = this.paintByCard(coded);
    this.kind = painted ? 'webgl2' : 'canvas';
    if (!painted) {
      this.paintByHand(coded);
    }
  }

  dispose(): void {
    this.layer?.dispose();
    this.layer = null;
    this.numbers = this.image = this.coded = null;
    this.held.map = new Uint32Array(0);
    this.held.width = this.held.height = 0;
  }

  /** Codes and their colours, made again only where the cells, their encoding or the look changed. */
  private code(steps: Steps, numbers: Numbers): Coded {
    const whole = numbers instanceof Uint8Array || numbers instanceof Uint16Array;
    const { dtype, scale, offset } = this.encoding;
    const coding = `${dtype} ${scale} ${offset}`;
    const fresh = coding === this.coding && this.coded !== null;
    if (!fresh || (this.stale.codes && !whole)) {
      this.stale.colors = true;
      this.stale.codes ||= !whole;
      this.coded = whole
        ? { codes: numbers, colors: codeColors(steps, this.encoding, numbers instanceof Uint8Array ? 256 : 65_536) }
        : codeNumbers(steps, numbers);
    } else if (whole && this.stale.codes) {
      this.coded = { codes: numbers, colors: this.coded!.colors };
    }
    this.coding = coding;
    return this.coded!;
  }

  private paintByCard({ codes, colors }: Coded): boolean {
    const { device, stale } = this;
    const { map, width, height } = this.held;
    if (!device?.usable || !Layer.fits(device, width, height, codes.length)) {
      return false;
    }
    if (this.generation !== device.generation) {
      this.generation = device.generation;
      this.layer = device.layer();
      Object.assign(stale, { map: true, codes: true, colors: true });
    }
    const layer = (this.layer ??= device.layer());
    if (stale.map) {
      layer.cells(map, width, height);
    }
    if (stale.codes) {
      layer.codes(codes);
    }
    if (stale.colors) {
      layer.colors(colors);
    }
    Object.assign(stale, { map: false, codes: false, colors: false });
    return layer.draw(width, height, codes.length, this.context);
  }

  private paintByHand({ codes, colors }: Coded): void {
    const { map, width, height } = this.held;
    this.image ??= new ImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    const count = codes.length;
    for (let i = 0; i < pixels.length; i++) {
      const cell = map[i];
      pixels[i] = cell < count ? colors[codes[cell]] : 0;
    }
    this.context.putImageData(this.image, 0, 0);
  }
}
