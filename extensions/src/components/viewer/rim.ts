/** What is seen beyond the cells of a frame, as one pans or zooms out: those of a coarser frame. */
import type { Frame } from './frame';
import { cellMap } from './geo/map';
import type { Plane } from './geo/plane';
import type { Look } from './paint/look';
import { createPainter, NONE } from './paint/painter';

export class Rim {
  private readonly painter = createPainter();

  constructor() {
    this.canvas.hidden = true;
  }

  get canvas(): HTMLCanvasElement {
    return this.painter.canvas;
  }

  hide(): void {
    this.canvas.hidden = true;
  }

  /** Paint the pixels that show no cell of `over`, the map of what lies in the middle. */
  show(frame: Frame, over: Uint32Array, plane: Plane, look: Look): void {
    const { painter } = this;
    const map = cellMap(frame.geometry!, plane);
    for (let i = 0; i < map.length; i++) {
      if (over[i] !== NONE) {
        map[i] = NONE;
      }
    }
    painter.map(map, plane.width, plane.height);
    painter.cells(frame.cells, frame.header.encoding);
    painter.look(look);
    painter.draw();
    this.canvas.hidden = false;
  }

  dispose(): void {
    this.painter.dispose();
  }
}
