/** Questions to the kernel: an answer, parts before it, progress, and a way to stop it. */

export type Bytes = ArrayBuffer | DataView;

export interface Answer {
  result: unknown;
  buffers: Bytes[];
}

export interface Progress {
  done: number;
  total: number;
  what: string;
}

export interface AskOptions {
  onPart?: (part: unknown, buffers: Bytes[]) => void;
  onProgress?: (progress: Progress) => void;
  /** Aborting it tells the kernel to stop; the promise is refused. */
  signal?: AbortSignal;
}

export type Ask = (method: string, params: object, options?: AskOptions) => Promise<Answer>;
