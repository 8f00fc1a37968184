/** Boxes on a map: east is never less than west, so that one may go on beyond 180°. */
import type { BBox } from '../backend';

export interface Span {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Which edges of a box are held. */
export interface Held {
  x: 'west' | 'east' | null;
  y: 'south' | 'north' | null;
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Read a box of four or six numbers; null where it is none. */
export function toSpan(box: readonly number[] | null): Span | null {
  if (!box || (box.length !== 4 && box.length !== 6) || !box.every(Number.isFinite)) {
    return null;
  }
  const half = box.length / 2;
  const [west, south, east, north] = [box[0]!, box[1]!, box[half]!, box[half + 1]!];
  return { west, south, east: east < west ? east + 360 : east, north };
}

/** Give a box as it is asked for: to a hundredth of a degree, within -180° and 180°. */
export function toBBox({ west, south, east, north }: Span): BBox {
  const round = (value: number) => Math.round(value * 100) / 100;
  if (east - west >= 360) {
    return [-180, round(south), 180, round(north)];
  }
  const turn = Math.floor((west + 180) / 360) * 360;
  const [left, right] = [round(west - turn), round(east - turn)];
  return [left, round(south), right > 180 ? round(right - 360) : right, round(north)];
}

/** The box between two corners. */
export function between(x1: number, y1: number, x2: number, y2: number): Span {
  const [west, east] = [Math.min(x1, x2), Math.max(x1, x2)];
  return {
    west,
    east: Math.min(east, west + 360),
    south: clamp(Math.min(y1, y2), -90, 90),
    north: clamp(Math.max(y1, y2), -90, 90)
  };
}

/** The box elsewhere, as large as before. */
export function moved(span: Span, x: number, y: number): Span {
  const up = clamp(y, -90 - span.south, 90 - span.north);
  let [west, east] = [span.west + x, span.east + x];
  if (west < -180 || west >= 180) {
    const turn = Math.floor((west + 180) / 360) * 360;
    [west, east] = [west - turn, east - turn];
  }
  return { west, east, south: span.south + up, north: span.north + up };
}

/** The box with the edges that are held elsewhere; an edge stops at the other one. */
export function stretched(span: Span, held: Held, x: number, y: number, least = 0.1): Span {
  const next = { ...span };
  if (held.x === 'west') {
    next.west = clamp(span.west + x, span.east - 360, span.east - least);
  } else if (held.x === 'east') {
    next.east = clamp(span.east + x, span.west + least, span.west + 360);
  }
  if (held.y === 'south') {
    next.south = clamp(span.south + y, -90, span.north - least);
  } else if (held.y === 'north') {
    next.north = clamp(span.north + y, span.south + least, 90);
  }
  return next;
}

/** The path of boxes, as often as they are seen on a map that goes on; `least` is their smallest side. */
export function path(spans: readonly Span[], least = 0): string {
  return spans
    .flatMap(({ west, south, east, north }) => {
      const width = Math.max(east - west, least);
      const height = Math.max(north - south, least);
      const [x, y] = [(west + east - width) / 2, -(north + south + height) / 2];
      return [-360, 0, 360].map(turn => `M${x + turn} ${y}h${width}v${height}h${-width}z`);
    })
    .join('');
}
