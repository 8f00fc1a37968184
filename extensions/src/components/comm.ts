/** The backend of a widget: questions and answers as custom messages to its kernel. */
import {
  type Backend,
  BackendError,
  type ItemDetails,
  type RunSummary,
  type RunUpdate,
  type SearchResult
} from './backend';

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, handler: (message: Message) => void): void;
  off(event: string, handler: (message: Message) => void): void;
}

interface Message {
  id?: string;
  result?: unknown;
  error?: { kind: string; message: string };
  event?: string;
  data?: unknown;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export interface Comm {
  backend: Backend;
  close(): void;
}

const PATIENCE = 60;

/** Talk to the kernel of a model; `onEvent` hears what it says unasked. */
export function kernelComm(
  model: Model,
  onEvent: (event: string, data: unknown) => void = () => undefined
): Comm {
  const waiting = new Map<string, Waiting>();
  // Several views of one widget share its messages: the prefix says whose answer it is.
  const prefix = Math.random().toString(36).slice(2);
  let count = 0;

  const hear = (message: Message) => {
    if (message.event) {
      onEvent(message.event, message.data);
      return;
    }
    const asked = waiting.get(message.id ?? '');
    if (!asked) {
      return;
    }
    waiting.delete(message.id!);
    clearTimeout(asked.timer);
    if (message.error) {
      asked.reject(new BackendError(message.error.kind, message.error.message));
    } else {
      asked.resolve(message.result);
    }
  };
  model.on('msg:custom', hear);

  const ask = (method: string, params: object) =>
    new Promise<unknown>((resolve, reject) => {
      const id = `${prefix}-${++count}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        const text = `The kernel gave no answer in ${PATIENCE} s. It is busy with a cell, or has stopped: wait for the cell, or run this one again.`;
        reject(new BackendError('NoAnswer', text));
      }, PATIENCE * 1000);
      waiting.set(id, { resolve, reject, timer });
      model.send({ id, method, params });
    });

  return {
    backend: {
      search: query => ask('search', query) as Promise<SearchResult>,
      item: id => ask('item', { id }) as Promise<ItemDetails>,
      runs: () => ask('runs', {}) as Promise<RunSummary[]>,
      run: (id, offset) => ask('run', { id, offset }) as Promise<RunUpdate>,
      cancel: async id => void (await ask('cancel', { id }))
    },
    close: () => {
      model.off('msg:custom', hear);
      waiting.forEach(({ timer }) => clearTimeout(timer));
      waiting.clear();
    }
  };
}
