/** The viewer: pictures, sliders, read-out and tools around one state. All faces show this one. */
import { h, onTheme } from '../dom';
import { FrameCache } from './cache';
import { takeHost } from './compose';
import type { Frame, FrameSource, VariableView } from './frame';
import { isGeographic } from './geometry';
import type { Tools } from './hosts';
import { onKey } from './keys';
import { keepLast } from './last';
import { Motion } from './motion';
import { Pane } from './pane';
import { Play } from './playing';
import { listen } from './pointer';
import { Readout } from './readout';
import { Sliders } from './sliders';
import { firstState, History, isSame, merged, type ViewState } from './state';
import { captionOf, headingOf, positionsOf, subjectOf, titled } from './subject';
import { createTake } from './take/take';
import { createToolbar } from './toolbar';
import { toolHost } from './tooling';
import { createTools } from './tools/tools';
import { Words } from './words';

/** Milliseconds after the last picture until what need not keep up with it is done. */
const REST = 220;
/** Part of the picture that a key moves it by. */
const STRIDE = 0.15;

export function createViewer(host: HTMLElement, source: FrameSource, cache = new FrameCache()): () => void {
  const viewer = new Viewer(host, source, cache);
  return () => viewer.dispose();
}

class Viewer {
  private readonly root = h('section', { class: 'portal-viewer', role: 'group' });
  private readonly heading = h('h3', { class: 'portal-viewer-title' });
  private readonly area = h('div', { class: 'portal-viewer-panes' });
  private readonly panel = h('div', { class: 'portal-viewer-below' });
  private readonly words: Words;
  private readonly readout: Readout;
  private readonly sliders: Sliders;
  private readonly play: Play;
  private readonly toolbar;
  private readonly tools: Tools;
  private readonly main: Pane;
  private second: Pane | null = null;
  private readonly history = new History();
  private readonly motion = new Motion();
  private readonly waiting = new Set<Pane>();
  private readonly stops: (() => void)[] = [];
  private state: ViewState;
  private resting: ReturnType<typeof setTimeout> | undefined;
  private keeping: ReturnType<typeof setTimeout> | undefined;

  constructor(
    host: HTMLElement,
    private readonly source: FrameSource,
    private readonly cache: FrameCache
  ) {
    this.state = merged(firstState(source.description.default), source.state ?? {});
    this.readout = new Readout(source.ask ?? null, () => this.state);
    this.words = new Words(source.notes);
    this.play = new Play(this.motion, {
      step: (dim, index) => this.go({ ...this.state, index: { ...this.state.index, [dim]: index } }),
      where: dim => this.whereOf(dim),
      changed: dim => this.sliders.mark(dim)
    });
    this.sliders = new Sliders({
      moved: (dim, index) => {
        this.play.stop();
        this.change({ index: { ...this.state.index, [dim]: index } }, `index ${dim}`);
      },
      play: dim => this.startPlaying(dim),
      speed: speed => this.change({ speed }),
      loop: on => (this.play.loops = on)
    });
    this.toolbar = createToolbar(source, {
      change: partial => this.change(partial),
      zoom: factor => this.zoom(factor),
      reset: () => this.reset(),
      undo: () => this.restore(this.history.undo(this.state)),
      redo: () => this.restore(this.history.redo(this.state)),
      table: () => this.words.toggleTable(this.titles),
      help: () => this.words.toggleHelp()
    });
    this.main = this.addPane();
    const whole = takeHost({
      source,
      panes: () => this.panes,
      state: () => this.state,
      title: () => this.heading.textContent ?? '',
      still: index => this.still(index)
    });
    this.stops.push(keepLast(this.root, whole));
    this.tools = createTools(
      toolHost({
        source,
        panes: () => this.panes,
        panel: this.panel,
        state: () => this.state,
        change: partial => this.change(partial),
        view: () => this.view
      })
    );
    this.toolbar.slots.append(this.tools.element, createTake(whole).element);
    const head = h('header', { class: 'portal-viewer-head' }, this.heading, this.toolbar.variable);
    this.root.append(head, this.toolbar.element, this.area, this.readout.element, this.sliders.element);
    this.root.append(this.panel, ...this.words.elements);
    host.append(this.root);
    this.watch();
    this.arrange();
    this.ask();
  }

  dispose(): void {
    clearTimeout(this.resting);
    clearTimeout(this.keeping);
    this.play.stop();
    this.readout.dispose();
    this.tools.dispose();
    this.panes.forEach(pane => pane.dispose());
    this.stops.forEach(stop => stop());
    this.root.remove();
  }

  private get panes(): Pane[] {
    return this.second ? [this.main, this.second] : [this.main];
  }

  /** The variable that is shown. */
  private get view(): VariableView | null {
    return subjectOf(this.source, this.state, false)?.view ?? null;
  }

  private addPane(): Pane {
    const pane = new Pane({
      source: this.source,
      cache: this.cache,
      state: () => this.state,
      change: partial => this.change(partial),
      painted: (of, frame) => this.painted(of, frame),
      arranged: () => this.tools.drawn(),
      failed: (of, text) => this.failed(of, text)
    });
    this.area.append(pane.root);
    listen(pane, {
      over: (of, cell) => this.readout.over(this.panes, of, cell, false),
      change: partial => this.change(partial),
      reset: () => this.reset(),
      tool: (event, of, x, y) => this.tools.pointer(event, this.panes.indexOf(of), x, y),
      hint: text => this.readout.hint(text)
    });
    pane.axes.addEventListener('keydown', event => this.key(event, pane));
    pane.axes.addEventListener('blur', () => this.readout.over(this.panes, pane, null, false));
    return pane;
  }

  private watch(): void {
    const size = new ResizeObserver(() => this.panes.forEach(pane => pane.resized(() => this.ask())));
    size.observe(this.area);
    this.stops.push(
      () => size.disconnect(),
      onTheme(() => this.panes.forEach(pane => pane.themed()))
    );
    for (const [name, held] of [['pointerdown', true], ['pointerup', false], ['pointercancel', false]] as const) {
      this.root.addEventListener(name, () => (this.history.held = held), true);
    }
    const stop = this.source.watch?.(state => this.change(state, 'set'));
    this.stops.push(stop ?? (() => undefined));
    this.root.addEventListener('keydown', event => {
      const typing = event.target instanceof HTMLInputElement && event.target.type !== 'range';
      if ((event.ctrlKey || event.metaKey) && !typing && !event.defaultPrevented) {
        this.key(event, this.main);
      }
    });
  }

  /** Show something else; it can be undone. `what` is the same for what belongs together. */
  private change(partial: Partial<ViewState>, what = Object.keys(partial).join()): void {
    const next = merged(this.state, partial);
    if (!isSame(next, this.state)) {
      this.history.leave(this.state, what, next);
      this.go(next);
    }
  }

  private restore(state: ViewState | null): void {
    if (state) {
      this.play.stop();
      this.go(state);
    }
  }

  /** Show a state; true when all of it is painted at once. */
  private go(next: ViewState): boolean {
    const was = this.state;
    this.state = next;
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.source.keep?.(this.state), REST);
    const changed = (...keys: (keyof ViewState)[]) => keys.some(key => !isSame(was[key], next[key]));
    let painted = true;
    if (changed('variable', 'x', 'y', 'compare')) {
      this.motion.stop();
      this.readout.clear(this.panes);
      this.arrange();
      painted = this.ask();
    } else if (changed('index')) {
      this.motion.moved(was.index, next.index);
      this.showSliders();
      painted = this.ask();
    } else if (changed('window', 'projection', 'center', 'scale')) {
      this.panes.forEach(pane => pane.moved(() => this.ask()));
    } else {
      this.panes.forEach(pane => changed('color_map', 'limits', 'coasts') && pane.redraw());
      this.tools.drawn();
    }
    if (!this.play.dim) {
      this.showToolbar();
    }
    this.play.speed = next.speed;
    return painted;
  }

  /** Everything that follows from which variables are shown on which axes. */
  private arrange(): void {
    const { state, source } = this;
    const subject = subjectOf(source, state, false);
    const beside = subjectOf(source, state, true);
    if (beside && !this.second) {
      this.second = this.addPane();
    } else if (!beside && this.second) {
      this.second.dispose();
      this.second = null;
    }
    this.area.classList.toggle('portal-viewer-two', this.second !== null);
    this.heading.textContent = headingOf(source, state);
    this.root.setAttribute('aria-label', `View of ${this.heading.textContent}`);
    for (const [pane, of] of [[this.main, subject], [this.second, beside]] as const) {
      if (pane) {
        pane.caption.hidden = !this.second;
        pane.axes.setAttribute('aria-label', of ? titled(of.view) : 'Picture');
        pane.caption.textContent = of ? captionOf(of) : '';
      }
    }
    this.showSliders();
    this.showToolbar();
  }

  private showSliders(): void {
    const subject = subjectOf(this.source, this.state, false);
    if (subject) {
      const { index, dimensions } = positionsOf(this.source, subject, this.state);
      this.sliders.show(dimensions, index, this.state.speed);
    }
  }

  private showToolbar(): void {
    const { view } = this;
    const { geometry } = this.main.picture;
    const map = geometry ? isGeographic(geometry) : view?.kind === 'map' && !this.state.x && !this.state.y;
    this.toolbar.show(this.state, { view, map, undo: this.history.canUndo, redo: this.history.canRedo });
  }

  /** Ask for what the state says; true when it is painted at once. */
  private ask(): boolean {
    this.waiting.clear();
    for (const [pane, second] of [[this.main, false], [this.second, true]] as const) {
      const subject = pane && subjectOf(this.source, this.state, second);
      if (pane && subject) {
        const { index, sizes } = positionsOf(this.source, subject, this.state);
        this.waiting.add(pane);
        if (pane.want(subject, this.motion.ahead(index, sizes))) {
          this.waiting.delete(pane);
        }
      } else if (pane === this.main) {
        this.main.message.fault('This dataset has no variable to show.', false);
        this.failed(this.main, 'This dataset has no variable to show.');
      }
    }
    return this.waiting.size === 0;
  }

  private async still(index: Record<string, number>): Promise<void> {
    this.play.stop();
    this.go({ ...this.state, index });
    await Promise.all(this.panes.map(pane => pane.still()));
  }

  private painted(pane: Pane, frame: Frame): void {
    const { variable, index, labels, stamps } = frame.header;
    const { quality } = frame;
    if (pane === this.main) {
      this.sliders.label(index, labels);
      this.root.removeAttribute('data-portal-problem');
      this.root.setAttribute('data-portal-frame', JSON.stringify({ variable, index, quality }));
      this.root.setAttribute('data-portal-painter', pane.picture.painter.kind);
      const detail = { variable, index, quality, stamps: stamps ?? {} };
      this.root.dispatchEvent(new CustomEvent('portal-painted', { detail, bubbles: true, composed: true }));
    } else {
      pane.root.setAttribute('data-portal-frame', JSON.stringify({ variable, index, quality }));
    }
    this.readout.again(this.panes);
    if (this.waiting.delete(pane) && this.waiting.size === 0) {
      this.play.painted();
    }
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
  }

  /** Nothing moves: do what a step has no time for. */
  private rest(): void {
    this.panes.forEach(pane => pane.settle());
    this.tools.drawn();
    this.words.say(this.titles, this.play.dim !== null);
    this.showToolbar();
  }

  private get titles(): [Pane, string][] {
    const title = this.heading.textContent ?? '';
    return this.panes.map(pane => [pane, pane === this.main && !this.second ? title : (pane.caption.textContent ?? '')]);
  }

  private failed(pane: Pane, text: string): void {
    this.play.stop();
    this.readout.clear(this.panes);
    if (pane === this.main) {
      this.words.clear();
      this.root.removeAttribute('data-portal-frame');
      this.root.setAttribute('data-portal-problem', text);
    }
  }

  private key(event: KeyboardEvent, pane: Pane): void {
    if (this.tools.key(event, this.panes.indexOf(pane), pane.cell)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    onKey(event, {
      move: (dx, dy) => this.readout.over(this.panes, pane, pane.picture.step(pane.cell, dx, dy), true),
      pan: (dx, dy) => {
        const { plane } = pane.picture;
        this.change(plane?.pan(-dx * STRIDE * plane.width, -dy * STRIDE * plane.height) ?? {});
      },
      zoom: factor => this.zoom(factor),
      reset: () => this.reset(),
      step: by => this.step(by),
      play: () => this.sliders.first && this.startPlaying(this.sliders.first.name),
      help: () => this.words.toggleHelp(),
      table: () => this.words.toggleTable(this.titles),
      undo: () => this.restore(this.history.undo(this.state)),
      redo: () => this.restore(this.history.redo(this.state)),
      escape: () => {
        this.words.close();
        this.readout.clear(this.panes);
      }
    });
  }

  /** About the read-out, else about the middle. */
  private zoom(factor: number): void {
    const { plane, layout } = this.main.picture;
    if (plane && layout) {
      const at = this.main.cell === null ? null : this.main.picture.locate(this.main.cell);
      const [x, y] = at
        ? [(at[0] - layout.box.left) * layout.ratio, (at[1] - layout.box.top) * layout.ratio]
        : [plane.width / 2, plane.height / 2];
      this.change(plane.zoom(factor, x, y));
    }
  }

  private reset(): void {
    this.change({ window: null, center: [0, 0] });
  }

  private step(by: number): void {
    const dim = this.sliders.first;
    if (dim) {
      const at = this.whereOf(dim.name).index + by;
      const index = { ...this.state.index, [dim.name]: Math.max(0, Math.min(dim.size - 1, at)) };
      this.play.stop();
      this.change({ index }, `index ${dim.name}`);
    }
  }

  private whereOf(dim: string): { index: number; size: number } {
    const subject = subjectOf(this.source, this.state, false);
    const found = subject && positionsOf(this.source, subject, this.state);
    return { index: found?.index[dim] ?? 0, size: found?.sizes[dim] ?? 0 };
  }

  private startPlaying(dim: string): void {
    if (this.play.dim !== dim) {
      this.history.leave(this.state, `play ${dim}`);
    }
    this.play.toggle(dim);
    this.showToolbar();
  }
}
