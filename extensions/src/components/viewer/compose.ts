/** The pictures at any size on any canvas-like context, for what is taken away. */
import type { TakeHost } from './hosts';
import type { Pane } from './pane';
import type { Theme } from './plot';
import type { FrameSource } from './frame';
import type { ViewState } from './state';

/** For paper, whatever the theme of the screen. */
const PAPER: Theme = {
  ink: '#111',
  quiet: '#333',
  faint: '#777',
  accent: '#1565c0',
  empty: '#e9e9e9',
  font: '11px sans-serif'
};
const GAP = 16;
const CAPTION = 18;

export interface Composed {
  source: FrameSource;
  panes(): Pane[];
  state(): ViewState;
  title(): string;
  /** Show these steps; settled when they are painted in full quality. */
  still(index: Record<string, number>): Promise<void>;
}

export function takeHost(of: Composed): TakeHost {
  return {
    source: of.source,
    ask: of.source.ask ?? null,
    state: of.state,
    pinned: () => pinned(of),
    title: of.title,
    still: of.still,
    size() {
      const sizes = of.panes().map(pane => pane.size);
      const beside = sizes.length > 1;
      return {
        width: sizes.reduce((sum, s) => sum + s.width, beside ? GAP : 0),
        height: Math.max(...sizes.map(s => s.height)) + (beside ? CAPTION : 0)
      };
    },
    async compose(context, width, height) {
      const panes = of.panes();
      const beside = panes.length > 1;
      const across = beside ? (width - GAP) / 2 : width;
      const top = beside ? CAPTION : 0;
      for (const [i, pane] of panes.entries()) {
        context.save();
        context.translate(i * (across + GAP), 0);
        if (beside) {
          context.font = `600 ${PAPER.font}`;
          context.fillStyle = PAPER.ink;
          context.textAlign = 'left';
          context.textBaseline = 'top';
          context.fillText(pane.caption.textContent ?? '', 0, 2, across);
          context.translate(0, top);
        }
        await pane.compose(context, PAPER, across, height - top);
        context.restore();
      }
    }
  };
}

/** Two pictures side by side have limits each of their own, categories have none. */
function pinned(of: Composed): ViewState {
  const state = of.state();
  const look = of.panes()[0].picture.look;
  const [low, high] = look && !look.categories ? look.limits : [NaN, NaN];
  const known = of.panes().length === 1 && Number.isFinite(high - low) && low < high;
  return known ? { ...state, limits: [low, high] } : state;
}
