/** One labelled slider per remaining dimension. */
import { h } from '../dom';
import type { Dimension } from './frame';

export interface Slider {
  readonly root: HTMLElement;
  readonly value: number;
  /** Show the text of a step that came with a frame (long dimensions have no texts of their own). */
  show(index: number, label: string): void;
}

export function createSlider(dimension: Dimension, start: number, changed: () => void): Slider {
  const id = `portal-slider-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
  const input = h('input', {
    id,
    type: 'range',
    min: '0',
    max: String(dimension.size - 1),
    step: '1',
    class: 'portal-viewer-range',
    'data-lm-suppress-shortcuts': 'true',
    'data-portal-dim': dimension.name
  });
  input.value = String(start);
  const output = h('output', { for: id, class: 'portal-viewer-step' });
  const label = h('label', { for: id });
  label.textContent = dimension.title;
  const root = h('div', { class: 'portal-viewer-slider' });
  const fixed = dimension.size === 1;
  root.append(label, ...(fixed ? [] : [input]), output);

  const write = (text: string) => {
    const units = dimension.kind === 'number' && dimension.units ? ` ${dimension.units}` : '';
    output.textContent = text + units;
    input.setAttribute('aria-valuetext', text + units);
  };
  const own = () => {
    const i = Number(input.value);
    write(dimension.labels ? dimension.labels[i] : `${i + 1} of ${dimension.size}`);
  };
  input.addEventListener('input', () => {
    own();
    changed();
  });
  own();
  return {
    root,
    get value() {
      return Number(input.value);
    },
    show(index, text) {
      if (!dimension.labels && index === Number(input.value)) {
        write(text);
      }
    }
  };
}
