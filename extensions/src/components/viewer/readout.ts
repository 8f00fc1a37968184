/** The line that says what lies under the pointer, in one picture or at the same place in two. */
import { h } from '../dom';
import type { Ask } from './ask';
import type { Pane } from './pane';
import { atOf, middleOf } from './place';
import type { ViewState } from './state';

/** Milliseconds on one cell after which its exact value is asked for. */
const REFINE = 300;
const NOTHING = '\u00a0';

export class Readout {
  readonly element = h('p', { class: 'portal-viewer-readout', 'aria-live': 'polite' }, NOTHING);
  private exact = '';
  private refining: ReturnType<typeof setTimeout> | undefined;
  private asked: AbortController | null = null;

  constructor(
    private readonly ask: Ask | null,
    private readonly state: () => ViewState
  ) {}

  dispose(): void {
    this.forget();
  }

  /** Read out a cell of one pane, and what the others have at its place. */
  over(panes: Pane[], pane: Pane, cell: number | null, marked: boolean): void {
    if (marked) {
      panes.forEach(p => (p.pointer = null));
    } else if (cell === pane.cell) {
      return;
    }
    this.forget();
    pane.point(cell, marked);
    const { geometry, plane } = pane.picture;
    const place = cell !== null && geometry && plane ? middleOf(geometry, cell, plane) : null;
    for (const other of panes) {
      if (other !== pane) {
        const at = place && other.picture.plane?.toPixel(...place);
        const { layout } = other.picture;
        const found = at && layout && other.picture.cellAt(layout.box.left + at[0] / layout.ratio, layout.box.top + at[1] / layout.ratio);
        other.point(found ?? null, found !== undefined && found !== null);
      }
    }
    this.write(panes);
    if (cell !== null && this.ask) {
      this.refining = setTimeout(() => void this.refine(panes, pane), REFINE);
    }
  }

  /** The frame is another, the place the same. */
  again(panes: Pane[]): void {
    const pane = panes.find(p => p.pointer !== null);
    const cell = pane?.picture.cellAt(...pane.pointer!) ?? null;
    if (pane && cell !== pane.cell) {
      this.over(panes, pane, cell, false);
    } else if (panes.some(pane => pane.cell !== null)) {
      this.forget();
      this.write(panes);
    }
  }

  clear(panes: Pane[]): void {
    this.forget();
    panes.forEach(pane => pane.point(null, false));
    this.write(panes);
  }

  hint(text: string): void {
    this.set(text);
  }

  private forget(): void {
    clearTimeout(this.refining);
    this.asked?.abort();
    this.asked = null;
    this.exact = '';
  }

  private write(panes: Pane[]): void {
    const several = panes.length > 1;
    const parts = panes
      .filter(pane => pane.reading)
      .map(pane => (several ? `${pane.caption.textContent}: ${pane.reading}` : pane.reading));
    this.set(parts.join(' · ') + this.exact);
  }

  private set(text: string): void {
    const shown = text || NOTHING;
    if (this.element.textContent !== shown) {
      this.element.textContent = shown;
    }
  }

  /** The number of the array itself, where what was sent is rounded or a mean. */
  private async refine(panes: Pane[], pane: Pane): Promise<void> {
    const { frame, cell } = pane;
    const geometry = frame?.geometry;
    const at = geometry && cell !== null ? atOf(geometry, cell) : null;
    if (!frame || !at || this.state().compare || !this.ask || frame.header.encoding.dtype === 'f64') {
      return;
    }
    this.asked = new AbortController();
    const { signal } = this.asked;
    const { variable, index } = frame.header;
    try {
      const { result } = await this.ask('value', { variable, index, at }, { signal });
      const { text, units } = result as { text: string; units: string };
      if (!signal.aborted && pane.frame === frame && pane.cell === cell) {
        const mean = Math.max(...(frame.header.factors ?? [1])) > 1;
        const rounded = !this.element.textContent?.startsWith(text);
        this.exact = mean ? ` · the cell there: ${text} ${units}`.trimEnd() : rounded ? ` · exactly ${text}` : '';
        this.write(panes);
      }
    } catch {
      // The rounded value stays: the store that failed is reported by the next picture.
      this.exact = '';
    }
  }
}
