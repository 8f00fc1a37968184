/** What is drawn over the picture: points with their numbers, the box, the line. */
import { svg } from '../../dom';
import type { Plane } from '../geo/plane';
import type { Shape } from '../state';
import type { Mark } from './points';

const STEPS = 64;

export class Marks {
  readonly element = svg('svg', { class: 'portal-marks', 'aria-hidden': 'true' });

  draw(plane: Plane | null, ratio: number, marks: Mark[], shape: Shape | null, onEarth: boolean): void {
    const nodes: Node[] = [];
    if (plane) {
      if (shape) {
        const path = pathOf(shape.kind === 'box' ? outlineOf(shape.ends) : wayOf(shape.ends, onEarth), plane, ratio);
        nodes.push(svg('path', { d: path, class: 'portal-mark-halo' }), svg('path', { d: path, class: 'portal-mark-shape' }));
      }
      for (const { place, text, color } of marks) {
        const at = plane.toPixel(...place);
        if (at && at[0] >= 0 && at[1] >= 0 && at[0] <= plane.width && at[1] <= plane.height) {
          const [x, y] = [at[0] / ratio, at[1] / ratio];
          const label = svg('text', { x, y: y + 3.5, 'text-anchor': 'middle' });
          label.textContent = text;
          nodes.push(svg('g', { class: 'portal-mark-point' }, svg('circle', { cx: x, cy: y, r: 8, fill: color }), label));
        }
      }
    }
    this.element.replaceChildren(...nodes);
  }
}

type Way = [number, number][];

function outlineOf([x0, y0, x1, y1]: Shape['ends']): Way {
  const side = (a: [number, number], b: [number, number]): Way =>
    Array.from({ length: STEPS }, (_, i) => [a[0] + (i / STEPS) * (b[0] - a[0]), a[1] + (i / STEPS) * (b[1] - a[1])]);
  return [
    ...side([x0, y0], [x1, y0]),
    ...side([x1, y0], [x1, y1]),
    ...side([x1, y1], [x0, y1]),
    ...side([x0, y1], [x0, y0]),
    [x0, y0]
  ];
}

/** Along the great circle on the Earth, as the kernel goes; else straight. */
function wayOf([x0, y0, x1, y1]: Shape['ends'], onEarth: boolean): Way {
  const share = Array.from({ length: STEPS + 1 }, (_, i) => i / STEPS);
  if (!onEarth) {
    return share.map(t => [x0 + t * (x1 - x0), y0 + t * (y1 - y0)]);
  }
  const [a, b] = [vectorOf(x0, y0), vectorOf(x1, y1)];
  const dot = Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const angle = Math.acos(dot);
  if (Math.sin(angle) < 1e-9) {
    return [[x0, y0], [x1, y1]];
  }
  return share.map(t => {
    const [p, q] = [Math.sin((1 - t) * angle), Math.sin(t * angle)];
    const [x, y, z] = a.map((v, i) => p * v + q * b[i]);
    return [(Math.atan2(y, x) * 180) / Math.PI, (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI];
  });
}

function vectorOf(lon: number, lat: number): number[] {
  const [a, b] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
  return [Math.cos(b) * Math.cos(a), Math.cos(b) * Math.sin(a), Math.sin(b)];
}

/** A path that is broken where the map is. */
function pathOf(way: Way, plane: Plane, ratio: number): string {
  const parts: string[] = [];
  let last: [number, number] | null = null;
  for (const [x, y] of way) {
    const at = plane.toPixel(x, y);
    if (at) {
      const jumps = !last || Math.abs(at[0] - last[0]) > plane.width / 3;
      parts.push(`${jumps ? 'M' : 'L'}${(at[0] / ratio).toFixed(1)} ${(at[1] / ratio).toFixed(1)}`);
    }
    last = at;
  }
  return parts.join('');
}
