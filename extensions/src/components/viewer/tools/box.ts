/** A box: what the cells in it amount to. */
import { h } from '../../dom';
import type { ToolHost } from '../hosts';
import { valueText } from '../place';
import type { Shape } from '../state';
import { alongs, type Asked, type Followed, followed, shownOf, toldOf } from './asked';
import { card, dimensionChoice, endsForm, reading, small } from './card';
import { Chart, styleOf } from './chart';
import { csvOf, saveText } from './csv';
import type { LineSpec } from './lines';
import { Stream } from './stream';

interface Statistics {
  mean: number | null;
  deviation: number | null;
  low: number | null;
  high: number | null;
  count: number;
  missing: number;
  infinite: number;
  histogram: { edges: number[]; counts: number[] } | null;
  weights: string;
  notes: string[];
  units: string;
}

/** Milliseconds for which a slider has to rest. */
const REST = 120;

export class BoxTool {
  private readonly card = card('Box', () => this.host.change({ shape: null }));
  private readonly form = endsForm(['x from', 'y from', 'x to', 'y to'], ends =>
    this.host.change({ shape: { kind: 'box', ends } })
  );
  private readonly counts: Count[];
  private readonly means = new Chart('Mean of the box');
  private readonly status = reading();
  private readonly along = dimensionChoice('Mean along', () => this.sync());
  private readonly saving = small('CSV', () => this.save(), 'Save the means as CSV');
  private streams: Followed[] = [];

  constructor(private readonly host: ToolHost) {
    this.counts = [new Count(host), new Count(host)];
    this.card.actions.append(this.along.element, this.saving);
    const counts = h('div', { class: 'portal-counts' }, ...this.counts.map(count => count.element));
    this.card.body.append(this.form.element, counts, this.status.element, this.means.element);
  }

  get element(): HTMLElement {
    return this.card.element;
  }

  dispose(): void {
    this.close();
    this.counts.forEach(count => count.dispose());
    this.means.dispose();
    this.element.remove();
  }

  /** Show the card, so that the ends can be typed. */
  open(): void {
    this.element.hidden = false;
  }

  close(): void {
    this.counts.forEach(count => count.sync(null, '', null));
    this.streams.forEach(({ stream }) => stream.stop());
    this.streams = [];
    this.element.hidden = true;
  }

  sync(): void {
    const { shape } = this.host.state();
    const shown = shownOf(this.host);
    if (shape?.kind !== 'box' || shown.length === 0) {
      if (this.counts[0].busy) {
        this.close();
      }
      return;
    }
    this.open();
    this.along.offer(alongs(this.host, 'sliders'), 'nothing');
    this.form.show(shape.ends);
    this.counts.forEach((count, i) => count.sync(shown[i]?.asked ?? null, shown[i]?.title ?? '', shape));
    const along = this.along.value;
    this.streams = followed(this.streams, shown, along, shape, params => {
      const show = () => this.showMeans();
      return new Stream(this.host.ask!, 'box', params, { began: show, changed: show });
    });
    this.showMeans();
  }

  private showMeans(): void {
    const { streams } = this;
    this.status.show(toldOf(streams));
    this.saving.hidden = streams.length === 0;
    this.means.show(this.meanSpec());
  }

  private meanSpec(): LineSpec | null {
    const ready = this.streams.filter(({ stream }) => stream.head);
    const first = ready[0]?.stream;
    if (!first?.head) {
      return null;
    }
    const { along, units } = first.head;
    const lines = ready.map(({ title, stream }, i) => ({
      label: ['Mean', title, stream.head!.units === units ? '' : stream.head!.units].filter(Boolean).join(' · '),
      ...styleOf(i),
      values: stream.values,
      positions: i ? stream.positions : undefined
    }));
    const now = this.host.state().index[along.dim] ?? null;
    return { axis: along, positions: first.positions, lines, units, now };
  }

  private save(): void {
    const spec = this.meanSpec();
    if (spec) {
      saveText(`${this.host.view()?.name ?? 'box'}-mean-${spec.axis.dim}.csv`, csvOf(spec));
    }
  }
}

/** What the box in one picture amounts to. */
class Count {
  private readonly title = h('h5', { hidden: true });
  private readonly facts = h('dl', { class: 'portal-stats', 'aria-live': 'polite' });
  private readonly note = h('p', { class: 'portal-card-note', role: 'status' });
  private readonly histogram = new Chart('Cells by value');
  readonly element = h('div', { hidden: true }, this.title, this.facts, this.note, this.histogram.element);
  private asking: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = '';

  constructor(private readonly host: ToolHost) {}

  get busy(): boolean {
    return this.asked !== '';
  }

  dispose(): void {
    this.histogram.dispose();
  }

  sync(asked: Asked | null, title: string, shape: Shape | null): void {
    const params = asked && shape && { ...asked, ends: shape.ends };
    const key = params ? JSON.stringify(params) : '';
    this.element.hidden = !params;
    this.title.textContent = title;
    this.title.hidden = !title;
    if (key !== this.asked) {
      this.asked = key;
      this.asking?.abort();
      clearTimeout(this.timer);
      if (params) {
        this.timer = setTimeout(() => void this.count(params), REST);
      }
    }
  }

  private async count(params: object): Promise<void> {
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.element.setAttribute('aria-busy', 'true');
    try {
      const { result } = await this.host.ask!('box', params, { signal });
      if (!signal.aborted) {
        this.show(result as Statistics);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.facts.replaceChildren();
        this.histogram.show(null);
        this.note.textContent = error instanceof Error ? error.message : String(error);
      }
    }
    if (!signal.aborted) {
      this.element.removeAttribute('aria-busy');
    }
  }

  private show(found: Statistics): void {
    const { units, histogram } = found;
    const fact = (name: string, key: string, value: number | null, text: string) =>
      h('div', {}, h('dt', {}, name), h('dd', { 'data-portal-stat': key, 'data-value': String(value) }, text));
    const number = (name: string, key: string, value: number | null) =>
      fact(name, key, value, value === null ? 'no data' : valueText(value, units));
    const cells = (name: string, key: string, value: number) => fact(name, key, value, value.toLocaleString('en'));
    this.facts.replaceChildren(
      number('Mean', 'mean', found.mean),
      number('Standard deviation', 'deviation', found.deviation),
      number('Lowest', 'low', found.low),
      number('Highest', 'high', found.high),
      cells('Cells', 'count', found.count),
      cells('Missing', 'missing', found.missing),
      ...(found.infinite ? [cells('Infinite', 'infinite', found.infinite)] : [])
    );
    this.note.textContent = [`Weighted by: ${found.weights}`, ...found.notes].map(text => `${text}.`).join(' ');
    this.histogram.show(histogram && histogramSpec(histogram, units));
  }
}

function histogramSpec({ edges, counts }: { edges: number[]; counts: number[] }, units: string): LineSpec {
  const middles = Float64Array.from(counts, (_, i) => (edges[i] + edges[i + 1]) / 2);
  const axis = { dim: '', kind: 'number', title: 'Value', units, labels: null, ticks: null } as const;
  return { axis, positions: middles, lines: [{ label: '', color: styleOf(0).color, values: counts }], units: 'cells', bars: edges };
}
