/** One labelled slider per remaining dimension, with steps to either side and a number to type. */
import { button, h } from '../dom';
import type { Dimension } from './frame';

export interface SliderEvents {
  moved(dim: string, index: number): void;
  /** Play along this dimension, or stop. */
  play(dim: string): void;
}

export interface Slider {
  readonly root: HTMLElement;
  readonly dimension: Dimension;
  /** Show a position; the text of a step of a long dimension comes with its frame. */
  show(index: number, label?: string): void;
  /** Say whether it is being played. */
  playing(on: boolean): void;
  focus(): void;
}

const SUPPRESS = { 'data-lm-suppress-shortcuts': 'true' };

export function createSlider(dimension: Dimension, start: number, events: SliderEvents): Slider {
  const { name, title, size, labels } = dimension;
  const id = `portal-slider-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
  const input = h('input', {
    id,
    type: 'range',
    min: '0',
    max: String(size - 1),
    step: '1',
    class: 'portal-viewer-range',
    'data-portal-dim': name,
    ...SUPPRESS
  });
  const output = h('output', { for: id, class: 'portal-viewer-step', title: 'Click to type a step' });
  const number = h('input', {
    type: 'number',
    min: '1',
    max: String(size),
    class: 'portal-viewer-number',
    'aria-label': `Step of ${title}, from 1 to ${size}`,
    hidden: true,
    ...SUPPRESS
  });
  const play = quiet('▶', `Play ${title}`, () => events.play(name));
  const back = quiet('‹', `Previous ${title}`, () => go(at - 1));
  const forth = quiet('›', `Next ${title}`, () => go(at + 1));
  const entry = quiet('#', `Type a step of ${title}`, () => type());
  const label = h('label', { for: id }, title);
  const root = h('div', { class: 'portal-viewer-slider' }, label);
  root.append(
    ...(size > 1 ? [h('span', { class: 'portal-viewer-track' }, play, back, input, forth)] : []),
    h('span', { class: 'portal-viewer-value' }, output, number, size > 1 && entry)
  );
  let at = -1;

  function go(index: number): void {
    const next = Math.min(size - 1, Math.max(0, Math.round(index)));
    if (next !== at && Number.isFinite(next)) {
      show(next);
      events.moved(name, next);
    }
  }

  function type(): void {
    number.hidden = false;
    output.hidden = true;
    number.value = String(at + 1);
    number.focus();
    number.select();
  }

  function typed(keep: boolean): void {
    if (number.hidden) {
      return;
    }
    number.hidden = true;
    output.hidden = false;
    if (keep && number.value !== '') {
      go(Number(number.value) - 1);
    }
  }

  function show(index: number, text?: string): void {
    const moved = index !== at;
    at = index;
    const said = labels ? labels[index] : text;
    if (!moved && said === undefined) {
      return;
    }
    const units = dimension.kind === 'number' && dimension.units ? ` ${dimension.units}` : '';
    const written = said === undefined ? `${index + 1} of ${size}` : said + units;
    if (moved && input.value !== String(index)) {
      input.value = String(index);
    }
    output.textContent = written;
    input.setAttribute('aria-valuetext', written);
  }

  input.addEventListener('input', () => go(Number(input.value)));
  output.addEventListener('click', () => size > 1 && type());
  number.addEventListener('blur', () => typed(true));
  number.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      typed(event.key === 'Enter');
      input.focus();
    }
  });
  show(start);
  return {
    root,
    dimension,
    show,
    playing(on) {
      play.textContent = on ? '❚❚' : '▶';
      play.setAttribute('aria-label', `${on ? 'Pause' : 'Play'} ${title}`);
      play.setAttribute('aria-pressed', String(on));
    },
    focus: () => input.focus()
  };
}

function quiet(text: string, name: string, click: () => void): HTMLButtonElement {
  return button(text, click, {
    class: 'portal-viewer-quiet',
    'aria-label': name,
    title: name,
    ...SUPPRESS
  });
}
