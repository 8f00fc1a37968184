/**
 * The state of a view in the part of an address after #: `#view=` and base64url of its JSON, then
 * `of=` and what tells the views of a page apart.
 */
import type { Description } from '../frame';
import type { ViewState } from '../state';

const MARK = 'view=';
const OF = 'of=';
/** Where word is left on a page: widgets load their module each for itself. */
const TAKEN = Symbol.for('portal.viewer.link.taken');
const KEPT = Symbol.for('portal.viewer.link.kept');
const page = globalThis as unknown as Record<symbol, string | undefined>;
/** Parts of an address that are nobody else's: whoever opens a link signs in as themselves. */
const PRIVATE = ['token', 'reset'];

/** Asked of whoever holds a view, by an event from inside it: the address at which it is opened. */
export const VIEW_ADDRESS = 'portal-view-address';

export interface ViewAddress {
  /** Null where there is none. */
  address: string | null;
}

/** What links know a view by. */
export interface Linked {
  readonly title: string;
  readonly description: Description;
}

/** The address of the page or the notebook that a view lies in; null where a browser cannot go there. */
export function addressOf(element: HTMLElement): string | null {
  const detail: ViewAddress = { address: inNotebook() ? null : location.href };
  element.dispatchEvent(new CustomEvent(VIEW_ADDRESS, { detail, bubbles: true }));
  return detail.address && /^(https?|file):/.test(detail.address) ? detail.address : null;
}

export function linkTo(state: ViewState, of: Linked, address: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const text = btoa(Array.from(bytes, b => String.fromCharCode(b)).join(''));
  const safe = text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const url = new URL(address);
  PRIVATE.forEach(name => url.searchParams.delete(name));
  url.hash = `${MARK}${safe}&${OF}${nameOf(of)}`;
  return url.href;
}

/** Keep what the address asks for, where a page changes its address before it has a view. */
export function keepLink(): void {
  page[KEPT] = location.hash;
}

/** What the address asks of a view, where it is about this one and no other has taken it; else null. */
export function takeLink(of: Linked): Partial<ViewState> | null {
  const hash = location.hash.includes(MARK) ? location.hash : (page[KEPT] ?? '');
  const state = page[TAKEN] === hash ? null : stateInLink(hash, of);
  if (state) {
    page[TAKEN] = hash;
    if (inNotebook() && location.hash === hash) {
      // A notebook goes on: what is shown later is not to go back to this.
      history.replaceState(history.state, '', location.pathname + location.search);
    }
  }
  return state;
}

/** Hear of links that are opened while the page is; the result stops it. */
export function watchLinks(of: Linked, heard: (state: Partial<ViewState>) => void): () => void {
  const changed = () => {
    const state = takeLink(of);
    if (state) {
      heard(state);
    }
  };
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** What an address asks for, where it is about a variable that is here. */
export function stateInLink(hash: string, of: Linked): Partial<ViewState> | null {
  const parts = hash.replace(/^#/, '').split('&');
  const [text, name] = [MARK, OF].map(mark => parts.find(part => part.startsWith(mark))?.slice(mark.length));
  const state = text ? read(text) : null;
  const here = (name ?? nameOf(of)) === nameOf(of);
  return here && of.description.variables.some(v => v.name === state?.variable) ? state : null;
}

function read(text: string): Partial<ViewState> | null {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const state: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, c => c.charCodeAt(0))));
    return typeof state === 'object' && state !== null && !Array.isArray(state) ? state : null;
  } catch (error) {
    // Anybody may write an address: what is no state is none.
    if (error instanceof SyntaxError || error instanceof DOMException) {
      return null;
    }
    throw error;
  }
}

/** A short name of what a view can show: FNV-1a (32 bits) of its title and its variables. */
function nameOf({ title, description }: Linked): string {
  const text = JSON.stringify([title, description.variables.map(v => [v.name, v.dims])]);
  let sum = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    sum = Math.imul(sum ^ byte, 0x01000193);
  }
  return (sum >>> 0).toString(36);
}

/** The address of a notebook's window need not be that of the notebook. */
const inNotebook = () => document.querySelector('.jp-NotebookPanel, #jp-main-dock-panel') !== null;
