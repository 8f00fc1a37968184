/** Colour maps by name, and the look that one gives to a picture. */
import type { Scale } from './frame';
import type { Limits, Look } from './paint/look';

const STEPS = 256;

/** Control points by name, as `portal/viewer/colors.py` has them. */
export type ColorMaps = Readonly<Record<string, string>>;
/** A value that stands for something, and what. */
export type Category = [value: number, meaning: string];

/** What a map is for; maps of no group come last. */
export const MAP_GROUPS: readonly [string, readonly string[]][] = [
  [
    'From low to high',
    ['viridis', 'cividis', 'batlow', 'plasma', 'inferno', 'magma', 'thermal', 'haline', 'algae', 'rain', 'ice', 'grey']
  ],
  ['About a middle', ['RdBu_r', 'vik', 'BrBG', 'PuOr']],
  ['Sea and land', ['oleron']],
  ['Round', ['romaO']],
  ['Categories', ['batlowS']]
];
const CATEGORICAL = ['batlowS', 'batlowS_r'];

export function reversedName(name: string): string {
  return name.endsWith('_r') ? name.slice(0, -2) : `${name}_r`;
}

/** Name of a map as it is held: that of its reverse where only that one is. */
export function heldName(maps: ColorMaps, name: string): string {
  return name in maps || !(reversedName(name) in maps) ? name : reversedName(name);
}

/** RGBA packed as a little-endian canvas stores it. A map that is not known is the first one. */
function pointsOf(maps: ColorMaps, name: string): number[][] {
  const held = heldName(maps, name);
  const hex = maps[held] ?? Object.values(maps)[0];
  const points = parsed(hex);
  return held === name ? points : points.reverse();
}

function parsed(hex: string): number[][] {
  const points: number[][] = [];
  for (let i = 0; i < hex.length; i += 6) {
    points.push([0, 2, 4].map(j => parseInt(hex.slice(i + j, i + j + 2), 16)));
  }
  return points;
}

function packed([r, g, b]: number[]): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** Even steps of a colour map, mixed linearly between its points. */
function mixed(points: number[][], count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => {
    const at = count > 1 ? (i / (count - 1)) * (points.length - 1) : (points.length - 1) / 2;
    const left = Math.max(0, Math.min(Math.floor(at), points.length - 2));
    const right = points[Math.min(left + 1, points.length - 1)];
    return packed(points[left].map((v, c) => Math.round(v + (right[c] - v) * (at - left))));
  });
}

/** The look of a picture. Maps of categories are not mixed; others give each category its own step. */
export function lookOf(
  maps: ColorMaps,
  name: string,
  limits: Limits,
  scale: Scale,
  categories: readonly Category[] = []
): Look {
  const points = pointsOf(maps, name);
  const plain = CATEGORICAL.includes(name);
  const count = categories.length;
  const table = plain ? Uint32Array.from(points, packed) : mixed(points, count || STEPS);
  const look: Look = { table, limits, scale: count ? 'linear' : scale };
  return count ? { ...look, categories: categories.map(([value]) => value) } : look;
}

export function cssColor(packed: number): string {
  return `rgb(${packed & 255}, ${(packed >> 8) & 255}, ${(packed >> 16) & 255})`;
}
