/** What the viewer offers to the tools drawn over its picture and to the menu that takes it away. */
import type { Ask } from './ask';
import type { Frame, FrameSource, VariableView } from './frame';
import type { Plane } from './geo/plane';
import type { Geometry } from './geometry';
import type { ViewState } from './state';

export interface ToolPicture {
  /** Covers exactly the plot's box; children are placed in CSS pixels of it. */
  readonly overlay: HTMLElement;
  readonly frame: Frame | null;
  readonly geometry: Geometry | null;
  readonly plane: Plane | null;
  /** Cell of the frame under a point of the plot's box (CSS pixels from its corner). */
  cellAt(x: number, y: number): number | null;
}

export interface ToolHost {
  readonly source: FrameSource;
  state(): ViewState;
  /** Show something else; it can be undone. */
  change(partial: Partial<ViewState>): void;
  /** The variable that is shown. */
  view(): VariableView | null;
  /** One, or the two that are compared. */
  pictures(): ToolPicture[];
  /** Null on a page without a kernel. */
  readonly ask: Ask | null;
  /** Below the picture, for charts and tables. */
  readonly panel: HTMLElement;
}

export interface Tools {
  /** Its part of the toolbar. */
  readonly element: HTMLElement;
  /** Take a pointer event over the plot of a picture (CSS pixels from the box's corner); true when it was used. */
  pointer(event: PointerEvent, picture: number, x: number, y: number): boolean;
  /** Take a key pressed on a picture; `cell` is that of the read-out. True when it was used. */
  key(event: KeyboardEvent, picture: number, cell: number | null): boolean;
  /** The picture, the plane or the state has changed. */
  drawn(): void;
  dispose(): void;
}

export interface TakeHost {
  readonly source: FrameSource;
  state(): ViewState;
  /** The state with the limits that were chosen for the reader: they depend on what was read. */
  pinned(): ViewState;
  title(): string;
  /** CSS pixels of the whole picture, axes and bar included. */
  size(): { width: number; height: number };
  /** Draw the whole picture at a size (CSS pixels × scale) onto any canvas-like context. */
  compose(context: CanvasRenderingContext2D, width: number, height: number): Promise<void>;
  /** Show these steps in full quality; settled when they are painted. */
  still(index: Record<string, number>): Promise<void>;
  readonly ask: Ask | null;
}

export interface Take {
  readonly element: HTMLElement;
}
