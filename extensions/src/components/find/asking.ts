/** When to ask: at once while keys are pressed, of the index; of live catalogs after a pause. */
import type { Query, SearchResult } from '../backend';
import { later } from '../dom';

export interface AskingOptions {
  /**
   * The question as it stands; null where it cannot be asked. The last word of one that is `begun`
   * is taken for the beginning of a word.
   */
  question(begun: boolean): Omit<Query, 'wait'> | null;
  /** Whether somebody may be in the middle of a word. */
  unfinished(): boolean;
  search(query: Query): Promise<SearchResult>;
  /** Show an answer; `grown` where it is a fuller answer to the question that was shown last. */
  onAnswer(found: SearchResult, question: Query, grown: boolean): void;
  onFailure(error: unknown): void;
  onBusy(busy: boolean): void;
}

export interface Asking {
  /** A key was pressed. */
  typed(): void;
  /** Something was chosen, or Enter was pressed. */
  now(): void;
  dispose(): void;
}

/** Milliseconds between two questions while somebody types, and until catalogs are asked live. */
const APART = 30;
const PAUSE = 400;
/** Seconds to wait for live catalogs, in turn. */
const WAITS = [0.5, 5, 5];

/** Make it; an older answer never replaces a newer one, and a newer question ends an older one. */
export function createAsking(options: AskingOptions): Asking {
  let asked = 0;
  let shown = 0;
  let words = 0;
  let last = 0;
  let lastKey = '';
  let throttle: ReturnType<typeof setTimeout> | undefined;
  const live = later(() => void askLive(), PAUSE);

  /** Ask, and show the answer if it is `good` enough; null where nothing came of it. */
  async function ask(
    wait: number,
    begun = false,
    good: (found: SearchResult) => boolean = () => true
  ): Promise<SearchResult | null> {
    const question = options.question(begun);
    if (!question) {
      options.onBusy(false);
      return null;
    }
    const turn = ++asked;
    const query = { ...question, wait };
    const key = JSON.stringify(options.question(false));
    options.onBusy(true);
    last = performance.now();
    try {
      const found = await options.search(query);
      if (turn > shown && !good(found)) {
        return found;
      }
      if (turn > shown) {
        shown = turn;
        const grown = key === lastKey;
        lastKey = key;
        options.onAnswer(found, query, grown);
        return found;
      }
    } catch (error) {
      if (turn === asked) {
        shown = turn;
        options.onFailure(error);
      }
    } finally {
      if (turn === asked) {
        options.onBusy(false);
      }
    }
    return null;
  }

  async function askLive(): Promise<void> {
    const turn = words;
    if (options.unfinished()) {
      // What was begun is shown; it stays where the words as they stand find less.
      const whole = await ask(0, false, complete);
      const begun = whole && turn === words && !complete(whole) && (await ask(0, true, complete));
      if (!whole || turn !== words || (begun && complete(begun))) {
        return;
      }
    }
    for (const wait of WAITS) {
      const found = await ask(wait);
      if (turn !== words || !found?.pending?.length) {
        return;
      }
    }
  }

  return {
    typed() {
      words += 1;
      clearTimeout(throttle);
      throttle = setTimeout(() => void ask(0, options.unfinished()), Math.max(0, APART - (performance.now() - last)));
      live();
    },
    now() {
      words += 1;
      clearTimeout(throttle);
      live.cancel();
      const turn = words;
      const first = options.unfinished() ? Promise.resolve() : ask(0);
      void first.then(() => {
        if (turn === words) {
          void askLive();
        }
      });
    },
    dispose() {
      words += 1;
      asked += 1;
      shown = asked;
      clearTimeout(throttle);
      live.cancel();
    }
  };
}

/** Whether something has every word. */
function complete(found: SearchResult): boolean {
  return found.total > 0 && !found.relaxed;
}
