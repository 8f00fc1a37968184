/** Places that were picked: their series or profiles in one chart. */
import { h } from '../../dom';
import type { ToolHost } from '../hosts';
import type { Point } from '../state';
import { alongs, type Asked, askedOf, without } from './asked';
import { card, dimensionChoice, reading, small } from './card';
import { Chart, styleOf } from './chart';
import { csvOf, saveText } from './csv';
import type { LineSpec } from './lines';
import { Stream } from './stream';

/** More lines in one chart cannot be told apart. */
const MOST = 12;

interface Entry {
  /** Null until the kernel has said which cell it is. */
  at: Record<string, number> | null;
  label: string;
  place: [number, number] | null;
  /** Of what the series is; another reading is begun when it changes. */
  of: string;
  stream: Stream;
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
    this.entries.forEach(entry => entry.stream.stop());
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
      this.show();
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
    this.entries.forEach(entry => entry.stream.stop());
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
    this.entries.filter(entry => !kept.includes(entry) && !fresh.includes(entry)).forEach(entry => entry.stream.stop());
    this.entries = [...kept, ...fresh];
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
    entry?.stream.stop();
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
    const entry: Entry = { at, label, place, of: subjectKey(asked, along), stream, row, status };
    return entry;
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
        entry.stream.stop();
        this.entries = this.entries.filter(e => e !== entry);
      } else {
        this.keep();
      }
    }
    this.show();
    this.moved();
  }

  private remove(entry: Entry): void {
    entry.stream.stop();
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
    this.element.hidden = this.entries.length === 0 && this.note.hidden;
    const rows = this.entries.map((entry, i) => {
      const { color } = styleOf(i);
      const swatch = h('span', { class: 'portal-swatch', 'aria-hidden': 'true' }, String(i + 1));
      swatch.style.background = color;
      entry.status.show(entry.stream);
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
    const lines = this.entries.flatMap((entry, i) =>
      entry.stream.head ? [{ label: `${i + 1} ${entry.label}`, ...styleOf(i), values: entry.stream.values }] : []
    );
    const now = this.host.state().index[head.along.dim] ?? null;
    const come = {
      values: this.entries.reduce((sum, entry) => sum + entry.stream.done, 0),
      all: this.entries.every(entry => entry.stream.state === 'done')
    };
    return { axis: head.along, positions: first.stream.positions, lines, units: head.units, now, come };
  }

  private save(): void {
    const spec = this.spec();
    if (spec) {
      saveText(`${this.host.view()?.name ?? 'series'}-${spec.axis.dim}.csv`, csvOf(spec));
    }
  }
}

function keyOf(at: Record<string, number> | null): string {
  return JSON.stringify(Object.entries(at ?? {}).sort());
}

function subjectKey(asked: Asked, along: string): string {
  return JSON.stringify({ ...asked, index: without(asked.index, along), along });
}
