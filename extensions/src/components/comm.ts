/** The backend of a widget: questions and answers as custom messages to its kernel. */
import { type Backend, BackendError } from './backend';
import { type Door, enter } from './door';
import type { Answer, Ask, AskOptions, Bytes, Progress } from './viewer/ask';

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, handler: Handler): void;
  off(event: string, handler: Handler): void;
}

type Handler = (message: Message, buffers?: Bytes[]) => void;

export interface Message {
  id?: string;
  result?: unknown;
  /** Comes before the result, as often as the method likes. */
  part?: unknown;
  progress?: Progress;
  /** Nobody waits for it any more: a newer request, or a cancellation. */
  superseded?: true;
  error?: { kind: string; message: string };
  event?: string;
  data?: unknown;
}

interface Waiting extends AskOptions {
  message: object;
  by: Door | null;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  timer: ReturnType<typeof setTimeout>;
}

export interface Channel {
  /** Ask for a method's answer; one that was superseded rejects with an AbortError. */
  readonly ask: Ask;
  /**
   * Ask through a door from now on, if there may be one; where to is told by `socketsOf`. `changed`
   * is told whether there is one, and that the kernel has ended it.
   */
  shortcut(sockets: string, changed: (door: boolean, ended: boolean) => void): Promise<void>;
  close(): void;
}

export interface Comm {
  backend: Backend;
  close(): void;
}

const PATIENCE = 60;
/** Milliseconds after which a door is looked for again, when the one that there was has closed. */
const AGAIN = 5_000;
const GONE =
  'The kernel that showed this has stopped or was restarted. Run the cell again to go on; a run goes on by itself.';

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

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
  let door: Door | null = null;
  let closed = false;
  let gone = false;

  const hear: Handler = (message, buffers = []) => {
    if (message.event) {
      onEvent(message.event, message.data);
      return;
    }
    const id = message.id ?? '';
    const asked = waiting.get(id);
    if (!asked) {
      return;
    }
    clearTimeout(asked.timer);
    if ('part' in message) {
      asked.timer = late(id);
      asked.onPart?.(message.part, buffers);
    } else if (message.progress) {
      asked.timer = late(id);
      asked.onProgress?.(message.progress);
    } else {
      waiting.delete(id);
      if (message.superseded) {
        asked.reject(new DOMException('A newer request took its place.', 'AbortError'));
      } else if (message.error) {
        asked.reject(new BackendError(message.error.kind, message.error.message));
      } else {
        asked.resolve({ result: message.result, buffers });
      }
    }
  };
  model.on('msg:custom', hear);

  /** Give up what has not been heard of for too long. */
  const late = (id: string) =>
    setTimeout(() => {
      const text = `The kernel gave no answer in ${patience} s. It is busy with a cell, or has stopped: wait for the cell, or run this one again.`;
      end(id, new BackendError('NoAnswer', text));
    }, patience * 1000);

  const end = (id: string, error: unknown) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    clearTimeout(asked?.timer);
    asked?.reject(error);
  };

  const send = (id: string, message: object) => {
    try {
      (door ?? model).send({ id, ...message });
    } catch {
      // The host throws errors of its own where the kernel was restarted or has died.
      end(id, new BackendError('NoKernel', GONE));
    }
  };

  const ask: Ask = (method, params, options = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const id = `${prefix}-${++count}`;
      const message = { method, params };
      waiting.set(id, { ...options, message, by: door, resolve, reject, timer: late(id) });
      signal?.addEventListener('abort', () => {
        if (waiting.has(id)) {
          send(id, { cancel: true });
          end(id, signal.reason);
        }
      });
      if (gone) {
        end(id, new BackendError('NoKernel', GONE));
      } else {
        send(id, message);
      }
    });

  /** What was asked through a door that has closed is asked once more, if anybody is there to answer. */
  const shut = (old: Door, over: boolean) => {
    door = null;
    for (const [id, asked] of [...waiting].filter(([, { by }]) => by === old)) {
      if (over) {
        end(id, new BackendError('NoKernel', GONE));
      } else {
        asked.by = null;
        send(id, asked.message);
      }
    }
  };

  const shortcut = async (sockets: string, changed: (door: boolean, ended: boolean) => void): Promise<void> => {
    let name: unknown;
    try {
      name = (await ask('door', {})).result;
    } catch {
      return; // there is none: the comm does
    }
    const entered = await enter(sockets, String(name), {
      message: hear,
      closed: over => {
        gone = over;
        shut(entered!, over);
        changed(false, over);
        if (!over && !closed) {
          setTimeout(() => void shortcut(sockets, changed), AGAIN);
        }
      }
    });
    if (closed) {
      entered?.close();
    } else {
      door = entered;
      changed(door !== null, false);
    }
  };

  return {
    ask,
    shortcut,
    close: () => {
      closed = true;
      for (const [id, { timer }] of waiting) {
        clearTimeout(timer);
        try {
          model.send({ id, cancel: true });
        } catch {
          break; // a kernel that has gone works on nothing
        }
      }
      door?.close();
      model.off('msg:custom', hear);
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
      cancel: async id => void (await ask('cancel', { id })),
      rerun: (id, asked) => result('rerun', { id, ...asked })
    },
    close
  };
}
