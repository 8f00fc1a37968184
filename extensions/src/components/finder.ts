/** Find a dataset at any laboratory: a search box, facets, results and a details pane. */
import { type Backend, type Query, reason, type SearchResult } from './backend';
import { type DatasetAction, backButton, showDetails } from './details';
import { button, h } from './dom';
import { createFilters } from './filters';
import { plural } from './format';
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
const PAUSE = 150;
let made = 0;

/** Fill an element with a finder; it searches at once, so that the reader sees what there is. */
export function createFinder(
  host: HTMLElement,
  { backend, actions = [], text = '' }: FinderOptions
): Finder {
  const search = h('input', {
    type: 'search',
    class: 'portal-input portal-search',
    placeholder: 'Search all laboratories',
    'aria-label': 'Search datasets',
    autocomplete: 'off',
    spellcheck: 'false'
  });
  search.value = text;
  const filters = createFilters(`portal-finder-${++made}`, () => void ask());
  const status = h('p', { class: 'portal-status', role: 'status', 'data-testid': 'portal-status' });
  const problems = h('div', {
    class: 'portal-notice',
    role: 'status',
    hidden: true,
    'data-testid': 'portal-problems'
  });
  const trouble = h('div', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const empty = h('div', { class: 'portal-empty', hidden: true, 'data-testid': 'portal-empty' });
  const more = button('Show more', () => void ask(true), { hidden: true });
  const results = createResults({ onOpen: id => void open(id), onLeave: () => search.focus() });
  const details = h('section', { class: 'portal-details', 'aria-label': 'Dataset', hidden: true });
  const list = h(
    'div',
    { class: 'portal-list' },
    search,
    ...filters.elements,
    status,
    problems,
    trouble,
    results.element,
    empty,
    more
  );
  // Arrows and Escape belong to the finder, not to the notebook around it.
  const root = h(
    'div',
    { class: 'portal portal-finder', 'data-lm-suppress-shortcuts': 'true' },
    h('div', { class: 'portal-panes' }, list, details)
  );
  host.append(root);
  let asked = 0;
  let opened = 0;
  let shown = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(further = false): Promise<void> {
    clearTimeout(timer);
    const values = filters.values();
    if (!values) {
      return;
    }
    const turn = ++asked;
    const question: Query = {
      ...values,
      text: search.value.trim(),
      limit: PAGE,
      offset: further ? shown : 0
    };
    root.setAttribute('aria-busy', 'true');
    more.disabled = true;
    if (shown === 0) {
      status.textContent = 'Searching…';
    }
    try {
      const found = await backend.search(question);
      // A newer question has been asked: its answer is the one to show.
      if (turn === asked) {
        show(found, question, further);
      }
    } catch (error) {
      if (turn === asked) {
        if (!further) {
          results.show([]);
          empty.hidden = true;
          more.hidden = true;
        }
        fail(reason(error), () => void ask(further));
      }
    } finally {
      if (turn === asked) {
        root.removeAttribute('aria-busy');
        more.disabled = false;
      }
    }
  }

  function show(found: SearchResult, question: Query, further: boolean): void {
    trouble.hidden = true;
    if (further) {
      results.append(found.hits);
    } else {
      results.show(found.hits);
      filters.update(found.facets);
    }
    shown = question.offset + found.hits.length;
    const milliseconds =
      found.took_ms < 10 ? Number(found.took_ms.toFixed(1)) : Math.round(found.took_ms);
    const some = found.relaxed ? ' with some of the words' : '';
    status.textContent = `${plural(found.total, 'dataset')}${some} · ${milliseconds} ms`;
    more.hidden = found.hits.length === 0 || shown >= found.total;
    showProblems(found.problems);
    showEmpty(found.total === 0, question);
  }

  function showProblems(found: SearchResult['problems']): void {
    const lines = found.map(p => h('li', {}, h('strong', {}, p.facility), ` ${p.reason}`));
    const names = [...new Set(found.map(p => p.facility))];
    const count = plural(names.length, 'laboratory', 'laboratories');
    const heading = h('summary', {}, `${count} did not answer fully: ${names.join(', ')}`);
    problems.replaceChildren(h('details', {}, heading, h('ul', {}, ...lines)));
    problems.hidden = found.length === 0;
  }

  function showEmpty(none: boolean, question: Query): void {
    const { bbox, time, facilities, variables, keywords } = question;
    const filtered = Boolean(bbox || time) || [facilities, variables, keywords].some(f => f.length);
    empty.hidden = !none;
    if (!none) {
      return;
    }
    if (!question.text && !filtered) {
      empty.replaceChildren(
        h('p', {}, 'No dataset is known here yet.'),
        h(
          'p',
          { class: 'portal-quiet' },
          'Add a facility with a catalog to the configuration, then search again.'
        )
      );
      return;
    }
    const advice = filtered
      ? 'Try fewer words, or lift the filters.'
      : 'Try fewer or more general words.';
    empty.replaceChildren(
      h(
        'p',
        {},
        question.text
          ? `Nothing matches “${question.text}”${filtered ? ' with these filters' : ''}.`
          : 'Nothing matches these filters.'
      ),
      h('p', { class: 'portal-quiet' }, advice),
      filtered ? button('Lift the filters', lift) : button('Show everything', restart)
    );
  }

  function lift(): void {
    filters.clear();
    void ask();
    search.focus();
  }

  function restart(): void {
    search.value = '';
    void ask();
    search.focus();
  }

  function fail(text: string, again: () => void): void {
    status.textContent = '';
    trouble.replaceChildren(h('p', {}, text), button('Try again', again));
    trouble.hidden = false;
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
        showDetails(details, item, { actions, onBack: close });
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
    results.focus();
  }

  function soon(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), PAUSE);
  }

  search.addEventListener('input', soon);
  search.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown' && results.focus()) {
      event.preventDefault();
    } else if (event.key === 'Enter') {
      void ask();
    }
  });
  details.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  void ask();

  return {
    focus: () => search.focus(),
    search(words) {
      search.value = words;
      leave();
      filters.clear();
      void ask();
    },
    dispose() {
      clearTimeout(timer);
      filters.dispose();
      asked += 1;
      opened += 1;
      root.remove();
    }
  };
}
