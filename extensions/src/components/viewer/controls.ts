/** Buttons, choices and panels that open below a button: the quiet parts of the toolbar. */
import { button, h } from '../dom';
import { icon, type IconName } from './icons';

const SUPPRESS = { 'data-lm-suppress-shortcuts': 'true' };

export function tool(name: IconName, label: string, click: () => void): HTMLButtonElement {
  const node = button('', click, { class: 'portal-viewer-tool', 'aria-label': label, title: label, ...SUPPRESS });
  node.append(icon(name));
  return node;
}

export interface Choice {
  readonly element: HTMLSelectElement;
  /** The options as value and text; nothing is rebuilt when they are the same. */
  offer(options: [string, string][], chosen: string): void;
}

export function choice(label: string, chosen: (value: string) => void): Choice {
  const element = h('select', { 'aria-label': label, title: label, class: 'portal-viewer-choice', ...SUPPRESS });
  element.addEventListener('change', () => chosen(element.value));
  let shown = '';
  return {
    element,
    offer(options, value) {
      const text = JSON.stringify(options);
      if (text !== shown) {
        shown = text;
        element.replaceChildren(...options.map(([v, t]) => h('option', { value: v }, t)));
      }
      element.value = value;
    }
  };
}

/** A button with a panel that opens below it; Escape and a press elsewhere close it. */
export function popover(opener: HTMLButtonElement, panel: HTMLElement, opened: () => void = () => undefined): HTMLElement {
  const root = h('span', { class: 'portal-viewer-popover' }, opener, panel);
  panel.classList.add('portal-viewer-panel');
  const show = (open: boolean) => {
    panel.hidden = !open;
    opener.setAttribute('aria-expanded', String(open));
    if (open) {
      opened();
      panel.querySelector<HTMLElement>('select, input, button')?.focus();
    }
  };
  show(false);
  opener.addEventListener('click', () => show(panel.hidden));
  root.addEventListener('keydown', event => {
    if (event.key === 'Escape' && !panel.hidden) {
      event.stopPropagation();
      show(false);
      opener.focus();
    }
  });
  root.addEventListener('focusout', event => {
    if (!panel.hidden && event.relatedTarget instanceof Node && !root.contains(event.relatedTarget)) {
      show(false);
    }
  });
  return root;
}

const MANY = 15;

/** A choice among many has a field above it that leaves those whose text has the words. */
export function filtered(list: Choice, label: string): { element: HTMLElement; offer: Choice['offer'] } {
  const field = h('input', {
    type: 'search',
    placeholder: 'Filter',
    'aria-label': label,
    class: 'portal-viewer-filter',
    hidden: true,
    ...SUPPRESS
  });
  let all: [string, string][] = [];
  let value = '';
  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ([v, text]: [string, string]) =>
      v === value || words.every(word => text.toLowerCase().includes(word));
    list.offer(all.filter(fits), value);
  };
  field.addEventListener('input', show);
  field.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === 'ArrowDown') {
      event.preventDefault();
      const [first] = all.filter(([v, text]) => v !== value && text.toLowerCase().includes(field.value.toLowerCase()));
      if (event.key === 'Enter' && first && field.value) {
        list.element.value = first[0];
        list.element.dispatchEvent(new Event('change'));
      }
      list.element.focus();
    }
  });
  return {
    element: h('span', { class: 'portal-viewer-variable' }, list.element, field),
    offer(options, chosen) {
      [all, value] = [options, chosen];
      field.hidden = options.length <= MANY;
      list.element.hidden = options.length < 2;
      show();
    }
  };
}
