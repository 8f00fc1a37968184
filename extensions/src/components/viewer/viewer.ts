/** The viewer: variable, picture, sliders, read-out. All faces show this one. */
import { h, onTheme } from '../dom';
import type { Frame, FrameRequest, FrameSource, VariableView } from './frame';
import { type Drawn, drawPicture, valueText } from './picture';
import { LatestFrame } from './requests';
import { drawSeries } from './series';
import { createSlider, type Slider } from './slider';

const FIRST_WIDTH = 640;
const TALLEST = 520;

export function createViewer(host: HTMLElement, source: FrameSource): () => void {
  const viewer = new Viewer(host, source);
  return () => viewer.dispose();
}

class Viewer {
  private readonly root = h('section', { class: 'portal-viewer' });
  private readonly heading = h('h3', { class: 'portal-viewer-title' });
  private readonly select = h('select', {
    'aria-label': 'Variable',
    'data-lm-suppress-shortcuts': 'true'
  });
  private readonly stage = h('div', { class: 'portal-viewer-stage' });
  private readonly canvas = h('canvas', {
    tabindex: '0',
    role: 'img',
    'data-lm-suppress-shortcuts': 'true'
  });
  private readonly mark = h('div', { class: 'portal-viewer-mark', hidden: true });
  private readonly single = h('p', { class: 'portal-viewer-single', hidden: true });
  private readonly message = h('p', { class: 'portal-viewer-message', role: 'alert', hidden: true });
  private readonly readout = h('p', { class: 'portal-viewer-readout', 'aria-live': 'polite' });
  private readonly controls = h('div', { class: 'portal-viewer-sliders' });
  private readonly notes = h('p', { class: 'portal-viewer-notes' });
  private readonly requests: LatestFrame;
  private readonly watchers: (() => void)[] = [];
  /** Where each dimension stands, kept when the variable changes. */
  private readonly steps = new Map<string, number>();
  private sliders = new Map<string, Slider>();
  private view: VariableView | undefined;
  private frame: Frame | null = null;
  private asked: FrameRequest | null = null;
  private drawn: Drawn | null = null;
  private cell: number | null = null;

  constructor(
    host: HTMLElement,
    private readonly source: FrameSource
  ) {
    this.requests = new LatestFrame(source, {
      waiting: () => this.say('Still waiting for the data…'),
      arrived: (frame, { variable }) => this.isShown(variable) && this.show(frame),
      failed: (text, { variable }) => this.isShown(variable) && this.fail(text)
    });
    this.build();
    host.append(this.root);
    this.watch();
    this.choose(source.description.default);
  }

  dispose(): void {
    this.requests.stop();
    this.watchers.forEach(stop => stop());
    this.root.remove();
  }

  /** Answers may come after another variable was chosen, one without a picture among them. */
  private isShown(variable: string): boolean {
    return this.view?.name === variable;
  }

  private build(): void {
    const { variables } = this.source.description;
    for (const variable of variables) {
      const text = variable.title === variable.name ? variable.name : `${variable.title} (${variable.name})`;
      this.select.append(h('option', { value: variable.name }, text));
    }
    this.select.addEventListener('change', () => this.choose(this.select.value));
    const head = h('header', { class: 'portal-viewer-head' });
    head.append(this.heading, ...(variables.length > 1 ? [this.select] : []));
    this.stage.append(this.canvas, this.mark, this.single, this.message);
    this.root.append(head, this.stage, this.readout, this.controls, this.notes);
    this.canvas.addEventListener('pointermove', event => {
      const edge = this.canvas.getBoundingClientRect();
      this.point(this.drawn?.find(event.clientX - edge.left, event.clientY - edge.top) ?? null, false);
    });
    this.canvas.addEventListener('pointerleave', () => this.point(null, false));
    this.canvas.addEventListener('blur', () => this.point(null, false));
    this.canvas.addEventListener('keydown', event => this.key(event));
  }

  private watch(): void {
    const size = new ResizeObserver(() => this.resized());
    size.observe(this.stage);
    this.watchers.push(
      () => size.disconnect(),
      onTheme(() => this.draw())
    );
  }

  private choose(name: string): void {
    this.view = this.source.description.variables.find(v => v.name === name);
    this.controls.replaceChildren();
    this.sliders = new Map();
    const title = this.source.title;
    if (!this.view) {
      this.heading.textContent = title || 'Dataset';
      this.fail('This dataset has no variable to show.');
      return;
    }
    this.select.value = name;
    const units = this.view.units ? ` (${this.view.units})` : '';
    const named = this.view.title + units;
    this.heading.textContent = title ? `${title}: ${named}` : named;
    this.root.setAttribute('role', 'group');
    this.root.setAttribute('aria-label', `View of ${this.heading.textContent}`);
    if (this.view.problem) {
      this.fail(this.view.problem);
      return;
    }
    for (const dim of this.view.sliders) {
      const dimension = this.source.description.dimensions.find(d => d.name === dim)!;
      const slider = createSlider(dimension, this.steps.get(dim) ?? 0, () => {
        this.steps.set(dim, slider.value);
        this.ask();
      });
      this.sliders.set(dim, slider);
      this.controls.append(slider.root);
    }
    this.ask();
  }

  private get width(): number {
    return Math.max(200, this.stage.clientWidth || FIRST_WIDTH);
  }

  private ask(): void {
    if (!this.view || this.view.problem) {
      return;
    }
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.asked = {
      variable: this.view.name,
      index: Object.fromEntries([...this.sliders].map(([dim, slider]) => [dim, slider.value])),
      width: Math.round(this.width * ratio),
      height: Math.round(TALLEST * ratio)
    };
    this.requests.want(this.asked);
  }

  private show(frame: Frame): void {
    this.frame = frame;
    this.message.hidden = true;
    this.root.removeAttribute('data-portal-problem');
    for (const [dim, index] of Object.entries(frame.header.index)) {
      this.sliders.get(dim)?.show(index, frame.header.labels[dim]);
    }
    this.draw();
    const { variable, index } = frame.header;
    this.root.setAttribute('data-portal-frame', JSON.stringify({ variable, index }));
  }

  private draw(): void {
    const { frame } = this;
    if (!frame) {
      return;
    }
    const { kind, labels, units } = frame.header;
    this.canvas.hidden = kind === 'value';
    this.single.hidden = kind !== 'value';
    this.drawn = null;
    if (kind === 'value') {
      this.single.textContent = valueText(frame.value(0), units);
    } else {
      this.drawn =
        kind === 'series'
          ? drawSeries(this.canvas, frame, this.width)
          : drawPicture(this.canvas, frame, this.width, this.source.colorMaps);
      const { left, top, width, height } = this.drawn.box;
      this.canvas.setAttribute('data-portal-plot', [left, top, width, height].join(' '));
    }
    const range = frame.range();
    const where = Object.entries(labels).map(([dim, text]) => `${dim} ${text}`);
    const seen = range
      ? `values from ${valueText(range[0], units)} to ${valueText(range[1], units)}`
      : 'no finite values';
    this.canvas.setAttribute('aria-label', [this.heading.textContent, ...where, seen].join(', '));
    const notes = [...this.source.notes, ...frame.header.notes, this.drawn?.note ?? ''];
    this.notes.textContent = notes.filter(Boolean).map(sentence).join(' ');
    if (!range && kind !== 'value') {
      this.say(sentence(frame.header.notes.at(-1) ?? 'no data'));
    }
    const cells = frame.cells.length;
    this.point(this.cell !== null && this.cell < cells ? this.cell : null, !this.mark.hidden);
  }

  /** A message over the picture; what was there is gone, so that it is not taken for the answer. */
  private fail(text: string): void {
    this.frame = null;
    this.drawn = null;
    this.canvas.hidden = true;
    this.single.hidden = true;
    this.point(null, false);
    this.notes.textContent = '';
    this.root.removeAttribute('data-portal-frame');
    this.root.setAttribute('data-portal-problem', text);
    this.say(text);
  }

  private say(text: string): void {
    this.message.textContent = text;
    this.message.hidden = false;
  }

  private point(cell: number | null, marked: boolean): void {
    this.cell = cell;
    const shown = cell !== null && this.drawn !== null && this.frame !== null;
    // A no-break space keeps the line's height, so that nothing jumps.
    this.readout.textContent = shown ? this.drawn!.describe(cell!) : '\u00a0';
    this.mark.hidden = !shown || !(marked || this.frame!.header.kind === 'series');
    if (!this.mark.hidden) {
      const [x, y] = this.drawn!.locate(cell!);
      this.mark.style.left = `${x}px`;
      this.mark.style.top = `${y}px`;
    }
  }

  private key(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1]
    };
    const move = moves[event.key];
    if (!this.drawn || !this.frame) {
      return;
    }
    if (move) {
      event.preventDefault();
      const [rows, columns] = this.frame.header.shape;
      const middle = columns ? Math.floor(rows / 2) * columns + Math.floor(columns / 2) : Math.floor(rows / 2);
      this.point(this.cell === null ? middle : this.drawn.step(this.cell, ...move), true);
    } else if (event.key === 'Escape') {
      this.point(null, false);
    }
  }

  private resized(): void {
    this.draw();
    const width = Math.round(this.width * Math.min(2, window.devicePixelRatio || 1));
    if (this.asked && Math.abs(width - this.asked.width) > 0.1 * this.asked.width) {
      this.ask();
    }
  }
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
