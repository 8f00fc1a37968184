/** What is shown, as plain JSON: undone, restored and shared as a whole. */
import type { DataName, Scale, Window } from './frame';

export const PROJECTIONS = ['plate', 'robinson', 'orthographic', 'north', 'south', 'grid'] as const;
export type ProjectionName = (typeof PROJECTIONS)[number];

export interface Compare {
  mode: 'side' | 'difference';
  data: DataName;
  variable: string;
}

/** A place that was picked: grid indices by dimension, {lon, lat} or {cell}. */
export interface Point {
  label: string;
  at: Record<string, number>;
}

export interface Shape {
  kind: 'box' | 'line';
  /** x0, y0, x1, y1 in values of the coordinates. */
  ends: [number, number, number, number];
}

/** Null: chosen for the reader. `portal/viewer/state.py` is its mirror image. */
export interface ViewState {
  version: 1;
  variable: string;
  index: Record<string, number>;
  x: string | null;
  y: string | null;
  window: Window | null;
  projection: ProjectionName;
  center: [number, number];
  color_map: string | null;
  limits: [number, number] | null;
  scale: Scale | null;
  coasts: boolean;
  compare: Compare | null;
  points: Point[];
  shape: Shape | null;
  /** Frames a second. */
  speed: number;
}

export function firstState(variable: string): ViewState {
  return {
    version: 1,
    variable,
    index: {},
    x: null,
    y: null,
    window: null,
    projection: 'plate',
    center: [0, 0],
    color_map: null,
    limits: null,
    scale: null,
    coasts: true,
    compare: null,
    points: [],
    shape: null,
    speed: 8
  };
}

/** A state with parts changed; keys that are none of a state's are left out. */
export function merged(state: ViewState, partial: Partial<ViewState>): ViewState {
  const known = Object.entries(partial).filter(([key, v]) => key in state && v !== undefined);
  return { ...state, ...Object.fromEntries(known), version: 1 };
}

export function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

const TOGETHER = 700;
const MOST = 200;

/** What comes in many small changes: one step of undo together. All else is one each. */
const GRADUAL = /^(index |window|center|limits|set)/;

/** States that were left, newest last. Changes of one thing in quick succession are one step. */
export class History {
  private past: ViewState[] = [];
  private future: ViewState[] = [];
  private last = { what: '', at: -Infinity, held: false };
  /** Whether the pointer is down: what it does until it is up belongs together. */
  held = false;

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Note a state that is being left for another. */
  leave(state: ViewState, what: string, next?: ViewState, now = performance.now()): void {
    const { last, held } = this;
    const near = what === last.what && (now - last.at < TOGETHER || (held && last.held));
    this.last = { what, at: now, held };
    if (near && next && isSame(next, this.past.at(-1))) {
      // Taken back at once: nothing to undo.
      this.past.pop();
      this.last = { what: '', at: -Infinity, held: false };
    } else if (!near || !GRADUAL.test(what)) {
      this.past.push(state);
      this.past.splice(0, this.past.length - MOST);
    }
    this.future = [];
  }

  undo(now: ViewState): ViewState | null {
    return this.swap(this.past, this.future, now);
  }

  redo(now: ViewState): ViewState | null {
    return this.swap(this.future, this.past, now);
  }

  private swap(from: ViewState[], to: ViewState[], now: ViewState): ViewState | null {
    const state = from.pop();
    if (!state) {
      return null;
    }
    to.push(now);
    this.last = { what: '', at: -Infinity, held: false };
    return state;
  }
}
