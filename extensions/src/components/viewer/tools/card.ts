/** The parts of a tool's panel: a titled card, a choice, a line that says how far a reading is. */
import { button, h } from '../../dom';
import type { Along } from './asked';
import type { Stream } from './stream';

const SUPPRESS = { 'data-lm-suppress-shortcuts': 'true' };

export interface Card {
  readonly element: HTMLElement;
  readonly actions: HTMLElement;
  readonly body: HTMLElement;
}

export function card(title: string, close: () => void): Card {
  const actions = h('span', { class: 'portal-card-actions' });
  const closing = small('Close', close, `Close ${title}`);
  const head = h('header', { class: 'portal-card-head' }, h('h4', {}, title), actions, closing);
  const body = h('div', { class: 'portal-card-body' });
  const element = h('section', { class: 'portal-card', 'aria-label': title, hidden: true }, head, body);
  return { element, actions, body };
}

export function small(text: string, click: () => void, name = text): HTMLButtonElement {
  return button(text, click, { class: 'portal-viewer-small', 'aria-label': name, ...SUPPRESS });
}

/** A choice of a dimension. */
export function dimensionChoice(
  label: string,
  changed: () => void
): { element: HTMLElement; readonly value: string; offer(dims: Along[], none?: string): void } {
  const select = h('select', { 'aria-label': label, ...SUPPRESS });
  select.addEventListener('change', changed);
  let offered = '';
  return {
    element: h('label', {}, `${label} `, select),
    get value() {
      return select.value;
    },
    /** Keep what is chosen where it is offered still. */
    offer(dims, none) {
      const text = JSON.stringify([dims, none]);
      if (text !== offered) {
        offered = text;
        const { value } = select;
        const options = dims.map(({ dim, title }) => h('option', { value: dim }, title));
        select.replaceChildren(...(none === undefined ? [] : [h('option', { value: '' }, none)]), ...options);
        select.value = dims.some(({ dim }) => dim === value) ? value : (select.options[0]?.value ?? '');
      }
    }
  };
}

/** How far a reading is, with a way to stop it. */
export function reading(): { element: HTMLElement; show(stream: Stream | null): void } {
  let shown: Stream | null = null;
  const text = h('span', {});
  const stop = small('Stop', () => {
    shown?.stop();
    show(shown);
  }, 'Stop reading');
  const element = h('span', { class: 'portal-reading' }, text, stop);
  const show = (stream: Stream | null) => {
    shown = stream;
    text.textContent = stream?.status ?? '';
    stop.hidden = stream?.state !== 'running';
    element.classList.toggle('portal-failed', stream?.state === 'failed');
    element.dataset.state = stream?.state ?? '';
  };
  return { element, show };
}

/** Four numbers for the ends of a box or a line. */
export function endsForm(
  names: [string, string, string, string],
  changed: (ends: [number, number, number, number]) => void
): { element: HTMLElement; show(ends: ArrayLike<number> | null): void } {
  const fields = names.map(name => h('input', { type: 'number', step: 'any', 'aria-label': name, required: true, ...SUPPRESS }));
  const apply = h('button', { type: 'submit', class: 'portal-viewer-small' }, 'Show');
  const labels = fields.map((field, i) => h('label', {}, names[i], field));
  const element = h('form', { class: 'portal-ends' }, ...labels, apply);
  element.addEventListener('submit', event => {
    event.preventDefault();
    const [a, b, c, d] = fields.map(field => field.valueAsNumber);
    changed([a, b, c, d]);
  });
  return {
    element,
    show: ends => {
      fields.forEach((field, i) => {
        if (ends && field !== document.activeElement) {
          field.value = String(Number(ends[i].toPrecision(7)));
        }
      });
    }
  };
}
