/** A map on which a box is drawn: longitudes and latitudes as they are, so that a box is a box. */
import type { BBox, Hit } from '../backend';
import { button, h, later, svg } from '../dom';
import { extent } from '../format';
import { landPath } from './land';
import { between, type Held, moved, path, type Span, stretched, toBBox, toSpan } from './span';

export interface WorldMap {
  element: HTMLElement;
  /** Show the box that is asked for; `meant` where it comes from the words. */
  box(box: BBox | null, meant?: boolean): void;
  hits(hits: readonly Hit[]): void;
  /** Show one of the hits more strongly. */
  point(hit: Hit | null): void;
  dispose(): void;
}

interface Drag {
  pointer: number;
  x: number;
  y: number;
  /** The box at the start; null where a new one is drawn. */
  from: Span | null;
  held: Held | null;
  far: boolean;
}

const NEAR = 7;
const CLICK = 4;
const ZOOMS = 6;
const HELP =
  'Arrow keys move the box, with Shift they change its size, with Alt in small steps. ' +
  'Enter draws a box in the middle, Delete takes it away, plus and minus change the scale. ' +
  'With the mouse: drag to draw, drag an edge to resize, the inside to move; Shift and drag draws anew.';

/** Make the map; `name` is unique in the page. */
export function createMap(name: string, onChange: (box: BBox | null) => void): WorldMap {
  const land = landPath();
  const lines = graticule();
  const ground = svg('g', { class: 'portal-map-ground' });
  for (const turn of [-360, 0, 360]) {
    const shift = { transform: `translate(${turn} 0)` };
    ground.append(
      svg('path', { d: land, class: 'portal-map-land', ...shift }),
      svg('path', { d: lines, class: 'portal-map-lines', ...shift })
    );
  }
  const found = svg('path', { class: 'portal-map-hits' });
  const pointed = svg('path', { class: 'portal-map-pointed' });
  const drawn = svg('path', { class: 'portal-map-box', 'data-testid': 'portal-map-box' });
  const corners = svg('path', { class: 'portal-map-corners' });
  const picture = svg(
    'svg',
    {
      class: 'portal-map-picture',
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'map',
      'aria-label': 'Map',
      'aria-describedby': `${name}-map-help`,
      'data-testid': 'portal-map'
    },
    ground,
    found,
    pointed,
    drawn,
    corners
  );
  const told = h('span', { class: 'portal-hidden', role: 'status' });
  const fit = button('⤢', fitted, { ...tool('Show the box or the results large') });
  const element = h(
    'div',
    { class: 'portal-map' },
    h('div', { class: 'portal-map-frame' }, picture),
    h(
      'div',
      { class: 'portal-map-tools' },
      button('+', () => zoom(1), tool('Larger scale')),
      button('−', () => zoom(-1), tool('Smaller scale')),
      fit
    ),
    h('p', { class: 'portal-hidden', id: `${name}-map-help` }, HELP),
    told
  );

  let span: Span | null = null;
  let meant = false;
  let shown: Span[] = [];
  let level = 0;
  let center: [number, number] = [0, 0];
  let drag: Drag | null = null;
  /** Whether keys have changed the box, and nobody has been told yet. */
  let untold = false;
  const tell = () => {
    untold = false;
    onChange(span && toBBox(span));
  };
  const commit = later(tell, 200);

  const width = () => 360 / 2 ** level;
  /** Degrees of a pixel. */
  const unit = () => width() / (picture.clientWidth || 360);

  function look(): void {
    const [wide, high] = [width(), width() / 2];
    const y = Math.min(90 - high / 2, Math.max(high / 2 - 90, center[1]));
    center = [((((center[0] + 180) % 360) + 360) % 360) - 180, y];
    if (level === 0) {
      center = [0, 0];
    }
    const left = center[0] - wide / 2;
    picture.setAttribute('viewBox', `${left} ${-center[1] - high / 2} ${wide} ${high}`);
    draw();
    found.setAttribute('d', path(shown, 3 * unit()));
  }

  function draw(): void {
    drawn.setAttribute('d', span ? path([span]) : '');
    drawn.classList.toggle('portal-map-meant', meant);
    const dots = (s: Span) =>
      [-360, 0, 360].flatMap(turn =>
        [s.west, s.east].flatMap(x => [s.north, s.south].map(y => `M${x + turn} ${-y}h0`))
      );
    corners.setAttribute('d', span && !meant ? dots(span).join('') : '');
  }

  function change(next: Span | null, wait = false): void {
    span = next;
    meant = false;
    draw();
    if (wait) {
      untold = true;
      commit();
      told.textContent = span ? extent(toBBox(span)) : 'No box';
    } else {
      commit.cancel();
      tell();
    }
  }

  function zoom(by: number, around?: [number, number]): void {
    const next = Math.min(ZOOMS, Math.max(0, level + by));
    const middle = span && next > 0 ? ([(span.west + span.east) / 2, (span.north + span.south) / 2] as [number, number]) : center;
    center = around ?? middle;
    level = next;
    look();
  }

  function fitted(): void {
    const all = span ? [span] : shown.filter(s => s.east - s.west < 300);
    if (all.length === 0) {
      level = 0;
      look();
      return;
    }
    const west = Math.min(...all.map(s => s.west));
    const east = Math.max(...all.map(s => s.east));
    const south = Math.min(...all.map(s => s.south));
    const north = Math.max(...all.map(s => s.north));
    const size = Math.max(east - west, 2 * (north - south), 1) * 1.3;
    level = Math.min(ZOOMS, Math.max(0, Math.floor(Math.log2(360 / size))));
    center = [(west + east) / 2, (south + north) / 2];
    look();
  }

  function at(event: PointerEvent): [number, number] {
    const frame = picture.getBoundingClientRect();
    const scale = width() / frame.width;
    return [
      center[0] - width() / 2 + (event.clientX - frame.left) * scale,
      center[1] + width() / 4 - (event.clientY - frame.top) * scale
    ];
  }

  /** Where a point lies on the box: on edges, inside, or away from it. */
  function grip(x: number, y: number): { from: Span; held: Held | null } | null {
    const near = NEAR * unit();
    for (const turn of span ? [0, -360, 360] : []) {
      const s = { ...span!, west: span!.west + turn, east: span!.east + turn };
      const within = x > s.west - near && x < s.east + near && y > s.south - near && y < s.north + near;
      if (!within) {
        continue;
      }
      const held: Held = {
        x: Math.abs(x - s.west) < near ? 'west' : Math.abs(x - s.east) < near ? 'east' : null,
        y: Math.abs(y - s.north) < near ? 'north' : Math.abs(y - s.south) < near ? 'south' : null
      };
      return { from: s, held: held.x || held.y ? held : null };
    }
    return null;
  }

  function cursor(x: number, y: number): string {
    const grasp = grip(x, y);
    if (!grasp) {
      return 'crosshair';
    }
    const { held } = grasp;
    if (!held) {
      return 'move';
    }
    if (held.x && held.y) {
      return (held.x === 'west') === (held.y === 'north') ? 'nwse-resize' : 'nesw-resize';
    }
    return held.x ? 'ew-resize' : 'ns-resize';
  }

  picture.addEventListener('pointerdown', event => {
    if (event.button !== 0 || drag) {
      return;
    }
    const [x, y] = at(event);
    const grasp = event.shiftKey ? null : grip(x, y);
    drag = { pointer: event.pointerId, x, y, from: grasp?.from ?? null, held: grasp?.held ?? null, far: false };
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener('pointermove', event => {
    const [x, y] = at(event);
    if (!drag || event.pointerId !== drag.pointer) {
      picture.style.cursor = cursor(x, y);
      return;
    }
    drag.far ||= Math.hypot(x - drag.x, y - drag.y) > CLICK * unit();
    if (!drag.far) {
      return;
    }
    const [dx, dy] = [x - drag.x, y - drag.y];
    span = !drag.from
      ? between(drag.x, drag.y, x, y)
      : drag.held
        ? stretched(drag.from, drag.held, dx, dy)
        : moved(drag.from, dx, dy);
    meant = false;
    draw();
  });
  picture.addEventListener('pointerup', () => {
    const done = drag?.far;
    drag = null;
    if (done && span) {
      change(toSpan(toBBox(span)));
    }
  });
  picture.addEventListener('pointercancel', () => (drag = null));

  picture.addEventListener('keydown', event => {
    const step = event.altKey ? width() / 360 : width() / 36;
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step]
    };
    const arrow = arrows[event.key];
    const middle = () =>
      between(
        center[0] - width() / 8,
        center[1] - width() / 16,
        center[0] + width() / 8,
        center[1] + width() / 16
      );
    if (arrow && !span) {
      change(middle(), true);
    } else if (arrow && event.shiftKey) {
      change(stretched(span!, { x: 'east', y: 'north' }, ...arrow), true);
    } else if (arrow) {
      change(moved(span!, ...arrow), true);
    } else if (event.key === 'Enter' || event.key === ' ') {
      change(span ?? middle(), true);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      change(null, true);
    } else if (event.key === '+' || event.key === '=') {
      zoom(1);
    } else if (event.key === '-') {
      zoom(-1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  const resized = new ResizeObserver(look);
  resized.observe(picture);
  look();

  return {
    element,
    box(box, fromWords = false) {
      if (!drag && !untold) {
        span = toSpan(box);
        meant = fromWords;
        draw();
      }
    },
    hits(hits) {
      shown = hits.map(hit => toSpan(hit.bbox)).filter(s => s !== null);
      found.setAttribute('d', path(shown, 3 * unit()));
      pointed.setAttribute('d', '');
    },
    point(hit) {
      const place = hit && toSpan(hit.bbox);
      pointed.setAttribute('d', place ? path([place], 5 * unit()) : '');
    },
    dispose() {
      commit.cancel();
      resized.disconnect();
    }
  };
}

function tool(label: string): Record<string, string> {
  return { class: 'portal-map-tool', 'aria-label': label, title: label };
}

/** Every 30 degrees. */
function graticule(): string {
  const lines: string[] = [];
  for (let degrees = -180; degrees <= 180; degrees += 30) {
    lines.push(`M${degrees} -90V90`);
    if (Math.abs(degrees) < 90) {
      lines.push(`M-180 ${degrees}H180`);
    }
  }
  return lines.join('');
}
