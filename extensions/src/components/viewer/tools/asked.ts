/** What a tool asks about: the variable that is shown, on its axes, at the steps of its sliders. */
import type { ToolHost } from '../hosts';
import type { Shape } from '../state';
import { axesOf, captionOf, positionsOf, slidersOf, type Subject, subjectOf } from '../subject';
import type { Stream } from './stream';

export interface Asked {
  variable: string;
  index: Record<string, number>;
  x: string | null;
  y: string | null;
  data?: 'b';
  minus?: string;
}

/** One of the pictures. */
export interface Shown {
  asked: Asked;
  /** Tells it from the other; nothing where there is none. */
  title: string;
  dims: string[];
}

/** Null where nothing is shown that tools can work on. */
export function askedOf(host: ToolHost): Asked | null {
  return asking(host, subjectOf(host.source, host.state(), false));
}

/** What both pictures show, or the one there is; none where tools cannot work. */
export function shownOf(host: ToolHost): Shown[] {
  const subjects = [false, true].map(second => subjectOf(host.source, host.state(), second));
  const found = subjects.flatMap(subject => {
    const asked = asking(host, subject);
    return subject && asked ? [{ asked, title: captionOf(subject, subject.view.title), dims: subject.view.dims }] : [];
  });
  // The second picture alone is none: places are picked on the axes of the first.
  return found.length > 1 ? found : found.filter(({ asked }) => asked.variable === host.view()?.name).map(s => ({ ...s, title: '' }));
}

function asking(host: ToolHost, subject: Subject | null): Asked | null {
  if (!subject || subject.view.problem || (subject.view.kind !== 'map' && subject.view.kind !== 'image')) {
    return null;
  }
  const { view, data, minus } = subject;
  const { index } = positionsOf(host.source, subject, host.state());
  return {
    variable: view.name,
    index,
    ...axesOf(view, host.state()),
    ...(data === 'b' ? { data } : {}),
    ...(minus ? { minus } : {})
  };
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

/** What is read along a dimension of one picture. */
export interface Followed {
  key: string;
  title: string;
  stream: Stream;
}

/**
 * One stream for each picture that has the dimension, none where there is none: those that are
 * wanted still go on, the others end.
 */
export function followed(
  held: Followed[],
  shown: Shown[],
  along: string,
  { ends }: Shape,
  begin: (params: object) => Stream
): Followed[] {
  const having = along ? shown.filter(({ dims }) => dims.includes(along)) : [];
  const wanted = having.map(({ asked, title }) => {
    const key = JSON.stringify({ ...asked, index: without(asked.index, along), along, ends });
    const stream = held.find(one => one.key === key)?.stream ?? begin({ ...asked, ends, along });
    return { key, title, stream };
  });
  held.filter(one => !wanted.some(({ stream }) => stream === one.stream)).forEach(one => one.stream.stop());
  return wanted;
}

/** The stream whose progress is told: the first that is at work, or the first. */
export function toldOf(streams: Followed[]): Stream | null {
  return (streams.find(({ stream }) => stream.state !== 'done') ?? streams[0])?.stream ?? null;
}

/** The steps without one of them: what a series along that dimension depends on. */
export function without(index: Record<string, number>, dim: string): Record<string, number> {
  return Object.fromEntries(Object.entries(index).filter(([d]) => d !== dim));
}
