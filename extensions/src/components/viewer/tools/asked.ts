/** What a tool asks about: the variable that is shown, on its axes, at the steps of its sliders. */
import type { ToolHost } from '../hosts';
import { axesOf, slidersOf } from '../subject';

export interface Asked {
  variable: string;
  index: Record<string, number>;
  x: string | null;
  y: string | null;
}

/** Null where nothing is shown that tools can work on. */
export function askedOf(host: ToolHost): Asked | null {
  const view = host.view();
  if (!view || view.problem || (view.kind !== 'map' && view.kind !== 'image')) {
    return null;
  }
  const state = host.state();
  const index = Object.fromEntries(slidersOf(view, state).map(dim => [dim, state.index[dim] ?? 0]));
  return { variable: view.name, index, ...axesOf(view, state) };
}

export interface Along {
  dim: string;
  title: string;
}

/** Dimensions along which there is something to see: those with sliders, then those of the picture. */
export function alongs(host: ToolHost, only: 'sliders' | 'all'): Along[] {
  const view = host.view();
  if (!view) {
    return [];
  }
  const sliders = slidersOf(view, host.state());
  const dims = only === 'all' && view.dims.length > 1 ? [...sliders, ...view.dims.filter(d => !sliders.includes(d))] : sliders;
  const known = host.source.description.dimensions;
  return dims.flatMap(dim => {
    const found = known.find(d => d.name === dim);
    return found && found.size > 1 ? [{ dim, title: found.title }] : [];
  });
}

/** The steps without one of them: what a series along that dimension depends on. */
export function without(index: Record<string, number>, dim: string): Record<string, number> {
  return Object.fromEntries(Object.entries(index).filter(([d]) => d !== dim));
}
