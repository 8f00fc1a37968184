/** Painting by WebGL2. A page has few contexts (16), so that all viewers share one. */
import type { Codes } from './look';

/** Cells and codes lie in textures in rows of this many: the least that WebGL2 promises. */
const ROW_BITS = 11;
const ROW = 1 << ROW_BITS;
const COLOR_BITS = 8;

const VERTEX = `#version 300 es
void main() {
  // One triangle that covers everything.
  gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
uniform usampler2D cells;
uniform usampler2D codes;
uniform sampler2D colors;
uniform float height;
uniform uint count;
out vec4 color;
void main() {
  uint cell = texelFetch(cells, ivec2(gl_FragCoord.x, height - gl_FragCoord.y), 0).r;
  if (cell >= count) {
    color = vec4(0.0);
    return;
  }
  uint code = texelFetch(codes, ivec2(cell & ${ROW - 1}u, cell >> ${ROW_BITS}u), 0).r;
  color = texelFetch(colors, ivec2(code & 255u, code >> ${COLOR_BITS}u), 0);
}`;

const NAMES = ['cells', 'codes', 'colors'] as const;
type Name = (typeof NAMES)[number];

/** The context that the viewers of a page share. */
export class Device {
  readonly gl: WebGL2RenderingContext;
  readonly canvas: HTMLCanvasElement;
  readonly largest: number;
  private lost = false;
  private program: WebGLProgram | null = null;
  private places = new Map<string, WebGLUniformLocation | null>();
  /** Grows when the context was restored: all that was uploaded before is gone. */
  generation = 0;

  private constructor(gl: WebGL2RenderingContext, canvas: HTMLCanvasElement) {
    this.gl = gl;
    this.canvas = canvas;
    this.largest = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    canvas.addEventListener('webglcontextlost', event => {
      // Without this the browser never restores it.
      event.preventDefault();
      this.lost = true;
    });
    canvas.addEventListener('webglcontextrestored', () => {
      this.lost = false;
      this.generation++;
      this.build();
    });
    this.build();
  }

  /**
   * The page's own, made when first asked for; null where there is no WebGL2.
   *
   * Widgets load their module each for itself, so that the one place all of them see is the page.
   */
  static shared(software: boolean): Device | null {
    const page = globalThis as unknown as Record<symbol, Device | null | undefined>;
    const key = Symbol.for(`portal.viewer.webgl2.1${software ? '.any' : ''}`);
    if (page[key] === undefined) {
      page[key] = Device.create(software);
    }
    return page[key] ?? null;
  }

  static create(software: boolean): Device | null {
    const canvas = document.createElement('canvas');
    const gl = canvas.getContext('webgl2', {
      alpha: true,
      antialias: false,
      depth: false,
      failIfMajorPerformanceCaveat: !software
    });
    if (!gl || gl.isContextLost()) {
      return null;
    }
    if (!software && isEmulated(gl)) {
      gl.getExtension('WEBGL_lose_context')?.loseContext();
      return null;
    }
    return new Device(gl, canvas);
  }

  get usable(): boolean {
    return !this.lost && this.program !== null && !this.gl.isContextLost();
  }

  layer(): Layer {
    return new Layer(this);
  }

  /** Begin a picture: a canvas at least as large, and the program. */
  begin(width: number, height: number, count: number): void {
    const { gl, canvas } = this;
    if (canvas.width < width || canvas.height < height) {
      canvas.width = Math.max(canvas.width, width);
      canvas.height = Math.max(canvas.height, height);
    }
    gl.useProgram(this.program);
    gl.viewport(0, 0, width, height);
    gl.uniform1f(this.places.get('height')!, height);
    gl.uniform1ui(this.places.get('count')!, count);
  }

  private build(): void {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT]
    ] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    this.program = gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
    if (!this.program) {
      return;
    }
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    for (const name of ['height', 'count', ...NAMES]) {
      this.places.set(name, gl.getUniformLocation(program, name));
    }
    NAMES.forEach((name, unit) => gl.uniform1i(this.places.get(name)!, unit));
  }
}

/** Whether a processor does the work of a graphics card: painting without one is then faster. */
function isEmulated(gl: WebGL2RenderingContext): boolean {
  const names = gl.getExtension('WEBGL_debug_renderer_info');
  const name = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

/** The textures of one viewer. */
export class Layer {
  private readonly textures = new Map<Name, { texture: WebGLTexture; shape: string }>();

  constructor(private readonly device: Device) {}

  cells(map: Uint32Array, width: number, height: number): void {
    const { gl } = this.device;
    this.upload('cells', map, width, width, height, [gl.R32UI, gl.RED_INTEGER, gl.UNSIGNED_INT]);
  }

  codes(codes: Codes): void {
    const { gl } = this.device;
    const wide = codes instanceof Uint16Array;
    const format: Format = wide
      ? [gl.R16UI, gl.RED_INTEGER, gl.UNSIGNED_SHORT]
      : [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE];
    this.upload('codes', codes, ROW, codes.length, 1, format);
  }

  colors(colors: Uint32Array): void {
    const { gl } = this.device;
    const bytes = new Uint8Array(colors.buffer, colors.byteOffset, colors.byteLength);
    this.upload('colors', bytes, 1 << COLOR_BITS, colors.length, 1, [gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE], 4);
  }

  /** Whether a picture of this size fits the card's textures. */
  static fits(device: Device, width: number, height: number, count: number): boolean {
    return Math.max(width, height, Math.ceil(count / ROW)) <= device.largest;
  }

  /** Paint onto a context at its top left. */
  draw(width: number, height: number, count: number, target: CanvasRenderingContext2D): boolean {
    const { gl, canvas } = this.device;
    this.device.begin(width, height, count);
    NAMES.forEach((name, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, this.textures.get(name)!.texture);
    });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    if (!this.device.usable) {
      return false;
    }
    target.globalCompositeOperation = 'copy';
    target.imageSmoothingEnabled = false;
    target.drawImage(canvas, 0, canvas.height - height, width, height, 0, 0, width, height);
    return true;
  }

  dispose(): void {
    this.textures.forEach(({ texture }) => this.device.gl.deleteTexture(texture));
    this.textures.clear();
  }

  /** Fill a texture with rows; what does not fill a row goes into the last one alone. */
  private upload(
    name: Name,
    values: Uint32Array | Codes,
    width: number,
    length: number,
    height: number,
    [internal, format, type]: Format,
    parts = 1
  ): void {
    const { gl } = this.device;
    const rows = height > 1 ? height : Math.max(1, Math.ceil(length / width));
    const shape = `${internal} ${width} ${rows}`;
    let held = this.textures.get(name);
    gl.activeTexture(gl.TEXTURE0);
    if (held?.shape !== shape) {
      if (held) {
        gl.deleteTexture(held.texture);
      }
      held = { texture: gl.createTexture(), shape };
      this.textures.set(name, held);
      gl.bindTexture(gl.TEXTURE_2D, held.texture);
      gl.texStorage2D(gl.TEXTURE_2D, 1, internal, width, rows);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    } else {
      gl.bindTexture(gl.TEXTURE_2D, held.texture);
    }
    const whole = height > 1 ? height : Math.floor(length / width);
    const rest = height > 1 ? 0 : length % width;
    if (whole) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, whole, format, type, values);
    }
    if (rest) {
      const tail = values.subarray(whole * width * parts);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, whole, rest, 1, format, type, tail);
    }
  }
}

type Format = [internal: number, format: number, type: number];
