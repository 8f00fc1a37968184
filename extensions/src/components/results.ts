/** The list of what was found: arrows move in it, Enter opens. */
import type { Hit } from './backend';
import { h } from './dom';
import type { Thumbnails } from './find/thumbnails';
import { period } from './format';

export interface Results {
  element: HTMLElement;
  /** Show a page; where it has `grown`, what the reader looks at stays where it is. */
  show(hits: readonly Hit[], grown: boolean): void;
  /** Move to the result that was last moved to, or the first; false where there is none. */
  focus(): boolean;
  mark(id: string | null): void;
}

export interface ResultsOptions {
  thumbnails: Thumbnails;
  onOpen(id: string): void;
  /** The reader moved up from the first result, or asked to leave. */
  onLeave(): void;
  /** The reader is at this one, or at none. */
  onPoint(hit: Hit | null): void;
}

interface Row {
  node: HTMLElement;
  /** The hit as it is drawn. */
  drawn: string;
}

/** Make the list. */
export function createResults({ thumbnails, onOpen, onLeave, onPoint }: ResultsOptions): Results {
  const element = h('ul', {
    role: 'listbox',
    class: 'portal-results',
    'aria-label': 'Datasets',
    'data-testid': 'portal-results'
  });
  const rows = new Map<string, Row>();
  let hits: ReadonlyMap<string, Hit> = new Map();
  let marked: string | null = null;
  /** What the pointer went down on, and whether the list was drawn anew since. */
  let pressed: Hit | null = null;
  let moved = false;

  const options = () => [...element.children] as HTMLElement[];
  const current = () => options().find(option => option.tabIndex === 0);

  function moveTo(option: HTMLElement | undefined): void {
    if (option) {
      options().forEach(other => (other.tabIndex = other === option ? 0 : -1));
      option.focus();
    }
  }

  function hitOf(target: EventTarget | null): Hit | null {
    const node = (target as HTMLElement | null)?.closest<HTMLElement>('[data-id]');
    return hits.get(node?.dataset['id'] ?? '') ?? null;
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
  function open(hit: Hit | null): void {
    if (hit) {
      moveTo(rows.get(hit.id)?.node);
      onOpen(hit.id);
    }
  }

  element.addEventListener('pointerdown', event => {
    pressed = hitOf(event.target);
    moved = false;
    window.addEventListener('pointerup', released, { once: true, capture: true });
  });
  // A list that is drawn anew under the finger gets no click, or that of another result.
  function released(): void {
    if (moved) {
      open(pressed);
    }
  }
  element.addEventListener('click', event => {
    const isMouse = event.detail > 0;
    if (!(isMouse && moved && pressed)) {
      open(hitOf(event.target));
    }
  });
  element.addEventListener('pointerover', event => onPoint(hitOf(event.target)));
  element.addEventListener('pointerleave', () => onPoint(hitOf(document.activeElement)));
  element.addEventListener('focusin', event => onPoint(hitOf(event.target)));
  element.addEventListener('focusout', () => onPoint(null));

  /** The element of a hit: the one there is, unless the hit has changed. */
  function row(hit: Hit): HTMLElement {
    const drawn = JSON.stringify({ ...hit, score: 0 });
    const known = rows.get(hit.id);
    if (known?.drawn === drawn) {
      return known.node;
    }
    const node = option(hit, thumbnails);
    node.setAttribute('aria-selected', String(hit.id === marked));
    rows.set(hit.id, { node, drawn });
    return node;
  }

  function engaged(): boolean {
    const held = element.contains(document.activeElement) || element.matches(':hover');
    return held || (element.firstElementChild?.getBoundingClientRect().top ?? 0) < 0;
  }

  return {
    element,
    show(found, grown) {
      const next = new Map(found.map(hit => [hit.id, hit]));
      const focused = hitOf(document.activeElement)?.id;
      const old = options().map(node => node.dataset['id']!);
      if (grown && engaged()) {
        // Nothing moves from under the reader's eyes: what is new comes below.
        const kept = old.map(id => next.get(id) ?? hits.get(id)!);
        const shown = new Set(old);
        found = [...kept, ...found.filter(hit => !shown.has(hit.id))];
      }
      hits = new Map(found.map(hit => [hit.id, hit]));
      const at = current()?.dataset['id'];
      const nodes = found.map(row);
      const same = nodes.length === element.childElementCount;
      if (!same || nodes.some((node, i) => node !== element.children[i])) {
        element.replaceChildren(...nodes);
        moved = true;
      }
      for (const id of rows.keys()) {
        if (!hits.has(id)) {
          rows.delete(id);
        }
      }
      const stop = (grown && nodes.find(node => node.dataset['id'] === at)) || nodes[0];
      nodes.forEach(node => (node.tabIndex = node === stop ? 0 : -1));
      element.hidden = nodes.length === 0;
      if (focused && focused !== hitOf(document.activeElement)?.id) {
        const again = nodes.find(node => node.dataset['id'] === focused);
        (again ?? stop)?.focus({ preventScroll: true });
      }
    },
    focus() {
      const target = current();
      target?.focus();
      return target !== undefined;
    },
    mark(id) {
      marked = id;
      options().forEach(node =>
        node.setAttribute('aria-selected', String(node.dataset['id'] === id))
      );
    }
  };
}

function option(hit: Hit, thumbnails: Thumbnails): HTMLElement {
  const title = hit.title || hit.id;
  const when = period(hit.start, hit.end);
  const variables = hit.variables.join(', ');
  const others = [...new Set((hit.sources ?? []).map(source => source.facility))];
  const also = others.length ? `also at ${others.join(', ')}` : '';
  return h(
    'li',
    {
      role: 'option',
      class: 'portal-result',
      tabindex: '-1',
      'aria-selected': 'false',
      'aria-label': [title, hit.facility, when, also].filter(Boolean).join(', '),
      'data-testid': 'portal-result',
      'data-id': hit.id
    },
    h(
      'div',
      { class: 'portal-result-text' },
      h('div', { class: 'portal-result-title' }, title),
      h(
        'div',
        { class: 'portal-meta' },
        h('span', { class: 'portal-badge' }, hit.facility),
        h('span', {}, when),
        h('span', {}, hit.license === 'other' ? '' : hit.license),
        h('span', {}, also)
      ),
      variables && h('div', { class: 'portal-quiet portal-one-line', title: variables }, variables)
    ),
    hit.quicklook ? thumbnails.place(hit.id) : null
  );
}
