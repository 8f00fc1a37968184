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

/** The bytes in a buffer of their own, where they start at 0: typed arrays need that. */
export function aligned(data: Bytes): ArrayBuffer {
  return data instanceof ArrayBuffer
    ? data
    : (data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer);
}

/** A file that the kernel has at hand. */
export async function assetOf(ask: Ask, name: string): Promise<ArrayBuffer> {
  const { buffers } = await ask('asset', { name });
  return aligned(buffers[0]);
}
