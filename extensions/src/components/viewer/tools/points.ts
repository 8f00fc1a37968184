/** Places that were picked: their series or profiles in one chart. */
import { h } from '../../dom';
import type { ToolHost } from '../hosts';
import type { Point } from '../state';
import { alongs, type Asked, askedOf, shownOf, without } from './asked';
import { card, dimensionChoice, reading, small } from './card';
import { Chart, styleOf } from './chart';
import { csvOf, saveText } from './csv';
import type { LineSpec } from './lines';
import { Stream } from './stream';

/** More lines in one chart cannot be told apart. */
const MOST = 12;
/** Milliseconds for which an answer is awaited before it is said that one is. */
const QUICK = 150;
/** Dashes of what is beside it. */
const BESIDE = [7, 3, 1, 3];

interface Beside {
  of: string;
  title: string;
  stream: Stream;
}

interface Entry {
  /** Null until the kernel has said which cell it is. */
  at: Record<string, number> | null;
  label: string;
  place: [number, number] | null;
  /** Of what the series is; another reading is begun when it changes. */
  of: string;
  stream: Stream;
  /** The same place in the picture beside it. */
  beside: Beside | null;
  row: HTMLElement;
  status: ReturnType<typeof reading>;
}

export interface Mark {
  place: [number, number];
  text: string;
  color: string;
}

export class Points {
  private readonly card = card('Points', () => this.clear());
  private readonly list = h('ul', { class: 'portal-points' });
  private readonly chart = new Chart('Values at points');
  private readonly along = dimensionChoice('Along', () => this.sync());
  private readonly note = h('p', { class: 'portal-card-note', role: 'status', hidden: true });
  private entries: Entry[] = [];
  private waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: ToolHost,
    private readonly moved: () => void
  ) {
    this.card.actions.append(this.along.element, small('CSV', () => this.save(), 'Save the series as CSV'));
    this.card.body.append(this.list, this.note, this.chart.element);
  }

  get element(): HTMLElement {
    return this.card.element;
  }

  dispose(): void {
    clearTimeout(this.waiting);
    this.entries.forEach(stop);
    this.chart.dispose();
    this.element.remove();
  }

  /** Pick the cell at a place of the picture. */
  drop(where: { place: [number, number] } | { at: Record<string, number> }): void {
    const asked = askedOf(this.host);
    const along = this.dimension();
    if (!asked || !along) {
      return;
    }
    this.say(this.entries.length >= MOST ? `${MOST} points are compared at once: remove one first.` : '');
    if (this.entries.length < MOST) {
      this.entries.push(this.entryOf(where, null, '', asked, along));
      // A quick answer comes before: each picture of the page that is drawn meanwhile would hold it up.
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.show(), QUICK);
    }
  }

  /** Take back the last point: it was half of a double click. */
  undrop(): void {
    const last = this.entries.at(-1);
    if (last) {
      this.remove(last);
    }
  }

  clear(): void {
    this.entries.forEach(stop);
    this.entries = [];
    this.keep();
    this.show();
  }

  /** Follow the state: other points, another variable, other steps. */
  sync(): void {
    const asked = askedOf(this.host);
    const along = this.dimension();
    const wanted = this.host.state().points;
    if (!asked || !along) {
      this.element.hidden = true;
      return;
    }
    const known = new Map(this.entries.map(entry => [keyOf(entry.at), entry]));
    const kept = wanted.map(point => this.follow(known.get(keyOf(point.at)), point, asked, along));
    const fresh = this.entries.filter(entry => !entry.at && entry.stream.state !== 'failed');
    this.entries.filter(entry => !kept.includes(entry) && !fresh.includes(entry)).forEach(stop);
    this.entries = [...kept, ...fresh];
    this.entries.forEach(entry => this.pair(entry));
    this.show();
  }

  marks(): Mark[] {
    return this.element.hidden
      ? []
      : this.entries.flatMap((entry, i) =>
          entry.place ? [{ place: entry.place, text: String(i + 1), color: styleOf(i).color }] : []
        );
  }

  private follow(entry: Entry | undefined, point: Point, asked: Asked, along: string): Entry {
    if (entry && entry.of === subjectKey(asked, along)) {
      return entry;
    }
    if (entry) {
      stop(entry);
    }
    return this.entryOf({ at: point.at }, point.at, point.label, asked, along, entry?.place ?? null);
  }

  private entryOf(
    where: object,
    at: Record<string, number> | null,
    label: string,
    asked: Asked,
    along: string,
    place: [number, number] | null = null
  ): Entry {
    const status = reading();
    const row = h('li', {});
    const stream = new Stream(this.host.ask!, 'series', { ...asked, ...where, along }, {
      began: () => this.began(entry),
      changed: () => {
        if (entry.stream.state === 'failed' && !entry.at) {
          this.entries = this.entries.filter(e => e !== entry);
          this.say(entry.stream.problem);
        }
        this.show();
      }
    });
    const entry: Entry = { at, label, place, of: subjectKey(asked, along), stream, beside: null, row, status };
    return entry;
  }

  /** Read the same place of the picture beside it, where there is one that has the dimension. */
  private pair(entry: Entry): void {
    const along = this.along.value;
    const shown = shownOf(this.host)[1];
    const wanted = shown?.dims.includes(along) && entry.place ? shown : null;
    const of = wanted ? subjectKey(wanted.asked, along) : '';
    if (of !== (entry.beside?.of ?? '')) {
      entry.beside?.stream.stop();
      const show = () => this.show();
      const params = { ...wanted?.asked, place: entry.place, along };
      entry.beside = wanted && {
        of,
        title: wanted.title,
        stream: new Stream(this.host.ask!, 'series', params, { began: show, changed: show })
      };
    }
  }

  /** The kernel has said which cell a point is. */
  private began(entry: Entry): void {
    const head = entry.stream.head!;
    entry.place = head.place ?? null;
    entry.label = head.label ?? entry.label;
    if (!entry.at) {
      entry.at = head.at ?? {};
      const twin = this.entries.find(e => e !== entry && keyOf(e.at) === keyOf(entry.at));
      if (twin) {
        stop(entry);
        this.entries = this.entries.filter(e => e !== entry);
      } else {
        this.keep();
      }
    }
    this.pair(entry);
    this.show();
    this.moved();
  }

  private remove(entry: Entry): void {
    stop(entry);
    this.entries = this.entries.filter(e => e !== entry);
    this.keep();
    this.show();
  }

  /** Put the points into the state, where they can be undone and saved. */
  private keep(): void {
    const points = this.entries.flatMap(({ label, at }) => (at ? [{ label, at }] : []));
    this.host.change({ points });
    this.moved();
  }

  private dimension(): string {
    this.along.offer(alongs(this.host, 'all'));
    return this.along.value;
  }

  private say(text: string): void {
    this.note.textContent = text;
    this.note.hidden = text === '';
    if (text) {
      this.element.hidden = false;
    }
  }

  private show(): void {
    clearTimeout(this.waiting);
    this.element.hidden = this.entries.length === 0 && this.note.hidden;
    const rows = this.entries.map((entry, i) => {
      const { color } = styleOf(i);
      const swatch = h('span', { class: 'portal-swatch', 'aria-hidden': 'true' }, String(i + 1));
      swatch.style.background = color;
      entry.status.show(entry.beside && entry.stream.state === 'done' ? entry.beside.stream : entry.stream);
      if (entry.row.dataset.label !== `${i} ${entry.label}`) {
        entry.row.dataset.label = `${i} ${entry.label}`;
        const name = entry.label || '…';
        const removing = small('×', () => this.remove(entry), `Remove point ${i + 1}, ${name}`);
        entry.row.replaceChildren(swatch, h('span', { class: 'portal-point-name' }, name), entry.status.element, removing);
      }
      return entry.row;
    });
    if (rows.length !== this.list.children.length || rows.some((row, i) => this.list.children[i] !== row)) {
      this.list.replaceChildren(...rows);
    }
    this.chart.show(this.spec());
  }

  private spec(): LineSpec | null {
    const first = this.entries.find(entry => entry.stream.head);
    const head = first?.stream.head;
    if (!first || !head) {
      return null;
    }
    const [main] = shownOf(this.host);
    const streams = this.entries.flatMap((entry, i) => [
      { i, entry, stream: entry.stream, title: main?.title ?? '', dash: styleOf(i).dash },
      ...(entry.beside ? [{ i, entry, ...entry.beside, dash: BESIDE }] : [])
    ]);
    const come = {
      values: streams.reduce((sum, { stream }) => sum + stream.done, 0),
      all: streams.every(({ stream }) => stream.state === 'done')
    };
    const ready = streams.filter(({ stream }) => stream.head?.along.kind === head.along.kind);
    const units = ready.every(({ stream }) => stream.head!.units === head.units) ? head.units : '';
    const lines = ready.map(({ i, entry, stream, title, dash }) => ({
      label: [`${i + 1} ${entry.label}`, title, units ? '' : stream.head!.units].filter(Boolean).join(' · '),
      color: styleOf(i).color,
      dash,
      values: stream.values,
      positions: isSame(stream.positions, first.stream.positions) ? undefined : stream.positions
    }));
    const now = this.host.state().index[head.along.dim] ?? null;
    return { axis: head.along, positions: first.stream.positions, lines, units, now, come };
  }

  private save(): void {
    const spec = this.spec();
    if (spec) {
      saveText(`${this.host.view()?.name ?? 'series'}-${spec.axis.dim}.csv`, csvOf(spec));
    }
  }
}

function stop(entry: Entry): void {
  entry.stream.stop();
  entry.beside?.stream.stop();
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.length === b.length && a.every((at, i) => at === b[i]));
}

function keyOf(at: Record<string, number> | null): string {
  return JSON.stringify(Object.entries(at ?? {}).sort());
}

function subjectKey(asked: Asked, along: string): string {
  return JSON.stringify({ ...asked, index: without(asked.index, along), along });
}
