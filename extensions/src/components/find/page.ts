/** One page of results: how many there are, who has not answered, what failed, the way on. */
import type { Query, SearchResult } from '../backend';
import { button, h, say } from '../dom';
import { plural } from '../format';

export interface Page {
  element: HTMLElement;
  show(found: SearchResult, question: Query): void;
  fail(text: string, again: () => void): void;
  busy(busy: boolean): void;
  note(text: string): void;
}

export interface PageOptions {
  size: number;
  results: HTMLElement;
  /** The filters that are set. */
  active: HTMLElement;
  tools: HTMLElement[];
  /** Another page is asked for, from this number on. */
  onTurn(offset: number): void;
  /** Nothing matches, and the filters, or else the words, are taken away. */
  onLift(filtered: boolean): void;
}

/** Make it around the list of results. */
export function createPage({ size, results, active, tools, onTurn, onLift }: PageOptions): Page {
  const status = h('p', { class: 'portal-status', role: 'status', 'data-testid': 'portal-status' });
  const waiting = h('p', {
    class: 'portal-waiting',
    role: 'status',
    hidden: true,
    'data-testid': 'portal-pending'
  });
  const problems = h('div', {
    class: 'portal-notice',
    role: 'status',
    hidden: true,
    'data-testid': 'portal-problems'
  });
  const noted = h('p', { class: 'portal-notice', role: 'status', hidden: true });
  const trouble = h('div', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const empty = h('div', { class: 'portal-empty', hidden: true, 'data-testid': 'portal-empty' });
  const where = h('span', { class: 'portal-status', 'data-testid': 'portal-page' });
  const back = button('‹ Previous', () => onTurn(Math.max(0, from - size)));
  const on = button('Next ›', () => onTurn(from + size));
  const pager = h(
    'nav',
    { class: 'portal-pager', 'aria-label': 'Pages of results', hidden: true },
    back,
    where,
    on
  );
  const element = h(
    'div',
    { class: 'portal-found' },
    active,
    h('div', { class: 'portal-tools' }, status, ...tools),
    waiting,
    problems,
    noted,
    trouble,
    results,
    empty,
    pager
  );
  let from = 0;
  let answered = false;
  let told = '';

  function showProblems(found: SearchResult['problems']): void {
    const next = JSON.stringify(found);
    if (next === told) {
      return;
    }
    told = next;
    const lines = found.map(p => h('li', {}, h('strong', {}, p.facility), ` ${p.reason}`));
    const names = [...new Set(found.map(p => p.facility))];
    const count = plural(names.length, 'laboratory', 'laboratories');
    const heading = h('summary', {}, `${count} did not answer fully: ${names.join(', ')}`);
    const open = problems.querySelector('details')?.open ?? false;
    problems.replaceChildren(h('details', { open }, heading, h('ul', {}, ...lines)));
    problems.hidden = found.length === 0;
  }

  function showEmpty(found: SearchResult, question: Query): void {
    const { bbox, time, facilities, variables, keywords } = question;
    const filtered = Boolean(bbox || time) || [facilities, variables, keywords].some(f => f.length);
    empty.hidden = found.total > 0 || (found.pending ?? []).length > 0;
    if (empty.hidden) {
      return;
    }
    if (!question.text && !filtered) {
      const advice = 'Add a facility with a catalog to the configuration, then search again.';
      empty.replaceChildren(
        h('p', {}, 'No dataset is known here yet.'),
        h('p', { class: 'portal-quiet' }, advice)
      );
      return;
    }
    const meant = Boolean(found.understood?.place || found.understood?.time);
    const advice = filtered
      ? 'Remove a filter above, try fewer words, or lift all the filters.'
      : meant
        ? 'Take back what was understood by its ×, or try fewer words.'
        : 'Try fewer or more general words.';
    const words = `Nothing matches “${question.text}”${filtered ? ' with these filters' : ''}.`;
    empty.replaceChildren(
      h('p', {}, question.text ? words : 'Nothing matches these filters.'),
      h('p', { class: 'portal-quiet' }, advice),
      button(filtered ? 'Lift the filters' : 'Show everything', () => onLift(filtered))
    );
  }

  function showPages(found: SearchResult, question: Query): void {
    from = question.offset;
    const pages = found.total > size || from > 0;
    const last = Math.min(from + found.hits.length, found.total);
    const focused = pager.contains(document.activeElement);
    pager.hidden = !pages;
    back.disabled = from === 0;
    on.disabled = from + size >= found.total;
    where.textContent = found.hits.length
      ? `${(from + 1).toLocaleString('en')}–${last.toLocaleString('en')} of ${found.total.toLocaleString('en')}`
      : '';
    if (focused && (document.activeElement as HTMLButtonElement).disabled) {
      (back.disabled ? on : back).focus();
    }
  }

  return {
    element,
    show(found, question) {
      answered = true;
      trouble.hidden = true;
      noted.hidden = true;
      const took =
        found.took_ms < 10 ? Number(found.took_ms.toFixed(1)) : Math.round(found.took_ms);
      const some = found.relaxed && found.total ? ' with some of the words' : '';
      status.textContent = `${plural(found.total, 'dataset')}${some} · ${took} ms`;
      say(waiting, found.pending?.length ? `Waiting for ${found.pending.join(', ')}…` : '');
      showProblems(found.problems);
      showPages(found, question);
      showEmpty(found, question);
    },
    fail(text, again) {
      status.textContent = '';
      waiting.hidden = true;
      trouble.replaceChildren(h('p', {}, text), button('Try again', again));
      trouble.hidden = false;
    },
    busy(busy) {
      if (busy && !answered) {
        status.textContent = 'Searching…';
      }
    },
    note: text => say(noted, text)
  };
}
