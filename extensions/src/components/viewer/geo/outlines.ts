/** Coasts, borders and the net of meridians and parallels, drawn as lines over a map. */
import { type GeoContext, type GeoPermissibleObjects, geoGraticule, geoPath } from 'd3-geo';
import { mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import coarse from 'world-atlas/countries-110m.json';
import { MapPlane } from './mapplane';
import type { Plane } from './plane';

export type World = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;

/** What is needed of a canvas; an exporter may write its own. */
export interface OutlineContext extends GeoContext {
  save(): void;
  restore(): void;
  clip(): void;
  rect(x: number, y: number, width: number, height: number): void;
  stroke(): void;
  setLineDash(segments: number[]): void;
  strokeStyle: string | CanvasGradient | CanvasPattern;
  lineWidth: number;
  lineJoin: CanvasLineJoin;
  globalAlpha: number;
}

export interface OutlineStyle {
  coast: string;
  border: string;
  graticule: string;
  /** Device pixels of a thin line. */
  line: number;
  /** Coasts and borders, or the net and the rim alone. */
  coasts: boolean;
}

/** A larger scale than this, against that of the whole Earth, asks for finer lines. */
const FINE = 3;
const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1];

interface Lines {
  coasts: GeoPermissibleObjects;
  borders: GeoPermissibleObjects;
}

/** Outlines of the Earth, finer ones loaded when a map is looked at closely. */
export class Outlines {
  private readonly coarse: Lines;
  private fine: Lines | null = null;
  private loading: Promise<void> | null = null;

  /**
   * `load` fetches the finer outlines (a TopoJSON file); `loaded` is called when they are there.
   * Without them, or where the fetch fails, the coarse ones serve.
   */
  constructor(
    private readonly load: (() => Promise<ArrayBuffer>) | null = null,
    private readonly loaded: () => void = () => undefined
  ) {
    this.coarse = linesOf(coarse);
  }

  draw(context: OutlineContext, plane: Plane, style: OutlineStyle): void {
    if (!(plane instanceof MapPlane)) {
      return;
    }
    const { width, height } = plane;
    const close = plane.magnification > FINE;
    if (close) {
      this.fetch();
    }
    const lines = (close && this.fine) || this.coarse;
    const projection = plane.path().clipExtent([
      [-2, -2],
      [width + 2, height + 2]
    ]);
    const path = geoPath(projection, context);
    const stroke = (what: GeoPermissibleObjects, color: string, wide: number, alpha: number) => {
      context.strokeStyle = color;
      context.lineWidth = wide * style.line;
      context.globalAlpha = alpha;
      context.beginPath();
      path(what);
      context.stroke();
    };
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    context.lineJoin = 'round';
    const step = stepOf(plane.magnification);
    stroke(geoGraticule().step([step, step])(), style.graticule, 0.6, 0.5);
    if (style.coasts) {
      stroke(lines.borders, style.border, 0.6, 0.6);
      stroke(lines.coasts, style.coast, 1, 1);
    }
    stroke({ type: 'Sphere' }, style.graticule, 1, 1);
    context.restore();
  }

  private fetch(): void {
    this.loading ??=
      this.load?.().then(
        bytes => {
          this.fine = linesOf(JSON.parse(new TextDecoder().decode(bytes)) as World);
          this.loaded();
        },
        () => undefined
      ) ?? null;
  }
}

function linesOf(world: World): Lines {
  return {
    coasts: mesh(world, world.objects.land),
    borders: mesh(world, world.objects.countries, (a, b) => a !== b)
  };
}

const stepOf = (magnification: number) => STEPS.find(s => s <= 30 / magnification) ?? 0.1;
