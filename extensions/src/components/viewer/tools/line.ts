/** A line: what lies along it, in this slice or through another dimension. */
import { h } from '../../dom';
import { lookOf } from '../colors';
import type { ToolHost } from '../hosts';
import { alongs, type Followed, followed, shownOf, toldOf } from './asked';
import { card, dimensionChoice, endsForm, reading, small } from './card';
import { Chart, styleOf } from './chart';
import { csvOf, saveText } from './csv';
import { type LineSpec, rangeOf } from './lines';
import { SectionChart, type SectionSpec } from './section';
import { numbers, Stream } from './stream';

interface Transect {
  title: string;
  distances: Float64Array;
  values: Float64Array;
  unit: string;
  units: string;
}

const REST = 120;

export class LineTool {
  private readonly card = card('Line', () => this.host.change({ shape: null }));
  private readonly form = endsForm(['x of one end', 'y of one end', 'x of the other', 'y of the other'], ends =>
    this.host.change({ shape: { kind: 'line', ends } })
  );
  private readonly through = dimensionChoice('Section through', () => this.sync());
  private readonly note = h('p', { class: 'portal-card-note', role: 'status', hidden: true });
  private readonly chart = new Chart('Values along the line');
  private readonly sections: { title: HTMLElement; chart: SectionChart }[];
  private readonly status = reading();
  private transects: (Transect | null)[] = [];
  private asking: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = '';
  private streams: Followed[] = [];

  constructor(private readonly host: ToolHost) {
    this.card.actions.append(
      this.through.element,
      small('CSV', () => this.save(), 'Save the values along the line as CSV')
    );
    this.sections = [0, 1].map(() => ({ title: h('h5', { hidden: true }), chart: new SectionChart('Section along the line') }));
    this.card.body.append(this.form.element, this.note, this.chart.element, this.status.element);
    this.card.body.append(...this.sections.flatMap(({ title, chart }) => [title, chart.element]));
  }

  get element(): HTMLElement {
    return this.card.element;
  }

  dispose(): void {
    this.close();
    this.chart.dispose();
    this.sections.forEach(({ chart }) => chart.dispose());
    this.element.remove();
  }

  open(): void {
    this.element.hidden = false;
  }

  close(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.streams.forEach(({ stream }) => stream.stop());
    this.streams = [];
    this.asked = '';
    this.element.hidden = true;
  }

  sync(): void {
    const { shape } = this.host.state();
    const shown = shownOf(this.host);
    if (shape?.kind !== 'line' || shown.length === 0) {
      if (this.asked) {
        this.close();
      }
      return;
    }
    this.open();
    this.through.offer(alongs(this.host, 'sliders'), 'nothing');
    this.form.show(shape.ends);
    const every = shown.map(({ asked, title }) => ({ title, params: { ...asked, ends: shape.ends } }));
    const key = JSON.stringify(every);
    if (key !== this.asked) {
      this.asked = key;
      this.asking?.abort();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.read(every), REST);
    }
    const along = this.through.value;
    this.streams = followed(this.streams, shown, along, shape, params => {
      const show = () => this.showSections();
      return new Stream(this.host.ask!, 'line', params, { began: show, changed: show });
    });
    this.showSections();
  }

  private async read(every: { title: string; params: object }[]): Promise<void> {
    this.asking = new AbortController();
    const { signal } = this.asking;
    const found: (Transect | null)[] = every.map(() => null);
    const problems = await Promise.all(
      every.map(async ({ title, params }, i) => {
        const onPart = (part: unknown, buffers: (ArrayBuffer | DataView)[]) => {
          const { distance, units } = part as { distance: string; units: string };
          const [distances, values] = buffers.map(numbers);
          found[i] = { title, distances, values, unit: distance, units };
        };
        try {
          await this.host.ask!('line', params, { signal, onPart });
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
        return '';
      })
    );
    if (!signal.aborted) {
      this.transects = found;
      this.note.textContent = problems.filter(Boolean).join(' ');
      this.note.hidden = !this.note.textContent;
      this.chart.show(this.spec());
    }
  }

  private spec(): LineSpec | null {
    const found = this.transects.flatMap(transect => transect ?? []);
    const first = found[0];
    if (!first) {
      return null;
    }
    const axis = { dim: 'distance', kind: 'number', title: 'Distance', units: first.unit, labels: null, ticks: null } as const;
    const lines = found.map(({ title, values, distances, units }, i) => ({
      label: [title || 'Value', units === first.units ? '' : units].filter(Boolean).join(' · '),
      ...styleOf(i),
      values,
      positions: i ? distances : undefined
    }));
    return { axis, positions: first.distances, lines, units: first.units };
  }

  private showSections(): void {
    const { streams } = this;
    this.status.show(toldOf(streams));
    this.sections.forEach(({ title, chart }, i) => {
      title.textContent = streams[i]?.title ?? '';
      title.hidden = !title.textContent;
      chart.show(this.sectionSpec(i));
    });
  }

  private sectionSpec(i: number): SectionSpec | null {
    const { host } = this;
    const stream = this.streams[i]?.stream;
    const head = stream?.head;
    if (!stream || !head) {
      return null;
    }
    const { state, header } = { state: host.state(), header: host.pictures()[i]?.frame?.header };
    const limits = state.limits ?? header?.limits ?? rangeOf({ lines: [{ ...styleOf(0), label: '', values: stream.values }] });
    const { table } = lookOf(host.source.colorMaps, state.color_map ?? header?.color_map ?? '', limits, 'linear');
    const { along, units, distance } = head;
    const { positions, distances, values } = stream;
    return { axis: along, positions, distances, distanceUnits: distance ?? '', values, units, limits, table };
  }

  private save(): void {
    const spec = this.spec();
    if (spec) {
      saveText(`${this.host.view()?.name ?? 'line'}-line.csv`, csvOf(spec));
    }
  }
}
