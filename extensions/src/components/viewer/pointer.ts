/** What the pointer does on a picture: read out, drag to move, shift-drag to zoom, wheel, double click. */
import { h } from '../dom';
import type { Plane } from './geo/plane';
import type { Pane } from './pane';
import type { ViewState } from './state';

export interface PointerEvents {
  /** Over a cell of a pane, or off all of them. */
  over(pane: Pane, cell: number | null): void;
  change(partial: Partial<ViewState>): void;
  reset(): void;
  /** A tool may take the event first. */
  tool(event: PointerEvent, pane: Pane, x: number, y: number): boolean;
  hint(text: string): void;
}

const SLACK = 4;

export function listen(pane: Pane, events: PointerEvents): void {
  const { stage, axes } = pane;
  const box = h('div', { class: 'portal-viewer-select', hidden: true });
  pane.overlay.append(box);
  let drag: { x: number; y: number; id: number; zooms: boolean; moved: boolean } | null = null;
  let taken = false;

  const at = (event: MouseEvent): [number, number] => {
    const edge = stage.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  };
  const inside = (x: number, y: number) => {
    const plot = pane.picture.layout?.box;
    return plot ? [x - plot.left, y - plot.top] : [x, y];
  };
  const device = (x: number, y: number): [number, number] => {
    const { layout } = pane.picture;
    const [px, py] = inside(x, y);
    return [px * (layout?.ratio ?? 1), py * (layout?.ratio ?? 1)];
  };
  const plane = (): Plane | null => pane.picture.plane;
  const isOver = (x: number, y: number) => {
    const p = plane();
    const [px, py] = device(x, y);
    return p !== null && px >= 0 && py >= 0 && px < p.width && py < p.height;
  };
  const tool = (event: PointerEvent) => {
    const [x, y] = inside(...at(event));
    return events.tool(event, pane, x, y);
  };

  stage.addEventListener('pointerdown', event => {
    const [x, y] = at(event);
    if (event.button !== 0 || !isControl(event, stage) || !(isOver(x, y) || pane.picture.line)) {
      return;
    }
    axes.focus({ preventScroll: true });
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    taken = tool(event);
    if (!taken && plane()) {
      drag = { x, y, id: event.pointerId, zooms: event.shiftKey, moved: false };
    }
  });

  stage.addEventListener('pointermove', event => {
    const [x, y] = at(event);
    if (taken) {
      tool(event);
    } else if (drag) {
      drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > SLACK;
      if (drag.moved && drag.zooms) {
        outline(x, y);
      } else if (drag.moved) {
        const ratio = pane.picture.layout!.ratio;
        events.change(plane()!.pan((x - drag.x) * ratio, (y - drag.y) * ratio));
        Object.assign(drag, { x, y });
      }
    } else {
      tool(event);
      pane.pointer = [x, y];
      events.over(pane, pane.picture.cellAt(x, y));
    }
  });

  const release = (event: PointerEvent) => {
    const was = drag;
    drag = null;
    box.hidden = true;
    if (taken || (was && !was.moved)) {
      taken = false;
      tool(event);
    } else if (was?.zooms && event.type === 'pointerup') {
      const window = boxed(plane()!, device(was.x, was.y), device(...at(event)));
      if (window) {
        events.change(window);
      }
    }
  };
  stage.addEventListener('pointerup', release);
  stage.addEventListener('pointercancel', release);
  stage.addEventListener('pointerleave', () => {
    pane.pointer = null;
    events.over(pane, null);
  });
  stage.addEventListener('dblclick', event => {
    if (isControl(event, stage) && isOver(...at(event))) {
      events.reset();
    }
  });
  stage.addEventListener(
    'wheel',
    event => {
      const [x, y] = at(event);
      if (!isOver(x, y)) {
        return;
      }
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== axes) {
        events.hint('Click the picture, or hold Ctrl, to zoom with the wheel.');
        return;
      }
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
      const factor = Math.exp(Math.max(-0.5, Math.min(0.5, -event.deltaY * lines * 0.002)));
      events.change(plane()!.zoom(factor, ...device(x, y)));
    },
    { passive: false }
  );

  function outline(x: number, y: number): void {
    const [x0, y0] = inside(drag!.x, drag!.y);
    const [x1, y1] = inside(x, y);
    box.hidden = false;
    Object.assign(box.style, {
      left: `${Math.min(x0, x1)}px`,
      top: `${Math.min(y0, y1)}px`,
      width: `${Math.abs(x1 - x0)}px`,
      height: `${Math.abs(y1 - y0)}px`
    });
  }
}

/** Whether an event is meant for the picture, and not for something that lies over it. */
function isControl(event: MouseEvent, stage: HTMLElement): boolean {
  const target = event.target as Element;
  return target === stage || target instanceof HTMLCanvasElement || target.classList.contains('portal-viewer-overlay');
}

/** The change that shows the box between two points; null when it has no size. */
function boxed(plane: Plane, from: [number, number], to: [number, number]): Partial<ViewState> | null {
  const [a, b] = [plane.fromPixel(...from), plane.fromPixel(...to)];
  if (!a || !b || Math.abs(from[0] - to[0]) < 8 || Math.abs(from[1] - to[1]) < 8) {
    return null;
  }
  let [west, east] = from[0] < to[0] ? [a[0], b[0]] : [b[0], a[0]];
  if (plane.projection === 'grid') {
    [west, east] = [Math.min(west, east), Math.max(west, east)];
  } else if (east < west) {
    east += 360;
  }
  return { window: [west, east, Math.min(a[1], b[1]), Math.max(a[1], b[1])] };
}
