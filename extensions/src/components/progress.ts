/** How far a run is: the badge of its state, and bars. */
import { h } from './dom';

/** A badge for a state; the word is there, so that colour is not all. */
export function stateBadge(state: string): HTMLElement {
  return setState(h('span', { class: 'portal-state', 'data-testid': 'portal-run-state' }), state);
}

/** Let a badge say a state. */
export function setState(badge: HTMLElement, state: string): HTMLElement {
  badge.textContent = state;
  badge.dataset['state'] = state;
  return badge;
}

export interface Bar {
  element: HTMLElement;
  set(done: number, unknown?: boolean): void;
}

/** A bar of progress; `set` takes a fraction, or that nothing is known of it yet. */
export function bar(label: string): Bar {
  const fill = h('div', { class: 'portal-bar-fill' });
  const element = h(
    'div',
    {
      class: 'portal-bar',
      role: 'progressbar',
      'aria-label': label,
      'aria-valuemin': '0',
      'aria-valuemax': '100'
    },
    fill
  );
  return {
    element,
    set(done, unknown = false) {
      const percent = Math.round(done * 100);
      element.classList.toggle('portal-unknown', unknown);
      if (unknown) {
        element.removeAttribute('aria-valuenow');
        return;
      }
      element.setAttribute('aria-valuenow', String(percent));
      fill.style.width = `${percent}%`;
    }
  };
}

/** The part that is done, 0 to 1. */
export function fraction(done: number, total: number): number {
  return total > 0 ? Math.min(1, done / total) : 0;
}
