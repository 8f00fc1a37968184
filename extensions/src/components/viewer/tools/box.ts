/** A box: what the cells in it amount to. */
import { h } from '../../dom';
import type { ToolHost } from '../hosts';
import { valueText } from '../place';
import type { Shape } from '../state';
import { alongs, askedOf, without } from './asked';
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
  private readonly facts = h('dl', { class: 'portal-stats', 'aria-live': 'polite' });
  private readonly note = h('p', { class: 'portal-card-note', role: 'status' });
  private readonly histogram = new Chart('Cells by value');
  private readonly means = new Chart('Mean of the box');
  private readonly status = reading();
  private readonly along = dimensionChoice('Mean along', () => this.sync());
  private readonly saving = small('CSV', () => this.save(), 'Save the means as CSV');
  private asking: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = '';
  private stream: Stream | null = null;
  private streamed = '';

  constructor(private readonly host: ToolHost) {
    this.card.actions.append(this.along.element, this.saving);
    this.card.body.append(this.form.element, this.facts, this.note, this.histogram.element);
    this.card.body.append(this.status.element, this.means.element);
  }

  get element(): HTMLElement {
    return this.card.element;
  }

  dispose(): void {
    this.stop();
    this.histogram.dispose();
    this.means.dispose();
    this.element.remove();
  }

  /** Show the card, so that the ends can be typed. */
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
    if (shape?.kind !== 'box' || !asked) {
      if (this.asked) {
        this.close();
      }
      return;
    }
    this.open();
    this.along.offer(alongs(this.host, 'sliders'), 'nothing');
    this.form.show(shape.ends);
    const params = { ...asked, ends: shape.ends };
    const key = JSON.stringify(params);
    if (key !== this.asked) {
      this.asked = key;
      this.asking?.abort();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.count(params), REST);
    }
    this.follow(params, shape);
  }

  private follow(params: { index: Record<string, number> }, shape: Shape): void {
    const along = this.along.value;
    const key = along ? JSON.stringify({ ...params, index: without(params.index, along), along, shape }) : '';
    if (key !== this.streamed) {
      this.streamed = key;
      this.stream?.stop();
      const show = () => this.showMeans();
      this.stream = key ? new Stream(this.host.ask!, 'box', { ...params, along }, { began: show, changed: show }) : null;
    }
    this.showMeans();
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

  private showMeans(): void {
    this.status.show(this.stream);
    this.saving.hidden = !this.stream;
    this.means.show(this.meanSpec());
  }

  private meanSpec(): LineSpec | null {
    const { stream } = this;
    if (!stream?.head) {
      return null;
    }
    const { along, units } = stream.head;
    const lines = [{ label: 'Mean', ...styleOf(0), values: stream.values }];
    const now = this.host.state().index[along.dim] ?? null;
    return { axis: along, positions: stream.positions, lines, units, now };
  }

  private save(): void {
    const spec = this.meanSpec();
    if (spec) {
      saveText(`${this.host.view()?.name ?? 'box'}-mean-${spec.axis.dim}.csv`, csvOf(spec));
    }
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.stream?.stop();
    this.stream = null;
  }
}

function histogramSpec({ edges, counts }: { edges: number[]; counts: number[] }, units: string): LineSpec {
  const middles = Float64Array.from(counts, (_, i) => (edges[i] + edges[i + 1]) / 2);
  const axis = { dim: '', kind: 'number', title: 'Value', units, labels: null, ticks: null } as const;
  return { axis, positions: middles, lines: [{ label: '', color: styleOf(0).color, values: counts }], units: 'cells', bars: edges };
}
