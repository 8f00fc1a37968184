/** A line: what lies along it, in this slice or through another dimension. */
import { h } from '../../dom';
import { lookOf } from '../colors';
import type { ToolHost } from '../hosts';
import { alongs, askedOf, without } from './asked';
import { card, dimensionChoice, endsForm, reading, small } from './card';
import { Chart, styleOf } from './chart';
import { csvOf, saveText } from './csv';
import { type LineSpec, rangeOf } from './lines';
import { SectionChart, type SectionSpec } from './section';
import { numbers, Stream } from './stream';

interface Transect {
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
  private readonly section = new SectionChart('Section along the line');
  private readonly status = reading();
  private transect: Transect | null = null;
  private asking: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = '';
  private stream: Stream | null = null;
  private streamed = '';

  constructor(private readonly host: ToolHost) {
    this.card.actions.append(
      this.through.element,
      small('CSV', () => this.save(), 'Save the values along the line as CSV')
    );
    this.card.body.append(this.form.element, this.note, this.chart.element, this.status.element, this.section.element);
  }

  get element(): HTMLElement {
    return this.card.element;
  }

  dispose(): void {
    this.stop();
    this.chart.dispose();
    this.section.dispose();
    this.element.remove();
  }

  open(): void {
    this.element.hidden = false;
  }

  close(): void {
    this.stop();
    this.asked = this.streamed = '';
    this.element.hidden = true;
  }

  sync(): void {
    const { shape } = this.host.state();
    const asked = askedOf(this.host);
    if (shape?.kind !== 'line' || !asked) {
      if (this.asked) {
        this.close();
      }
      return;
    }
    this.open();
    this.through.offer(alongs(this.host, 'sliders'), 'nothing');
    this.form.show(shape.ends);
    const params = { ...asked, ends: shape.ends };
    const key = JSON.stringify(params);
    if (key !== this.asked) {
      this.asked = key;
      this.asking?.abort();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.read(params), REST);
    }
    const along = this.through.value;
    const wanted = along ? JSON.stringify({ ...params, index: without(params.index, along), along }) : '';
    if (wanted !== this.streamed) {
      this.streamed = wanted;
      this.stream?.stop();
      const show = () => this.showSection();
      this.stream = wanted ? new Stream(this.host.ask!, 'line', { ...params, along }, { began: show, changed: show }) : null;
    }
    this.showSection();
  }

  private async read(params: object): Promise<void> {
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.transect = null;
    let problem = '';
    const onPart = (part: unknown, buffers: (ArrayBuffer | DataView)[]) => {
      const { distance, units } = part as { distance: string; units: string };
      const [distances, values] = buffers.map(numbers);
      this.transect = { distances, values, unit: distance, units };
    };
    try {
      await this.host.ask!('line', params, { signal, onPart });
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (!signal.aborted) {
      this.note.textContent = problem;
      this.note.hidden = !problem;
      this.chart.show(this.spec());
    }
  }

  private spec(): LineSpec | null {
    const { transect } = this;
    if (!transect) {
      return null;
    }
    const axis = { dim: 'distance', kind: 'number', title: 'Distance', units: transect.unit, labels: null, ticks: null } as const;
    const lines = [{ label: 'Value', ...styleOf(0), values: transect.values }];
    return { axis, positions: transect.distances, lines, units: transect.units };
  }

  private showSection(): void {
    this.status.show(this.stream);
    this.section.show(this.sectionSpec());
  }

  private sectionSpec(): SectionSpec | null {
    const { stream, host } = this;
    const head = stream?.head;
    if (!stream || !head) {
      return null;
    }
    const { state, header } = { state: host.state(), header: host.frame()?.header };
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

  private stop(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.stream?.stop();
    this.stream = null;
  }
}
