/** A run once more: as it was, elsewhere, or with other values of its parameters. */
import { type Backend, reason, type RunUpdate } from './backend';
import { h, say } from './dom';

export interface Again {
  element: HTMLElement;
  /** Fill the form in with what the run was. */
  fill(update: RunUpdate): void;
}

/** Make the form; `onStarted` is told the id of the new run. */
export function createAgain(backend: Backend, id: string, onStarted: (id: string) => void): Again {
  const at = h('input', {
    class: 'portal-input',
    placeholder: 'facility.compute, or auto',
    spellcheck: 'false'
  });
  const values = h('textarea', { class: 'portal-input', rows: '4', spellcheck: 'false' });
  const changes = h('label', {}, 'Parameters, as JSON', values);
  const trouble = h('p', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const start = h('button', { type: 'submit', class: 'portal-button' }, 'Start');
  const form = h(
    'form',
    { class: 'portal-again' },
    h('label', {}, 'Where', at),
    changes,
    trouble,
    h('div', { class: 'portal-actions' }, start)
  );
  const element = h(
    'details',
    { hidden: true, 'data-testid': 'portal-run-again' },
    h('summary', {}, 'Run again, elsewhere or with a change'),
    form
  );
  let known: Record<string, unknown> | undefined;

  /** What differs from the values of the run; throws where the text is no JSON object. */
  function changed(): Record<string, unknown> {
    const wanted = JSON.parse(values.value) as Record<string, unknown>;
    const isOther = ([name, value]: [string, unknown]) =>
      JSON.stringify(value) !== JSON.stringify(known?.[name]);
    return Object.fromEntries(Object.entries(wanted).filter(isOther));
  }

  form.addEventListener('submit', event => {
    event.preventDefault();
    void send();
  });

  async function send(): Promise<void> {
    start.disabled = true;
    say(trouble, '');
    try {
      onStarted((await backend.rerun(id, { at: at.value.trim(), changes: changed() })).id);
      element.open = false;
    } catch (error) {
      say(trouble, error instanceof SyntaxError ? `This is not JSON. ${reason(error)}` : reason(error));
    } finally {
      start.disabled = false;
    }
  }

  return {
    element,
    fill(update) {
      if (!known && update.parameters) {
        known = update.parameters;
        at.value = update.at;
        values.value = JSON.stringify(known, null, 1);
        changes.hidden = Object.keys(known).length === 0;
        element.hidden = false;
      }
    }
  };
}
