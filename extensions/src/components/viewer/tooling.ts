/** What the tools may see of the view and do to it. */
import type { FrameSource, VariableView } from './frame';
import type { ToolHost } from './hosts';
import type { Pane } from './pane';
import type { ViewState } from './state';

export interface Tooled {
  source: FrameSource;
  panes(): Pane[];
  panel: HTMLElement;
  state(): ViewState;
  change(partial: Partial<ViewState>): void;
  view(): VariableView | null;
}

export function toolHost({ source, panes, panel, state, change, view }: Tooled): ToolHost {
  return {
    source,
    ask: source.ask ?? null,
    panel,
    state,
    change,
    view,
    pictures: () =>
      panes().map(({ overlay, frame, picture }) => ({
        overlay,
        frame,
        geometry: picture.geometry,
        plane: picture.plane,
        cellAt(x, y) {
          const box = picture.layout?.box;
          return box ? picture.cellAt(x + box.left, y + box.top) : null;
        }
      }))
  };
}
