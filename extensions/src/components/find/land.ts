/** The outlines of the land, Natural Earth's at 1:110 million, in degrees with north up. */
import type { Position } from 'geojson';
import { feature } from 'topojson-client';
import topology from 'world-atlas/land-110m.json';

let drawn: string | undefined;

/** The path of an SVG whose x is the longitude and whose y is the latitude, downwards. */
export function landPath(): string {
  drawn ??= feature(topology, topology.objects.land)
    .features.flatMap(({ geometry }) =>
      geometry.type === 'MultiPolygon' ? geometry.coordinates.flat() : []
    )
    .map(ring => `M${whole(ring).join('L')}Z`)
    .join('');
  return drawn;
}

/** A ring that goes on beyond 180° rather than back across the map; one around a pole ends there. */
function whole(ring: Position[]): string[] {
  let turn = 0;
  let before = ring[0]![0]!;
  const points = ring.map(([x, y]) => {
    turn += x! - before > 180 ? -360 : before - x! > 180 ? 360 : 0;
    before = x!;
    return [x! + turn, -y!] as const;
  });
  if (turn !== 0) {
    const pole = points[0]![1] > 0 ? 90 : -90;
    points.push([points.at(-1)![0], pole], [points[0]![0], pole]);
  }
  return points.map(([x, y]) => `${Number(x.toFixed(1))} ${Number(y.toFixed(1))}`);
}
