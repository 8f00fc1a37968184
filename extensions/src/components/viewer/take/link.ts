/** The state of a view in the part of an address after #: `#view=` and base64url of its JSON. */
import type { Description } from '../frame';
import type { ViewState } from '../state';

const MARK = 'view=';

export function linkTo(state: ViewState, address: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const text = btoa(Array.from(bytes, b => String.fromCharCode(b)).join(''));
  const safe = text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return `${address.split('#')[0]}#${MARK}${safe}`;
}

/** What an address asks for, where it is about a variable that is here. */
export function stateInLink(hash: string, { variables }: Description): Partial<ViewState> {
  const state = read(hash);
  return state && variables.some(v => v.name === state.variable) ? state : {};
}

function read(hash: string): Partial<ViewState> | null {
  const found = hash.replace(/^#/, '').split('&').find(part => part.startsWith(MARK));
  if (!found) {
    return null;
  }
  try {
    const text = atob(found.slice(MARK.length).replaceAll('-', '+').replaceAll('_', '/'));
    const state: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, c => c.charCodeAt(0))));
    return typeof state === 'object' && state !== null && !Array.isArray(state) ? state : null;
  } catch (error) {
    // Anybody may write an address: what is no state is none.
    if (error instanceof SyntaxError || error instanceof DOMException) {
      return null;
    }
    throw error;
  }
}
