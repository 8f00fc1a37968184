/** The backend of a widget: questions and answers as custom messages to its kernel. */
import { type Backend, BackendError } from './backend';

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, handler: Handler): void;
  off(event: string, handler: Handler): void;
}

export type Bytes = ArrayBuffer | DataView;

type Handler = (message: Message, buffers?: Bytes[]) => void;

interface Message {
  id?: string;
  result?: unknown;
  error?: { kind: string; message: string };
  event?: string;
  data?: unknown;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export interface Answer {
  result: unknown;
  buffers: Bytes[];
}

export interface Channel {
  ask(method: string, params: object): Promise<Answer>;
  close(): void;
}

export interface Comm {
  backend: Backend;
  close(): void;
}

const PATIENCE = 60;

/** Ask the kernel of a model; `onEvent` hears what it says unasked. */
export function kernelChannel(
  model: Model,
  onEvent: (event: string, data: unknown) => void = () => undefined,
  patience = PATIENCE
): Channel {
  const waiting = new Map<string, Waiting>();
  // Several views of one widget share its messages: the prefix says whose answer it is.
  const prefix = Math.random().toString(36).slice(2);
  let count = 0;

  const hear: Handler = (message, buffers = []) => {
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
      asked.resolve({ result: message.result, buffers });
    }
  };
  model.on('msg:custom', hear);

  const ask = (method: string, params: object) =>
    new Promise<Answer>((resolve, reject) => {
      const id = `${prefix}-${++count}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        const text = `The kernel gave no answer in ${patience} s. It is busy with a cell, or has stopped: wait for the cell, or run this one again.`;
        reject(new BackendError('NoAnswer', text));
      }, patience * 1000);
      waiting.set(id, { resolve, reject, timer });
      try {
        model.send({ id, method, params });
      } catch {
        // The host throws errors of its own where the kernel was restarted or has died.
        waiting.delete(id);
        clearTimeout(timer);
        const text =
          'The kernel that showed this has stopped or was restarted. Run the cell again to go on; a run goes on by itself.';
        reject(new BackendError('NoKernel', text));
      }
    });

  return {
    ask,
    close: () => {
      model.off('msg:custom', hear);
      waiting.forEach(({ timer }) => clearTimeout(timer));
      waiting.clear();
    }
  };
}

/** The backend of a widget; `onEvent` hears what its kernel says unasked. */
export function kernelComm(model: Model, onEvent?: (event: string, data: unknown) => void): Comm {
  const { ask, close } = kernelChannel(model, onEvent);
  const result = async <T>(method: string, params: object) =>
    (await ask(method, params)).result as T;
  return {
    backend: {
      search: query => result('search', query),
      timeline: query => result('timeline', query),
      item: id => result('item', { id }),
      quicklook: id => result('quicklook', { id }),
      export: (ids, format) => result('export', { ids, format }),
      saved: () => result('saved', {}),
      save: (name, query) => result('save', { name, query }),
      forget: name => result('forget', { name }),
      runs: () => result('runs', {}),
      run: (id, offset) => result('run', { id, offset }),
      cancel: async id => void (await ask('cancel', { id }))
    },
    close
  };
}
