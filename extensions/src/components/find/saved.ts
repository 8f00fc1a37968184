/** Searches that were saved under a name. */
import { type FinderBackend, type Query, reason, type SavedSearch } from '../backend';
import { button, h, say } from '../dom';

export interface SavedOptions {
  backend: Pick<FinderBackend, 'saved' | 'save' | 'forget'>;
  current(): Partial<Query> | null;
  onApply(query: Partial<Query>): void;
}

/** Make the menu of saved searches. */
export function createSaved({ backend, current, onApply }: SavedOptions): HTMLElement {
  const name = h('input', {
    class: 'portal-input',
    type: 'text',
    placeholder: 'Name',
    'aria-label': 'Name of this search',
    maxlength: '100',
    autocomplete: 'off'
  });
  const list = h('ul', { class: 'portal-saved-list', 'aria-label': 'Saved searches' });
  const trouble = h('p', { class: 'portal-notice portal-bad', role: 'alert', hidden: true });
  const form = h(
    'form',
    { class: 'portal-saved-form' },
    name,
    h('button', { type: 'submit', class: 'portal-button' }, 'Save')
  );
  const summary = h('summary', { class: 'portal-button' }, 'Saved');
  const element = h(
    'details',
    { class: 'portal-menu portal-saved', 'data-testid': 'portal-saved' },
    summary,
    h('div', { class: 'portal-menu-body' }, form, trouble, list)
  );

  function row(saved: SavedSearch): HTMLElement {
    const apply = () => {
      element.open = false;
      onApply(saved.query);
    };
    return h(
      'li',
      {},
      button(saved.name, apply, { class: 'portal-choice', 'aria-label': `Search ${saved.name}` }),
      button('×', () => void attempt(() => backend.forget(saved.name)), {
        class: 'portal-chip-x',
        'aria-label': `Forget ${saved.name}`,
        title: 'Forget'
      })
    );
  }

  async function attempt(work: () => Promise<SavedSearch[]>): Promise<boolean> {
    say(trouble, '');
    try {
      const saved = await work();
      const focused = list.contains(document.activeElement);
      list.replaceChildren(
        ...(saved.length ? saved.map(row) : [h('li', { class: 'portal-quiet' }, 'None yet.')])
      );
      if (focused) {
        name.focus();
      }
      return true;
    } catch (error) {
      say(trouble, reason(error));
      return false;
    }
  }

  async function save(): Promise<void> {
    const query = current();
    if (!name.value.trim()) {
      say(trouble, 'Give the search a name.');
      name.focus();
    } else if (query && (await attempt(() => backend.save(name.value.trim(), query)))) {
      name.value = '';
    }
  }

  form.addEventListener('submit', event => {
    event.preventDefault();
    void save();
  });
  element.addEventListener('toggle', () => {
    if (element.open) {
      void attempt(() => backend.saved());
    }
  });
  element.addEventListener('keydown', event => {
    if (event.key === 'Escape' && element.open) {
      event.preventDefault();
      event.stopPropagation();
      element.open = false;
      summary.focus();
    }
  });
  return element;
}
