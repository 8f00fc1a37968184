/** What the tools may see of the view and do to it. */
import type { FrameSource, VariableView } from './frame';
import type { ToolHost } from './hosts';
import type { Pane } from './pane';
import type { ViewState } from './state';

export interface Tooled {
  source: FrameSource;
  pane: Pane;
  panel: HTMLElement;
  state(): ViewState;
  change(partial: Partial<ViewState>): void;
  view(): VariableView | null;
}

export function toolHost({ source, pane, panel, state, change, view }: Tooled): ToolHost {
  return {
    source,
    ask: source.ask ?? null,
    overlay: pane.overlay,
    panel,
    state,
    change,
    view,
    frame: () => pane.frame,
    geometry: () => pane.picture.geometry,
    plane: () => pane.picture.plane,
    describe: cell => pane.picture.describe(cell),
    cellAt(x, y) {
      const box = pane.picture.layout?.box;
      return box ? pane.picture.cellAt(x + box.left, y + box.top) : null;
    }
  };
}
