/** The toolbar: what is shown, how, and what is opened beside it. */
import { button, h } from '../dom';
import { choice, filtered, popover, tool } from './controls';
import type { Description, FrameSource, VariableView } from './frame';
import type { Compare, ProjectionName, ViewState } from './state';
import { axesOf, descriptionOf } from './subject';

export interface ToolbarEvents {
  change(partial: Partial<ViewState>): void;
  zoom(factor: number): void;
  reset(): void;
  undo(): void;
  redo(): void;
  table(): void;
  help(): void;
}

export interface Toolbar {
  readonly element: HTMLElement;
  readonly variable: HTMLElement;
  /** Where the tools' and the menu's own buttons go. */
  readonly slots: HTMLElement;
  show(state: ViewState, at: { view: VariableView | null; map: boolean; undo: boolean; redo: boolean }): void;
}

const PROJECTIONS: [ProjectionName, string][] = [
  ['plate', 'Plate carrée'],
  ['robinson', 'Robinson'],
  ['orthographic', 'Globe'],
  ['north', 'North pole'],
  ['south', 'South pole'],
  ['grid', 'Rows and columns']
];

export function createToolbar(source: FrameSource, events: ToolbarEvents): Toolbar {
  const { change } = events;
  const variables = choice('Variable', name => change(choosing(name)));
  const variable = filtered(variables, 'Filter by name');
  const projection = choice('Projection', name =>
    change({ projection: name as ProjectionName, window: null, center: [0, 0] })
  );
  const coasts = tool('coasts', 'Coasts and borders', () => change({ coasts: coasts.getAttribute('aria-pressed') !== 'true' }));
  const axes = axesPart(source, change);
  const compare = comparePart(source, change);
  const undo = tool('undo', 'Undo (Ctrl+Z)', events.undo);
  const redo = tool('redo', 'Redo (Ctrl+Shift+Z)', events.redo);
  const zoom = h(
    'span',
    { class: 'portal-viewer-group' },
    tool('in', 'Zoom in (+)', () => events.zoom(1.5)),
    tool('out', 'Zoom out (−)', () => events.zoom(1 / 1.5)),
    tool('all', 'See all (0)', events.reset)
  );
  const slots = h('span', { class: 'portal-viewer-slots' });
  const rest = h('div', { class: 'portal-viewer-tools' }, projection.element, coasts, zoom);
  rest.append(axes.element, compare.element, slots, h('span', { class: 'portal-viewer-group' }, undo, redo));
  rest.append(tool('table', 'Numbers as a table (T)', events.table), tool('help', 'Keys (?)', events.help));
  const menu = tool('menu', 'Tools', () => {
    const open = element.classList.toggle('portal-viewer-open');
    menu.setAttribute('aria-expanded', String(open));
  });
  menu.classList.add('portal-viewer-more');
  menu.setAttribute('aria-expanded', 'false');
  const element = h('div', { class: 'portal-viewer-toolbar', role: 'toolbar', 'aria-label': 'Tools of the view' }, menu, rest);

  return {
    element,
    variable: variable.element,
    slots,
    show(state, { view, map, undo: canUndo, redo: canRedo }) {
      variable.offer(optionsOf(source.description), state.variable);
      projection.element.hidden = coasts.hidden = !map;
      projection.offer(PROJECTIONS, state.projection);
      coasts.setAttribute('aria-pressed', String(state.coasts));
      zoom.hidden = !view || (view.kind !== 'map' && view.kind !== 'image');
      axes.show(state, view);
      compare.show(state, view);
      undo.disabled = !canUndo;
      redo.disabled = !canRedo;
    }
  };
}

/** Another variable has other values and perhaps other axes: what was chosen for them is dropped. */
function choosing(variable: string): Partial<ViewState> {
  return { variable, color_map: null, limits: null, scale: null, x: null, y: null, compare: null };
}

function optionsOf(description: Description): [string, string][] {
  return description.variables.map(({ name, title }) => [name, title === name ? name : `${title} (${name})`]);
}

interface Part {
  element: HTMLElement;
  show(state: ViewState, view: VariableView | null): void;
}

/** Any pair of dimensions on the axes. */
function axesPart(source: FrameSource, change: ToolbarEvents['change']): Part {
  let now: { view: VariableView; state: ViewState } | null = null;
  const pick = (axis: 'x' | 'y', dim: string) => {
    const { x, y } = shown(now!.view, now!.state);
    const next = axis === 'x' ? { x: dim, y: dim === y ? x : y } : { y: dim, x: dim === x ? y : x };
    const usual = next.x === now!.view.x && next.y === now!.view.y;
    change({ ...(usual ? { x: null, y: null } : next), window: null });
  };
  const across = choice('Across', dim => pick('x', dim));
  const up = choice('Upwards', dim => pick('y', dim));
  const panel = h('div', {}, h('label', {}, 'Across', across.element), h('label', {}, 'Upwards', up.element));
  const opener = tool('axes', 'Dimensions on the axes', () => undefined);
  const element = popover(opener, panel);
  return {
    element,
    show(state, view) {
      now = view && { view, state };
      element.hidden = !source.ask || !view || view.dims.length < 2 || !view.y;
      if (!element.hidden) {
        const { x, y } = shown(view!, state);
        const dims = view!.dims.map((d): [string, string] => [d, d]);
        across.offer(dims, x ?? '');
        up.offer(dims, y ?? '');
      }
    }
  };
}

function shown(view: VariableView, state: ViewState): { x: string | null; y: string | null } {
  const { x, y } = axesOf(view, state);
  return { x: x ?? view.x, y: y ?? view.y };
}

/** A second variable beside the first, or taken from it. */
function comparePart(source: FrameSource, change: ToolbarEvents['change']): Part {
  let chosen: Compare | null = null;
  const list = choice('Compared with', value => set(value));
  const mode = choice('How', value => chosen && change({ compare: { ...chosen, mode: value as Compare['mode'] } }));
  mode.offer([['side', 'side by side'], ['difference', 'as the difference']], 'side');
  const off = button('Compare no more', () => change({ compare: null }), { class: 'portal-viewer-button' });
  const panel = h('div', {}, h('label', {}, 'Compare with', list.element), h('label', {}, 'Show', mode.element), off);
  const opener = tool('compare', 'Compare', () => undefined);
  const element = popover(opener, panel);

  function set(value: string): void {
    const data = value.startsWith('b:') ? 'b' : 'a';
    const how = mode.element.value === 'difference' ? 'difference' : 'side';
    change({ compare: value ? { mode: how, data, variable: value.slice(2) } : null });
  }

  return {
    element,
    show(state, view) {
      chosen = state.compare;
      const options = (['a', 'b'] as const).flatMap(data =>
        (descriptionOf(source, data)?.variables ?? [])
          .filter(v => !v.problem && v.kind === view?.kind && (data === 'b' || v !== view))
          .map((v): [string, string] => [`${data}:${v.name}`, data === 'b' ? `${v.title} (the other dataset)` : v.title])
      );
      element.hidden = !view || !options.length;
      list.offer([['', 'nothing'], ...options], chosen ? `${chosen.data}:${chosen.variable}` : '');
      mode.element.value = chosen?.mode ?? mode.element.value;
      mode.element.disabled = !source.ask;
      off.hidden = !chosen;
      opener.setAttribute('aria-pressed', String(chosen !== null));
    }
  };
}
