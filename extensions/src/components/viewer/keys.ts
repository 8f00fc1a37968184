/** What keys do on a picture, and the panel that says so. */
import { h } from '../dom';

export interface KeyActions {
  move(dx: number, dy: number): void;
  pan(dx: number, dy: number): void;
  zoom(factor: number): void;
  reset(): void;
  step(by: number): void;
  play(): void;
  help(): void;
  table(): void;
  undo(): void;
  redo(): void;
  escape(): void;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
};

export const KEYS: [string, string][] = [
  ['Arrows', 'move the read-out from cell to cell'],
  ['Shift + arrows', 'move the part that is seen'],
  ['+ and −', 'zoom in and out'],
  ['0', 'see all'],
  ['[ and ]', 'step the first slider'],
  ['Space', 'play, or pause'],
  ['Enter', 'pick the place of the read-out'],
  ['T', 'the numbers as a table'],
  ['Ctrl + Z', 'undo'],
  ['Ctrl + Shift + Z', 'redo'],
  ['Esc', 'put the read-out away, close what is open'],
  ['?', 'these keys']
];

export const POINTER: [string, string][] = [
  ['Drag', 'move the part that is seen; a globe turns'],
  ['Shift + drag', 'zoom to a box'],
  ['Wheel', 'zoom, when the picture was clicked or Ctrl is held'],
  ['Double click', 'see all'],
  ['Click', 'the series or profile at that place']
];

/** Do what a key asks for; false when it asks for nothing here. */
export function onKey(event: KeyboardEvent, actions: KeyActions): boolean {
  const control = event.ctrlKey || event.metaKey;
  const arrow = ARROWS[event.key];
  if (control) {
    const key = event.key.toLowerCase();
    if (key === 'z') {
      (event.shiftKey ? actions.redo : actions.undo)();
    } else if (key === 'y') {
      actions.redo();
    } else {
      return false;
    }
  } else if (event.altKey) {
    return false;
  } else if (arrow) {
    (event.shiftKey ? actions.pan : actions.move)(...arrow);
  } else {
    const act: Record<string, () => void> = {
      '+': () => actions.zoom(1.5),
      '=': () => actions.zoom(1.5),
      '-': () => actions.zoom(1 / 1.5),
      _: () => actions.zoom(1 / 1.5),
      '0': actions.reset,
      '[': () => actions.step(-1),
      ']': () => actions.step(1),
      ' ': actions.play,
      t: actions.table,
      '?': actions.help,
      Escape: actions.escape
    };
    const found = act[event.key];
    if (!found) {
      return false;
    }
    found();
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}

export function helpPanel(): HTMLElement {
  const list = (rows: [string, string][]) =>
    h('dl', {}, ...rows.flatMap(([key, does]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, does)]));
  return h(
    'div',
    { class: 'portal-viewer-help', role: 'region', 'aria-label': 'Keys', hidden: true },
    h('h4', {}, 'On the picture'),
    h('div', {}, list(KEYS), list(POINTER))
  );
}
