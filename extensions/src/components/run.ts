/** One run, live: state, progress by kind of task, log, error and result. */
import { createAgain } from './again';
import { type Backend, isFinal, reason, type RunUpdate } from './backend';
import { button, copyButton, fact, h, sandboxed, say } from './dom';
import { bytes, duration, moment } from './format';
import { bar, fraction, setState, stateBadge } from './progress';

export interface RunOptions {
  backend: Backend;
  id: string;
  /** What is known already, such as what a saved notebook holds. */
  known?: RunUpdate;
  /** Milliseconds between two questions. */
  period?: number;
  /** Called with every new state. */
  onState?(state: string): void;
}

export interface RunView {
  /** Take in what was pushed. */
  apply(update: RunUpdate): void;
  /** Follow the run, or rest while nobody looks. */
  follow(following: boolean): void;
  dispose(): void;
}

const MOST_LOG = 20_000;

/** Fill an element with a run and follow it until it has ended. */
export function createRun(
  host: HTMLElement,
  { backend, id, known, period = 1000, onState }: RunOptions
): RunView {
  const title = h('span', { class: 'portal-title' }, known?.title || known?.analysis || id);
  const badge = stateBadge('new');
  const meta = h('p', { class: 'portal-meta' });
  const clock = h('span', { title: 'Time it has taken', 'data-testid': 'portal-run-elapsed' });
  const message = h('p', { class: 'portal-text', role: 'status', hidden: true });
  const overall = bar('Progress');
  const prefixes = h('ul', { class: 'portal-tasks', 'aria-label': 'Tasks' });
  const stats = h('dl', { class: 'portal-stats' });
  const cancel = button('Cancel run', () => void stop());
  const trouble = h('p', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const failure = h('div', {
    class: 'portal-failure',
    role: 'alert',
    hidden: true,
    'data-testid': 'portal-run-error'
  });
  const result = h('div', { hidden: true, 'data-testid': 'portal-run-result' });
  const log = h('pre', { class: 'portal-log', tabindex: '0', 'aria-label': 'Log' });
  const logBox = h('details', { hidden: true }, h('summary', {}, 'Log'), log);
  const directory = h('dl', { class: 'portal-facts' });
  const placement = h(
    'details',
    { hidden: true, 'data-testid': 'portal-run-placement' },
    h('summary', {}, 'Why there')
  );
  const again = createAgain(backend, id, open);
  const next = h('div');
  const root = h(
    'section',
    {
      class: 'portal portal-run',
      'aria-label': `Run ${id}`,
      'data-run': id,
      'data-testid': 'portal-run',
      'data-lm-suppress-shortcuts': 'true'
    },
    h('div', { class: 'portal-run-head' }, title, badge),
    meta,
    message,
    overall.element,
    prefixes,
    stats,
    h('div', { class: 'portal-actions' }, cancel),
    trouble,
    failure,
    result,
    logBox,
    placement,
    directory,
    again.element,
    next
  );
  host.append(root);

  let started: RunView | undefined;
  let last: RunUpdate | undefined;
  let offset = 0;
  let shownResult = '';
  let following = true;
  let disposed = false;
  let polling = false;
  let heard = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ticking = setInterval(tick, 1000);

  function tick(): void {
    if (last) {
      // The clock stands while nothing is known of the run.
      const runs = last.state === 'active' && last.elapsed > 0 && trouble.hidden;
      const since = runs ? performance.now() - heard : 0;
      say(clock, last.elapsed > 0 ? duration(last.elapsed + since / 1000) : '');
    }
  }

  function apply(update: RunUpdate): void {
    // What was asked for before a state was final may arrive after it.
    if (disposed || (last && isFinal(last.state) && !isFinal(update.state))) {
      return;
    }
    const changed = last?.state !== update.state;
    const ended = isFinal(update.state);
    offset = Math.max(offset, update.offset);
    const progress = update.progress ?? last?.progress ?? null;
    last = {
      ...update,
      progress,
      log: update.log || (last?.log ?? ''),
      error: update.error ?? last?.error ?? null
    };
    root.dataset['state'] = update.state;
    title.textContent = update.title || update.analysis || id;
    heard = performance.now();
    tick();
    setState(badge, update.state);
    meta.replaceChildren(
      h('span', {}, update.at),
      clock,
      h('span', { title: 'Started' }, moment(update.created))
    );
    say(message, update.error ? '' : update.message);
    showProgress(progress, update.state);
    cancel.hidden = ended;
    showError(last.error);
    showResult(update.result_html ?? '');
    showLog(last.log);
    showPlacement(update.placement_html);
    again.fill(update);
    const path = h('code', { class: 'portal-path' }, update.directory);
    directory.replaceChildren(
      ...fact(
        'Directory',
        update.directory &&
          h(
            'div',
            {},
            path,
            ' ',
            copyButton('Copy', () => update.directory, 'Copy directory')
          )
      )
    );
    if (changed) {
      onState?.(update.state);
    }
  }

  function showProgress(progress: RunUpdate['progress'], state: string): void {
    const waiting = state === 'new' || state === 'queued' || state === 'held';
    overall.element.hidden = isFinal(state) && !progress;
    overall.set(
      state === 'completed' ? 1 : fraction(progress?.done ?? 0, progress?.total ?? 0),
      state === 'active' && !progress
    );
    overall.element.dataset['state'] = state;
    const tasks = Object.entries(progress?.tasks ?? {}).filter(([, count]) => count.total > 0);
    prefixes.replaceChildren(
      ...tasks.map(([prefix, count]) => {
        const row = bar(prefix);
        row.set(fraction(count.done, count.total));
        const text = `${count.done.toLocaleString('en')} / ${count.total.toLocaleString('en')}`;
        const failed = count.failed
          ? h('span', { class: 'portal-failed' }, `${count.failed.toLocaleString('en')} failed`)
          : '';
        return h(
          'li',
          {},
          h('span', { class: 'portal-one-line', title: prefix }, prefix),
          row.element,
          h('span', { class: 'portal-quiet' }, text),
          failed
        );
      })
    );
    const ended = isFinal(state);
    const known = waiting ? null : progress;
    stats.replaceChildren(
      ...stat(
        'Tasks',
        known && `${known.done.toLocaleString('en')} / ${known.total.toLocaleString('en')}`
      ),
      ...stat('Workers', known && !ended && known.workers.toLocaleString('en')),
      ...stat(
        'Memory',
        known && !ended && known.memory > 0 && memory(known.memory, known.memory_limit)
      ),
      ...stat('Read', known && known.bytes_read > 0 && bytes(known.bytes_read))
    );
  }

  function showError(error: RunUpdate['error']): void {
    failure.hidden = error === null;
    if (error && failure.childElementCount === 0) {
      failure.append(
        h('p', {}, h('strong', {}, error.type), error.type ? ': ' : '', error.message)
      );
      if (error.traceback) {
        const trace = h(
          'pre',
          { class: 'portal-log', tabindex: '0', 'aria-label': 'Traceback' },
          error.traceback
        );
        failure.append(h('details', { open: true }, h('summary', {}, 'Traceback'), trace));
      }
    }
  }

  function showResult(html: string): void {
    if (html && html !== shownResult) {
      shownResult = html;
      result.replaceChildren(h('h4', {}, 'Result'), sandboxed(html, 'Result of the run', root));
      result.hidden = false;
    }
  }

  function showPlacement(html: string): void {
    if (html && placement.hidden) {
      placement.append(sandboxed(html, 'Where it could have run', root));
      placement.hidden = false;
    }
  }

  /** Follow a run that was started from this one, below it. */
  function open(another: string): void {
    started?.dispose();
    started = createRun(next, { backend, id: another });
  }

  function showLog(text: string): void {
    const tail = text.length > MOST_LOG ? `…${text.slice(-MOST_LOG)}` : text;
    if (tail !== log.textContent) {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 20;
      log.textContent = tail;
      if (atEnd) {
        log.scrollTop = log.scrollHeight;
      }
    }
    logBox.hidden = tail === '';
  }

  async function poll(): Promise<void> {
    clearTimeout(timer);
    if (polling || disposed || !following || (last && isFinal(last.state))) {
      return;
    }
    polling = true;
    const asked = performance.now();
    try {
      apply(await backend.run(id, offset));
      say(trouble, '');
    } catch (error) {
      // No answer is no trouble where news came unasked meanwhile: a busy kernel pushes all the same.
      say(trouble, heard > asked ? '' : reason(error));
    } finally {
      polling = false;
    }
    timer = setTimeout(() => void poll(), period);
  }

  async function stop(): Promise<void> {
    cancel.disabled = true;
    cancel.textContent = 'Cancelling…';
    try {
      await backend.cancel(id);
      say(trouble, '');
    } catch (error) {
      say(trouble, reason(error));
      cancel.disabled = false;
      cancel.textContent = 'Cancel run';
    }
    void poll();
  }

  if (known) {
    apply(known);
  }
  void poll();

  return {
    apply,
    follow(wanted) {
      following = wanted;
      started?.follow(wanted);
      void poll();
    },
    dispose() {
      disposed = true;
      clearTimeout(timer);
      clearInterval(ticking);
      started?.dispose();
      root.remove();
    }
  };
}

function memory(used: number, limit: number): string {
  return limit > 0 ? `${bytes(used)} of ${bytes(limit)}` : bytes(used);
}

function stat(label: string, value: string | false | null): Node[] {
  return value ? [h('div', {}, ...fact(label, value))] : [];
}
