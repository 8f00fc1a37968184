/** Values that come in parts, put where they belong. */
import type { Ask, Bytes } from '../ask';
import type { ChartAxis } from './lines';

export interface Cost {
  chunks: number;
  bytes: number;
  seconds: number;
}

export interface Head {
  along: ChartAxis & { size: number };
  cost: Cost;
  units: string;
  at?: Record<string, number>;
  place?: [number, number];
  label?: string;
  places?: number;
  distance?: string;
  weights?: string;
  notes?: string[];
}

interface Rows {
  pieces: [number, number][];
  done: number;
  total: number;
}

export interface StreamEvents {
  /** It is known what is read; the first values may be there too. */
  began(): void;
  /** More values are there, or it has ended. */
  changed(): void;
}

/** One answer that is streamed; NaN stands where nothing has come yet. */
export class Stream {
  head: Head | null = null;
  /** What came beside the head: positions of the steps, and distances of a section. */
  positions = new Float64Array(0);
  distances = new Float64Array(0);
  values = new Float64Array(0);
  done = 0;
  problem = '';
  state: 'running' | 'done' | 'stopped' | 'failed' = 'running';
  private readonly abort = new AbortController();
  private readonly begun = performance.now();

  constructor(ask: Ask, method: string, params: object, events: StreamEvents) {
    const onPart = (part: unknown, buffers: Bytes[]) => {
      if (this.state === 'running') {
        this.take(part as Head | Rows | (Head & Rows), buffers.map(numbers), events);
      }
    };
    ask(method, params, { onPart, signal: this.abort.signal }).then(
      () => this.end('done', '', events),
      (error: unknown) => this.end('failed', error instanceof Error ? error.message : String(error), events)
    );
  }

  stop(): void {
    if (this.state === 'running') {
      this.state = 'stopped';
      this.abort.abort();
    }
  }

  get total(): number {
    return this.head?.along.size ?? 0;
  }

  /** What it costs, and how far it is. */
  get status(): string {
    const { head, state } = this;
    if (state === 'failed') {
      return this.problem;
    }
    if (!head) {
      return 'Waiting…';
    }
    const { chunks, bytes, seconds } = head.cost;
    const some = (n: number, what: string) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;
    const what = chunks ? `${some(chunks, 'chunk')}, ${sizeText(bytes)}` : some(this.total, 'value');
    if (state === 'running') {
      const share = this.done / Math.max(1, this.total);
      const left = share > 0.02 ? ((performance.now() - this.begun) / 1000) * (1 / share - 1) : seconds;
      return `${what} · ${Math.round(share * 100)} % · about ${secondsText(left)} left`;
    }
    return state === 'stopped' ? `stopped at ${this.done} of ${this.total}` : what;
  }

  private take(part: Head | Rows | (Head & Rows), arrays: Float64Array<ArrayBuffer>[], events: StreamEvents): void {
    // The last array are the values, where there are any; those before it belong to the head.
    const head = 'cost' in part ? part : null;
    if (head) {
      this.head = head;
      [this.positions] = arrays;
      this.distances = head.places ? arrays[1] : this.distances;
      this.values = new Float64Array(head.along.size * (head.places ?? 1)).fill(NaN);
    }
    if ('pieces' in part) {
      const wide = this.head?.places ?? 1;
      const values = arrays[arrays.length - 1];
      let taken = 0;
      for (const [start, count] of part.pieces) {
        this.values.set(values.subarray(taken, taken + count * wide), start * wide);
        taken += count * wide;
      }
      this.done = part.done;
      this.state = part.done === part.total ? 'done' : 'running';
    }
    if (head) {
      events.began();
    } else {
      events.changed();
    }
  }

  private end(state: 'done' | 'failed', problem: string, events: StreamEvents): void {
    if (this.state === 'running') {
      this.state = state;
      this.problem = problem;
      events.changed();
    }
  }
}

/** The numbers in a buffer; it may not begin where a number may. */
export function numbers(data: Bytes): Float64Array<ArrayBuffer> {
  if (data instanceof ArrayBuffer) {
    return new Float64Array(data);
  }
  const { buffer, byteOffset, byteLength } = data;
  return new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}

export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let n = bytes;
  let u = 0;
  while (n >= 1000 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  return `${Number(n.toPrecision(n < 10 ? 2 : 3))} ${units[u]}`;
}

function secondsText(seconds: number): string {
  return seconds < 1 ? 'a second' : seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
