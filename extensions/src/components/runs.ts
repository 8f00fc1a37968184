/** The runs, newest first; one that is chosen is followed live. */
import { type Backend, isFinal, reason, type RunList, type RunSummary } from './backend';
import { backButton } from './details';
import { button, h, say } from './dom';
import { moment } from './format';
import { stateBadge } from './progress';
import { createRun, type RunView } from './run';

export interface RunsView {
  /** Follow what is shown, or rest while nobody looks. */
  follow(following: boolean): void;
  dispose(): void;
}

const PERIOD = 1000;

/** Fill an element with the list of runs. */
export function createRuns(host: HTMLElement, { backend }: { backend: Backend }): RunsView {
  const status = h('p', { class: 'portal-status', role: 'status' }, 'Reading the runs…');
  const trouble = h('p', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const problems = h('ul', {
    class: 'portal-notice',
    role: 'status',
    hidden: true,
    'data-testid': 'portal-missing'
  });
  const empty = h(
    'div',
    { class: 'portal-empty', hidden: true },
    h('p', {}, 'No run yet.'),
    h(
      'p',
      { class: 'portal-quiet' },
      'A run that fed.run(…) starts is listed here, and goes on when the notebook is closed.'
    )
  );
  const items = h('ul', {
    class: 'portal-results',
    'aria-label': 'Runs',
    'data-testid': 'portal-runs',
    hidden: true
  });
  const refresh = button('Refresh', () => void poll(), { class: 'portal-plain' });
  const list = h(
    'div',
    { class: 'portal-list' },
    h('div', { class: 'portal-run-head' }, status, refresh),
    trouble,
    problems,
    empty,
    items
  );
  const one = h('div', { hidden: true });
  const root = h(
    'div',
    { class: 'portal portal-runs', 'data-lm-suppress-shortcuts': 'true' },
    list,
    one
  );
  host.append(root);

  let following = true;
  let disposed = false;
  let polling = false;
  let seen = '';
  let chosen: { id: string; view: RunView } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function poll(): Promise<void> {
    clearTimeout(timer);
    if (polling || disposed || !following || chosen) {
      return;
    }
    polling = true;
    let live = true;
    try {
      const found = await backend.runs();
      show(found);
      say(trouble, '');
      live = found.runs.some(run => !isFinal(run.state));
    } catch (error) {
      say(trouble, reason(error));
    } finally {
      polling = false;
    }
    // Runs that are started elsewhere appear too, only not at once.
    timer = setTimeout(() => void poll(), live ? PERIOD : 10 * PERIOD);
  }

  function show(found: RunList): void {
    const { runs } = found;
    const now = JSON.stringify(found);
    if (disposed || now === seen) {
      return;
    }
    seen = now;
    const held = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('[data-run]')
      ?.dataset['run'];
    const live = runs.filter(run => !isFinal(run.state)).length;
    status.textContent = runs.length
      ? `${runs.length.toLocaleString('en')} runs${live ? `, ${live} live` : ''}`
      : '';
    if (runs.length === 1) {
      status.textContent = `1 run${live ? ', live' : ''}`;
    }
    problems.hidden = found.problems.length === 0;
    problems.replaceChildren(
      ...found.problems.map(p => h('li', {}, h('strong', {}, p.facility), ` ${p.reason}`))
    );
    empty.hidden = runs.length > 0;
    items.hidden = runs.length === 0;
    items.replaceChildren(...runs.map(row));
    if (held) {
      focusOn(held);
    }
  }

  function row(run: RunSummary): HTMLElement {
    const title = run.title || run.analysis;
    const node = button('', () => open(run.id), {
      class: 'portal-result',
      'data-run': run.id,
      'aria-label': `${title}, ${run.state}, ${moment(run.created)}`
    });
    node.append(
      h(
        'span',
        { class: 'portal-run-head' },
        h('span', { class: 'portal-result-title' }, title),
        stateBadge(run.state)
      ),
      h('span', { class: 'portal-meta' }, h('span', {}, moment(run.created)), h('span', {}, run.at))
    );
    return h('li', {}, node);
  }

  function open(id: string): void {
    close();
    const place = h('div');
    one.replaceChildren(backButton(back, 'Runs'), place);
    chosen = { id, view: createRun(place, { backend, id }) };
    list.hidden = true;
    one.hidden = false;
    one.querySelector('button')?.focus();
  }

  function close(): void {
    chosen?.view.dispose();
    chosen = null;
  }

  function back(): void {
    const id = chosen?.id;
    close();
    one.hidden = true;
    list.hidden = false;
    if (id) {
      focusOn(id);
    }
    void poll();
  }

  function focusOn(id: string): void {
    const rows = items.querySelectorAll<HTMLElement>('[data-run]');
    [...rows].find(node => node.dataset['run'] === id)?.focus();
  }

  one.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      back();
    }
  });
  void poll();

  return {
    follow(wanted) {
      following = wanted;
      chosen?.view.follow(wanted);
      void poll();
    },
    dispose() {
      disposed = true;
      clearTimeout(timer);
      close();
      root.remove();
    }
  };
}
