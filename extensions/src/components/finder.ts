/** Find a dataset at any laboratory: words, facets, a map, a time line, results and details. */
import { type Backend, type Query, reason, type SearchResult, type Sort } from './backend';
import { type DatasetAction, backButton, showDetails } from './details';
import { button, h, later } from './dom';
import { createFilters } from './filters';
import { createAsking } from './find/asking';
import { createPage } from './find/page';
import { createSaved } from './find/saved';
import { createThumbnails } from './find/thumbnails';
import { createUnderstood } from './find/understood';
import { createResults } from './results';

export interface FinderOptions {
  backend: Backend;
  /** What can be done with a dataset; the first is the main one. */
  actions?: DatasetAction[];
  /** What to search for at first. */
  text?: string;
}

export interface Finder {
  focus(): void;
  /** Search for other words, without filters; an open dataset is closed. */
  search(text: string): void;
  dispose(): void;
}

const PAGE = 20;
const SORTS: Record<Sort, string> = {
  relevance: 'Best match',
  newest: 'Newest',
  oldest: 'Oldest',
  title: 'Title'
};
/** A text that ends within a word, or at its end. */
const BEGUN = /(^|\s)\p{L}{2,}$/u;
let made = 0;

/** Fill an element with a finder; it searches at once, so that the reader sees what there is. */
export function createFinder(
  host: HTMLElement,
  { backend, actions = [], text = '' }: FinderOptions
): Finder {
  let offset = 0;
  let literal: string[] = [];
  /** Whether the last key was one of the words. */
  let typing = false;
  let opened = 0;
  let counted = '';
  /** Where to go once a page that was asked for is there. */
  let turned = false;

  const search = h('input', {
    type: 'search',
    class: 'portal-input portal-search',
    placeholder: 'Search all laboratories',
    'aria-label': 'Search datasets',
    'aria-keyshortcuts': '/',
    autocomplete: 'off',
    spellcheck: 'false'
  });
  search.value = text;
  const sort = h(
    'select',
    { class: 'portal-input portal-sort', 'aria-label': 'Sort' },
    ...Object.entries(SORTS).map(([value, label]) => h('option', { value }, label))
  );
  const thumbnails = createThumbnails(backend);
  const results = createResults({
    thumbnails,
    onOpen: id => void open(id),
    onLeave: () => search.focus(),
    onPoint: hit => filters.point(hit)
  });
  const filters = createFilters(`portal-finder-${++made}`, anew, () => count());
  const understood = createUnderstood({
    onLiteral: words => reword(() => literal.push(words)),
    onMeaning: words => reword(() => (literal = literal.filter(other => other !== words))),
    onReplace: (words, by) =>
      reword(() => {
        // A function, since "$" means something in a text that replaces.
        search.value = search.value.replace(new RegExp(escaped(words), 'i'), () => by);
      }),
    onAdopt(what) {
      leave();
      filters.adopt(what);
    }
  });
  const saved = createSaved({ backend, current: () => plain(), onApply: apply });
  const page = createPage({
    size: PAGE,
    results: results.element,
    active: filters.active,
    tools: [sort],
    onTurn(next) {
      offset = next;
      turned = true;
      asking.now();
    },
    onLift: filtered => {
      if (filtered) {
        filters.set({});
      } else {
        search.value = '';
      }
      anew();
      search.focus();
    }
  });
  const details = h('section', { class: 'portal-details', 'aria-label': 'Dataset', hidden: true });
  const list = h(
    'div',
    { class: 'portal-list' },
    h(
      'div',
      { class: 'portal-ask' },
      h('div', { class: 'portal-words' }, search, saved),
      understood.element
    ),
    filters.element,
    page.element
  );
  // Arrows and Escape belong to the finder, not to the notebook around it.
  const root = h(
    'div',
    { class: 'portal portal-finder', 'data-lm-suppress-shortcuts': 'true' },
    h('div', { class: 'portal-panes' }, list, details)
  );
  host.append(root);

  const count = later(() => void askTimeline(), 250);
  const asking = createAsking({
    question,
    unfinished: () => typing && BEGUN.test(search.value),
    search: query => backend.search(query),
    onAnswer: show,
    onFailure: error => page.fail(reason(error), () => asking.now()),
    onBusy(busy) {
      root.toggleAttribute('data-busy', busy);
      page.busy(busy);
    }
  });

  function question(begun = false): Omit<Query, 'wait'> | null {
    const values = filters.values();
    const words = search.value.trim();
    return (
      values && {
        ...values,
        text: begun ? `${words}*` : words,
        sort: sort.value as Sort,
        literal,
        limit: PAGE,
        offset
      }
    );
  }

  /** What is saved of a search: neither the page nor the waiting. */
  function plain(): Partial<Query> | null {
    const now = question();
    if (now) {
      const { limit: _limit, offset: _offset, ...rest } = now;
      return rest;
    }
    return null;
  }

  function show(found: SearchResult, asked: Query, grown: boolean): void {
    filters.show(found);
    understood.show(found.understood ?? null, literal);
    results.show(found.hits, grown);
    const words = asked.text.replace(/\*$/, '');
    page.show(found, { ...asked, text: words });
    if (turned && asked.offset === offset) {
      turned = false;
      results.element.scrollIntoView({ block: 'nearest' });
      results.focus();
    }
    if (!grown) {
      count();
    }
    painted(words);
  }

  /** Say when an answer is on the screen: what measures the finder listens for it. */
  function painted(words: string): void {
    requestAnimationFrame(() =>
      setTimeout(() => {
        root.dataset['painted'] = words;
        root.dispatchEvent(new CustomEvent('portal-painted', { detail: words, bubbles: true, composed: true }));
      })
    );
  }

  async function askTimeline(): Promise<void> {
    const now = question();
    if (!now || !filters.element.open) {
      return;
    }
    const query = { ...now, time: null, offset: 0, wait: 0 };
    const key = JSON.stringify(query);
    if (key === counted) {
      return;
    }
    counted = key;
    try {
      const { bins } = await backend.timeline(query);
      if (key === counted) {
        filters.bins(bins);
      }
    } catch (error) {
      if (key === counted) {
        counted = '';
        page.note(`The time line could not be counted: ${reason(error)}`);
      }
    }
  }

  /** Ask from the first page on. */
  function anew(): void {
    offset = 0;
    asking.now();
  }

  function reword(change: () => void): void {
    change();
    typing = false;
    anew();
    search.focus();
  }

  function apply(query: Partial<Query>): void {
    leave();
    typing = false;
    search.value = query.text ?? '';
    literal = [...(query.literal ?? [])];
    sort.value = query.sort ?? 'relevance';
    filters.set(query);
    anew();
    search.focus();
  }

  async function open(id: string): Promise<void> {
    const turn = ++opened;
    results.mark(id);
    root.dataset['view'] = 'details';
    details.hidden = false;
    details.replaceChildren(
      backButton(close),
      h('p', { class: 'portal-status', role: 'status' }, 'Reading the dataset’s description…')
    );
    details.querySelector('button')?.focus();
    try {
      const item = await backend.item(id);
      if (turn === opened) {
        showDetails(details, item, {
          actions,
          onBack: close,
          onOpen: other => void open(other),
          export: (ids, format) => backend.export(ids, format)
        });
        details.scrollTop = 0;
        details.querySelector<HTMLElement>('.portal-title')?.focus({ preventScroll: true });
      }
    } catch (error) {
      if (turn === opened) {
        const notice = h(
          'div',
          { class: 'portal-notice portal-bad', role: 'alert' },
          h('p', {}, reason(error)),
          button('Try again', () => void open(id))
        );
        details.replaceChildren(backButton(close), notice);
      }
    }
  }

  function leave(): void {
    opened += 1;
    delete root.dataset['view'];
    details.hidden = true;
    details.replaceChildren();
    results.mark(null);
  }

  function close(): void {
    leave();
    if (!results.focus()) {
      search.focus();
    }
  }

  sort.addEventListener('change', anew);
  search.addEventListener('input', () => {
    const words = search.value.toLowerCase();
    literal = literal.filter(phrase => words.includes(phrase.toLowerCase()));
    offset = 0;
    turned = false;
    typing = search.selectionEnd === search.value.length;
    asking.typed();
  });
  search.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown' && results.focus()) {
      event.preventDefault();
    } else if (event.key === 'Enter') {
      typing = false;
      anew();
    }
  });
  details.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  root.addEventListener('keydown', event => {
    const typing = (event.target as HTMLElement).matches('input, select, textarea');
    if (event.key === '/' && !typing) {
      event.preventDefault();
      if (root.dataset['view'] && list.offsetParent === null) {
        close();
      }
      search.focus();
      search.select();
    }
  });
  asking.now();

  return {
    focus: () => search.focus(),
    search: words => {
      apply({ text: words });
    },
    dispose() {
      asking.dispose();
      count.cancel();
      filters.dispose();
      thumbnails.dispose();
      opened += 1;
      root.remove();
    }
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
