/** One picture with its axes, colour bar, message and read-out mark; the viewer has one or two. */
import { h } from '../dom';
import { type FrameCache, keyOf } from './cache';
import { type ColorBar, createColorBar } from './colorbar';
import type { Frame, FrameRequest, FrameSource, Window } from './frame';
import { isGeographic } from './geometry';
import { stretchNote } from './layout';
import { Message, sentence } from './message';
import { Picture } from './picture';
import { valueText } from './place';
import { screenRatio, type Theme } from './plot';
import { FrameStore } from './requests';
import type { ViewState } from './state';
import { covers, positionsOf, requestFor, type Subject } from './subject';

export interface PaneHost {
  readonly source: FrameSource;
  readonly cache: FrameCache;
  state(): ViewState;
  change(partial: Partial<ViewState>): void;
  /** New pixels were submitted. */
  painted(pane: Pane, frame: Frame): void;
  /** Something lies elsewhere than before. */
  arranged(pane: Pane): void;
  failed(pane: Pane, text: string): void;
}

type Index = Record<string, number>;

const TALLEST = 520;
const MARGINS = 150;
/** Milliseconds after which a window that was left alone is asked for. */
const SETTLED = 120;

export class Pane {
  readonly stage = h('div', { class: 'portal-viewer-stage' });
  readonly caption = h('h4', { class: 'portal-viewer-caption', hidden: true });
  readonly root = h('div', { class: 'portal-viewer-pane' }, this.caption, this.stage);
  readonly axes = h('canvas', { tabindex: '0', role: 'img', 'data-lm-suppress-shortcuts': 'true' });
  readonly overlay = h('div', { class: 'portal-viewer-overlay' });
  readonly picture: Picture;
  readonly message: Message;
  readonly store: FrameStore;
  frame: Frame | null = null;
  cell: number | null = null;
  /** Where the pointer is, in CSS pixels of the picture. */
  pointer: [number, number] | null = null;
  private request: FrameRequest | null = null;
  /** What the frame that is shown was asked by. */
  private shown: FrameRequest | null = null;
  private subject: Subject | null = null;
  private asked: { width: number; height: number } | null = null;
  private readonly mark = h('div', { class: 'portal-viewer-mark', hidden: true });
  private readonly single = h('p', { class: 'portal-viewer-single', hidden: true });
  private readonly bar: ColorBar;
  private drawnAt = 0;
  private settling: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly host: PaneHost) {
    const { source, cache } = host;
    this.message = new Message({ again: () => this.retry(), stop: () => this.stop() });
    this.bar = createColorBar({ change: look => host.change(look) });
    this.stage.append(this.axes);
    this.picture = new Picture(source, this.axes, () => undefined);
    const cells = this.picture.painter.canvas;
    cells.className = 'portal-viewer-cells';
    cells.setAttribute('aria-hidden', 'true');
    const { canvas: rim } = this.picture.rim;
    rim.className = 'portal-viewer-rim';
    rim.setAttribute('aria-hidden', 'true');
    this.stage.append(cells, rim, this.overlay, this.bar.element, this.mark, this.single, this.message.element);
    this.store = new FrameStore(source, cache, {
      arrived: (frame, request) => this.show(frame, request),
      failed: text => this.fail(text, true),
      waiting: progress => this.message.waiting(progress)
    });
  }

  dispose(): void {
    clearTimeout(this.settling);
    this.store.dispose();
    this.picture.dispose();
    this.root.remove();
  }

  get width(): number {
    return Math.max(200, this.stage.clientWidth || 640);
  }

  /** Show what the state says; true when that is painted at once. */
  want(subject: Subject, plan: Record<string, number>[]): boolean {
    if (subject.view.problem) {
      this.subject = subject;
      this.fail(subject.view.problem, false);
      return true;
    }
    const other = subject.view !== this.subject?.view || subject.minus !== this.subject.minus;
    this.subject = subject;
    const { ask, index } = this.asking(subject, other);
    this.request = ask(index);
    const dims = Object.keys(index);
    const planned = plan.map(at => ask(Object.fromEntries(dims.map(d => [d, at[d] ?? index[d]]))));
    const held = this.store.want(this.request, planned);
    if (held) {
      this.show(held, this.request);
    }
    return held !== null;
  }

  /** The view of the same cells has changed: draw it now, and ask for its detail when it rests. */
  moved(again: () => void): void {
    clearTimeout(this.settling);
    this.redraw();
    const asking = this.subject && this.asking(this.subject, false);
    if (asking && this.host.cache.has(keyOf(asking.ask(asking.index)))) {
      again();
    } else {
      this.settling = setTimeout(again, SETTLED);
    }
  }

  /** The page has another width: other frames are asked for when it differs much. */
  resized(again: () => void): void {
    if (this.drawnAt && this.width !== this.drawnAt) {
      this.moved(again);
    }
  }

  redraw(): void {
    if (this.frame) {
      this.show(this.frame);
    }
  }

  themed(): void {
    this.picture.themed();
    this.redraw();
  }

  /** Requests for the positions of what is seen now. */
  private asking(subject: Subject, other: boolean): { ask(at: Index): FrameRequest; index: Index } {
    const state = this.host.state();
    const { index } = positionsOf(this.host.source, subject, state);
    const window = this.windowFor(state, other);
    const size = this.sizeFor(other);
    const finer = this.isCoarse(state, other) ? { scale: state.scale! } : {};
    return { index, ask: at => ({ ...requestFor(subject, state, at, size, window), ...finer }) };
  }

  /** Whether the even steps of what was sent would show on the scale that was chosen. */
  private isCoarse({ scale, limits }: ViewState, other: boolean): boolean {
    const { frame, request } = this;
    if (!this.host.source.ask || (scale !== 'log' && scale !== 'symlog')) {
      return false;
    }
    if (other || !frame) {
      return true;
    }
    const { encoding, limits: own } = frame.header;
    const [low, high] = limits ?? own ?? [0, 0];
    const enough = scale === 'log' && low > 0 ? (low * Math.log(high / low)) / 256 : 0;
    return request?.scale === scale || (encoding.scale ?? 0) > enough;
  }

  /** What is asked for: nothing new where every cell of it is held already. */
  private windowFor(state: ViewState, other: boolean): Window | null {
    const { frame, request } = this;
    const plane = this.picture.plane;
    const wanted = plane && !other && state.window ? plane.window : state.window;
    if (!this.host.source.ask) {
      return null;
    }
    const whole = Math.max(...(frame?.header.factors ?? [Infinity])) <= 1;
    const held = request?.window ?? null;
    const turns = frame?.geometry ? isGeographic(frame.geometry) : false;
    return !other && request && whole && covers(held, wanted, turns) ? held : wanted;
  }

  /** Device pixels of the plot's box; small changes are not worth other frames. */
  private sizeFor(other: boolean): { width: number; height: number } {
    const ratio = screenRatio();
    const box = this.picture.layout?.box;
    const map = this.subject?.view.kind === 'map';
    const across = Math.max(60, box && !other ? box.width : this.width - MARGINS);
    const down = box && !other ? box.height : Math.min(TALLEST, across * (map ? 0.5 : 0.6));
    const next = { width: Math.round(across * ratio), height: Math.round(down * ratio) };
    const near = (a: number, b: number) => a <= b * 1.1 && a >= b * 0.6;
    const { asked } = this;
    if (asked && near(next.width, asked.width) && near(next.height, asked.height)) {
      return asked;
    }
    this.asked = next;
    return next;
  }

  private show(frame: Frame, request = this.shown): void {
    const { kind, units } = frame.header;
    const state = this.host.state();
    const fresh = this.frame !== frame;
    this.frame = frame;
    this.shown = request;
    this.drawnAt = this.width;
    if (!this.message.element.hidden) {
      this.message.hide();
    }
    this.visible(kind === 'value' ? 'single' : kind === 'series' ? 'line' : 'cells');
    if (kind === 'value') {
      this.single.textContent = valueText(frame.value(0), units);
    } else {
      if (this.picture.show(frame, state, this.width)) {
        this.arrange();
      }
      this.picture.beyond(this.overview());
    }
    this.point(this.cell !== null && this.cell < frame.cells.length ? this.cell : null, !this.mark.hidden);
    if (fresh) {
      this.host.painted(this, frame);
    }
  }

  /** The whole of what is shown, where a frame of a part of it does not reach. */
  private overview(): Frame | null {
    const { geometry, plane } = this.picture;
    if (!this.shown?.window || !geometry || !plane) {
      return null;
    }
    const { window, ...whole } = this.shown;
    const reaches = covers(window, plane.window, isGeographic(geometry));
    return reaches ? null : (this.host.cache.get(keyOf(whole))?.frame ?? null);
  }

  /** What takes a look at every cell, or is not worth a step's time: done when nothing moves. */
  settle(): void {
    const { frame } = this;
    if (!frame || frame.header.kind === 'value') {
      return;
    }
    this.showBar();
    if (frame.range() === null && this.message.element.hidden) {
      this.message.note(sentence(frame.header.notes.at(-1) ?? 'no data'));
    }
  }

  /** Move the parts around the picture to where they belong now. */
  private arrange(): void {
    const { layout, line } = this.picture;
    const box = layout?.box ?? line?.box;
    if (!box) {
      return;
    }
    const { left, top, width, height } = box;
    this.axes.setAttribute('data-portal-plot', [left, top, width, height].join(' '));
    for (const part of [this.overlay, this.picture.painter.canvas, this.picture.rim.canvas]) {
      Object.assign(part.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    }
    if (layout) {
      const { bar } = layout;
      Object.assign(this.bar.element.style, {
        left: `${bar.left}px`,
        top: `${bar.top}px`,
        width: `${bar.width}px`,
        height: `${layout.height - bar.top}px`
      });
      this.showBar();
    }
    this.host.arranged(this);
  }

  private showBar(): void {
    const { frame, picture } = this;
    if (frame && picture.look && picture.layout) {
      const { units, color_map } = frame.header;
      const name = this.host.state().color_map ?? color_map ?? 'viridis';
      this.bar.show(picture.look, units, frame.range(), { name, maps: this.host.source.colorMaps, frame });
    }
  }

  private visible(what: 'cells' | 'line' | 'single' | null): void {
    this.axes.hidden = what === null || what === 'single';
    if (what !== 'cells') {
      this.picture.rim.hide();
    }
    this.picture.painter.canvas.hidden = this.bar.element.hidden = what !== 'cells';
    this.overlay.hidden = this.axes.hidden;
    this.single.hidden = what !== 'single';
  }

  /** A message instead of the picture: what was there is not to be taken for the answer. */
  private fail(text: string, canRetry: boolean): void {
    this.frame = null;
    this.cell = null;
    this.mark.hidden = true;
    this.visible(null);
    this.message.fault(text, canRetry);
    this.host.failed(this, text);
  }

  private stop(): void {
    this.store.cancel();
    this.message.fault('Stopped.', true);
  }

  private retry(): void {
    this.message.hide();
    if (this.subject) {
      this.want(this.subject, []);
    }
  }

  /** Read a cell out; with a mark when it was chosen by key. */
  point(cell: number | null, marked: boolean): void {
    this.cell = cell;
    const at = cell === null || this.axes.hidden ? null : this.picture.locate(cell);
    const shown = at !== null && (marked || this.picture.line !== null);
    if (this.mark.hidden === shown) {
      this.mark.hidden = !shown;
    }
    if (shown) {
      this.mark.style.transform = `translate(${at[0]}px, ${at[1]}px)`;
    }
  }

  /** CSS pixels of the whole picture. */
  get size(): { width: number; height: number } {
    const { width, height } = this.picture.layout ?? this.picture.line ?? { width: this.width, height: 60 };
    return { width, height };
  }

  /** Settled when the best frame of what is wanted is shown. */
  async still(): Promise<void> {
    if (this.request) {
      this.show(await this.store.best(this.request), this.request);
    }
  }

  /** Draw it at another size; a finer frame is asked for where the size is worth it. */
  async compose(context: CanvasRenderingContext2D, theme: Theme, width: number, height: number): Promise<void> {
    const { frame, request } = this;
    if (!frame || !request || frame.header.kind === 'value') {
      context.font = theme.font;
      context.fillStyle = theme.ink;
      context.fillText(frame ? valueText(frame.value(0), frame.header.units) : '', 0, 12, width);
      return;
    }
    const ratio = context.getTransform().a;
    const finer = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    // The request is for the plot's box, the size is that of all: margins have no cells.
    const held = 1.2 * (request.width + MARGINS * ratio);
    const rich = Math.max(...(frame.header.factors ?? [1])) <= 1 || finer.width <= held;
    const best = await this.store.best(rich || !this.host.source.ask ? request : { ...request, ...finer });
    const box = this.picture.compose(context, theme, this.host.state(), best, width, height);
    if (box) {
      // The bar draws in the colours of its element: those of the screen's theme.
      const { style } = this.bar.element;
      style.color = theme.ink;
      style.setProperty('--portal-viewer-line', theme.faint);
      this.bar.draw(context, box);
      style.color = '';
      style.removeProperty('--portal-viewer-line');
    }
  }

  /** What the read-out says. */
  get reading(): string {
    return this.cell === null || !this.frame ? '' : this.picture.describe(this.cell);
  }

  /** Notes on what is seen. */
  get notes(): string[] {
    const { frame, picture } = this;
    const { layout, geometry } = picture;
    const stretched = frame && layout && geometry ? stretchNote(frame.header, layout, geometry, this.host.state()) : '';
    return [...(frame?.header.notes ?? []), stretched].filter(Boolean);
  }
}
