/** The list of what was found: arrows move in it, Enter opens. */
import type { Hit } from './backend';
import { h } from './dom';
import { period } from './format';

export interface Results {
  element: HTMLElement;
  show(hits: Hit[]): void;
  append(hits: Hit[]): void;
  /** Move to the result that was last moved to, or the first; false where there is none. */
  focus(): boolean;
  mark(id: string | null): void;
}

export interface ResultsOptions {
  onOpen(id: string): void;
  /** The reader moved up from the first result, or asked to leave. */
  onLeave(): void;
}

/** Make the list. */
export function createResults({ onOpen, onLeave }: ResultsOptions): Results {
  const element = h('ul', {
    role: 'listbox',
    class: 'portal-results',
    'aria-label': 'Datasets',
    'data-testid': 'portal-results'
  });

  const options = () => [...element.children] as HTMLElement[];
  const current = () => options().find(option => option.tabIndex === 0);

  function moveTo(option: HTMLElement | undefined): void {
    if (option) {
      options().forEach(other => (other.tabIndex = other === option ? 0 : -1));
      option.focus();
    }
  }

  element.addEventListener('keydown', event => {
    const all = options();
    const at = all.indexOf(event.target as HTMLElement);
    if (at < 0) {
      return;
    }
    switch (event.key) {
      case 'ArrowDown':
        moveTo(all[at + 1]);
        break;
      case 'ArrowUp':
        if (at === 0) {
          onLeave();
        } else {
          moveTo(all[at - 1]);
        }
        break;
      case 'Home':
        moveTo(all[0]);
        break;
      case 'End':
        moveTo(all.at(-1));
        break;
      case 'Enter':
      case ' ':
        onOpen(all[at]!.dataset['id']!);
        break;
      case 'Escape':
        onLeave();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  function option(hit: Hit): HTMLElement {
    const title = hit.title || hit.id;
    const node = h(
      'li',
      {
        role: 'option',
        class: 'portal-result',
        tabindex: '-1',
        'aria-selected': 'false',
        'aria-label': [title, hit.facility, period(hit.start, hit.end)].filter(Boolean).join(', '),
        'data-testid': 'portal-result',
        'data-id': hit.id
      },
      h('div', { class: 'portal-result-title' }, title),
      h(
        'div',
        { class: 'portal-meta' },
        h('span', { class: 'portal-badge' }, hit.facility),
        h('span', {}, period(hit.start, hit.end)),
        h('span', {}, hit.license === 'other' ? '' : hit.license)
      ),
      hit.variables.length
        ? h(
            'div',
            { class: 'portal-quiet portal-one-line', title: hit.variables.join(', ') },
            hit.variables.join(', ')
          )
        : ''
    );
    node.addEventListener('click', () => {
      moveTo(node);
      onOpen(hit.id);
    });
    return node;
  }

  return {
    element,
    show(hits) {
      element.replaceChildren(...hits.map(option));
      const [first] = options();
      if (first) {
        first.tabIndex = 0;
      }
      element.hidden = hits.length === 0;
    },
    append(hits) {
      const known = new Set(options().map(node => node.dataset['id']));
      element.append(...hits.filter(hit => !known.has(hit.id)).map(option));
    },
    focus() {
      const target = current();
      target?.focus();
      return target !== undefined;
    },
    mark(id) {
      options().forEach(node =>
        node.setAttribute('aria-selected', String(node.dataset['id'] === id))
      );
    }
  };
}
