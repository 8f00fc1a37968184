/** What a picture is of: the variable, its axes and sliders, and the request for a frame of it. */
import type { DataName, Description, Dimension, FrameRequest, FrameSource, VariableView, Window } from './frame';
import type { ViewState } from './state';

export interface Subject {
  view: VariableView;
  data: DataName;
  /** The variable that is taken from it, as a request names it. */
  minus: string | null;
}

/** The first picture's subject, or that of the second one beside it; null when there is none. */
export function subjectOf(source: FrameSource, state: ViewState, second: boolean): Subject | null {
  const { compare } = state;
  if (second) {
    const description = compare && descriptionOf(source, compare.data);
    const view = description?.variables.find(v => v.name === compare!.variable);
    return compare?.mode === 'side' && view ? { view, data: compare.data, minus: null } : null;
  }
  const view = source.description.variables.find(v => v.name === state.variable);
  const minus =
    compare?.mode === 'difference' ? (compare.data === 'b' ? 'b:' : '') + compare.variable : null;
  return view ? { view, data: 'a', minus } : null;
}

export function descriptionOf(source: FrameSource, data: DataName): Description | undefined {
  return data === 'b' ? source.other : source.description;
}

/** The dimensions on the axes that were chosen, where this variable has them. */
export function axesOf(view: VariableView, state: ViewState): { x: string | null; y: string | null } {
  const { x, y } = state;
  const has = (dim: string | null) => dim === null || view.dims.includes(dim);
  return (x !== null || y !== null) && has(x) && has(y) && x !== y ? { x, y } : { x: null, y: null };
}

export function slidersOf(view: VariableView, state: ViewState): string[] {
  const { x, y } = axesOf(view, state);
  if (x === null && y === null) {
    return view.sliders;
  }
  const shown = [x ?? view.x, y ?? view.y];
  return view.dims.filter(dim => !shown.includes(dim));
}

/** Sizes of the dimensions with sliders, and where each stands within its size. */
export function positionsOf(
  source: FrameSource,
  subject: Subject,
  state: ViewState
): { index: Record<string, number>; sizes: Record<string, number>; dimensions: Dimension[] } {
  const known = descriptionOf(source, subject.data)?.dimensions ?? [];
  const dimensions = slidersOf(subject.view, state).flatMap(d => known.find(k => k.name === d) ?? []);
  const sizes = Object.fromEntries(dimensions.map(d => [d.name, d.size]));
  const stepOf = ({ name, size, link }: Dimension) => {
    const at = state.index[name] ?? 0;
    return Math.max(0, Math.min(size - 1, link?.[at] ?? at));
  };
  const index = Object.fromEntries(dimensions.map(d => [d.name, stepOf(d)]));
  return { index, sizes, dimensions };
}

export function requestFor(
  subject: Subject,
  state: ViewState,
  index: Record<string, number>,
  size: { width: number; height: number },
  window: Window | null
): FrameRequest {
  const { view, data, minus } = subject;
  const axes = axesOf(view, state);
  return {
    variable: view.name,
    index,
    ...size,
    quality: 'moving',
    lane: 'now',
    ...(axes.x || axes.y ? axes : {}),
    ...(window ? { window } : {}),
    ...(minus ? { minus } : {}),
    ...(data === 'b' ? { data } : {})
  };
}

/** Whether a window holds another; null holds all. Longitudes may be written a turn apart. */
export function covers(held: Window | null, wanted: Window | null, turns: boolean): boolean {
  if (!held || !wanted) {
    return !held;
  }
  const across = (turn: number) => wanted[0] + turn >= held[0] - 1e-9 && wanted[1] + turn <= held[1] + 1e-9;
  const down = wanted[2] >= held[2] - 1e-9 && wanted[3] <= held[3] + 1e-9;
  return down && (across(0) || (turns && (across(360) || across(-360))));
}

/** How a picture is called beside another one. */
export function captionOf({ view, data }: Subject, title = titled(view)): string {
  return title + (data === 'b' ? ' (the other dataset)' : '');
}

export function titled(view: VariableView): string {
  return view.title + (view.units ? ` (${view.units})` : '');
}

/** What all of the view is of. */
export function headingOf(source: FrameSource, state: ViewState): string {
  const { compare } = state;
  const view = source.description.variables.find(v => v.name === state.variable);
  const other = compare && descriptionOf(source, compare.data)?.variables.find(v => v.name === compare.variable);
  const named = view && titled(view);
  const both = named && other ? `${named} ${compare.mode === 'side' ? 'and' : 'minus'} ${titled(other)}` : named;
  return [source.title, both].filter(Boolean).join(': ') || 'Dataset';
}
