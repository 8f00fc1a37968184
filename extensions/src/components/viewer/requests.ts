/** Which frames are asked for, when: the newest at once, the next ones ahead, the best when still. */
import { isAbort } from '../comm';
import type { Progress } from './ask';
import { type FrameCache, isFinal, keyOf } from './cache';
import type { Frame, FrameRequest, FrameSource } from './frame';

export interface FrameEvents {
  /** A frame that is to be shown: the newest, or one on the way to it. */
  arrived(frame: Frame, request: FrameRequest): void;
  failed(message: string, request: FrameRequest): void;
  /** It takes long; progress where it is known. */
  waiting(progress: Progress | null): void;
}

/** Milliseconds: until stillness, until a wait is worth a word, until a superseded read is stopped. */
const STILL = 150;
const WAIT = 1_500;
const SUPERSEDED = 1_000;
const MOST_AHEAD = 4;

interface Running {
  request: FrameRequest;
  key: string;
  number: number;
  stop: AbortController;
  since: number;
}

export class FrameStore {
  private running: Running | null = null;
  private next: FrameRequest | null = null;
  private readonly ahead = new Map<string, AbortController>();
  private planned: FrameRequest[] = [];
  /** Counts what was wanted; frames are shown in this order only. */
  private wanted = 0;
  private shown = 0;
  private newest: FrameRequest | null = null;
  private still: ReturnType<typeof setTimeout> | undefined;
  private late: ReturnType<typeof setTimeout> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  constructor(
    private readonly source: FrameSource,
    private readonly cache: FrameCache,
    private readonly events: FrameEvents
  ) {}

  /**
   * Want a frame. One that is held is given at once; else it is asked for, and arrives.
   * `plan` names the positions that are likely to be wanted next.
   */
  want(request: FrameRequest, plan: FrameRequest[] = []): Frame | null {
    this.wanted++;
    this.newest = request;
    this.planned = this.source.ask ? plan : [];
    clearTimeout(this.still);
    if (this.running?.request.quality === 'still') {
      this.running.stop.abort();
    }
    const key = keyOf(request);
    const kept = this.cache.get(key);
    this.turn(key);
    if (kept) {
      this.next = null;
      this.shown = this.wanted;
      this.settle(kept.final);
      this.fetchAhead(kept.frame);
      return kept.frame;
    }
    this.next = request;
    this.go();
    return null;
  }

  /** Stop what is being read; nothing is shown until something is wanted again. */
  cancel(): void {
    clearTimeout(this.still);
    this.next = null;
    this.planned = [];
    this.running?.stop.abort();
    this.ahead.forEach(stop => stop.abort());
  }

  /** The best frame there is, without showing it. */
  async best(request: FrameRequest): Promise<Frame> {
    const kept = this.cache.get(keyOf(request));
    const still: FrameRequest = { ...request, quality: 'still' };
    return kept?.final ? kept.frame : this.fetch(still, new AbortController().signal);
  }

  dispose(): void {
    this.stopped = true;
    this.cancel();
    clearTimeout(this.late);
    clearTimeout(this.again);
  }

  /** Drop what was fetched ahead for another direction. */
  private turn(key: string): void {
    const keys = new Set([key, ...this.planned.map(keyOf)]);
    for (const [old, stop] of this.ahead) {
      if (!keys.has(old)) {
        stop.abort();
        this.ahead.delete(old);
      }
    }
  }

  private go(): void {
    const request = this.next;
    if (!request || this.stopped) {
      return;
    }
    if (this.running && !this.running.stop.signal.aborted) {
      if (performance.now() - this.running.since > SUPERSEDED) {
        this.running.stop.abort();
      } else {
        clearTimeout(this.again);
        this.again = setTimeout(() => this.go(), SUPERSEDED);
        return;
      }
    }
    // Fetched ahead already: its answer is on the way.
    if (request.quality !== 'still' && this.ahead.has(keyOf(request))) {
      this.watch();
      return;
    }
    this.next = null;
    void this.run(request);
  }

  private async run(request: FrameRequest): Promise<void> {
    const stop = new AbortController();
    const number = this.wanted;
    const mine = { request, key: keyOf(request), number, stop, since: performance.now() };
    this.running = mine;
    this.watch();
    let frame: Frame | null = null;
    let problem = '';
    let superseded = false;
    try {
      frame = await this.fetch(request, stop.signal, progress => {
        if (this.running === mine && this.newest === request) {
          this.events.waiting(progress);
        }
      });
    } catch (error) {
      superseded = isAbort(error);
      problem = error instanceof Error ? error.message : String(error);
    }
    if (this.running === mine) {
      this.running = null;
      clearTimeout(this.late);
    }
    if (this.stopped) {
      return;
    }
    if (frame) {
      this.arrive(frame, request, number);
    } else if (!stop.signal.aborted && number === this.wanted) {
      if (superseded && (number > this.shown || this.newest === request)) {
        this.next ??= request;
      } else if (!superseded && number > this.shown) {
        this.events.failed(problem, request);
      }
    }
    this.go();
  }

  /** Show a frame, unless a newer one is shown already. */
  private arrive(frame: Frame, request: FrameRequest, number: number): void {
    if (number > this.shown || (request.quality === 'still' && number === this.shown)) {
      this.shown = number;
      this.events.arrived(frame, request);
    }
    if (number === this.wanted) {
      this.settle(isFinal(frame, request));
      this.fetchAhead(frame);
    }
  }

  /** Ask for the still picture when nothing moves any more. */
  private settle(final: boolean): void {
    clearTimeout(this.still);
    const request = this.newest;
    if (final || !request || !this.source.ask) {
      return;
    }
    this.still = setTimeout(() => {
      this.next = this.newest = { ...request, quality: 'still' };
      this.go();
    }, STILL);
  }

  private fetchAhead(like: Frame): void {
    const room = this.cache.room(like);
    for (const request of this.planned.slice(0, room)) {
      const key = keyOf(request);
      if (this.ahead.size >= MOST_AHEAD) {
        return;
      }
      if (!this.cache.has(key) && !this.ahead.has(key)) {
        void this.fetchOne(request, key, like);
      }
    }
  }

  private async fetchOne(request: FrameRequest, key: string, like: Frame): Promise<void> {
    const stop = new AbortController();
    this.ahead.set(key, stop);
    let frame: Frame | null = null;
    try {
      frame = await this.fetch({ ...request, lane: 'ahead' }, stop.signal);
    } catch {
      // What was not needed yet may fail: it is asked for again, and reported, when it is.
      this.planned = this.planned.filter(planned => keyOf(planned) !== key);
    }
    if (this.ahead.get(key) === stop) {
      this.ahead.delete(key);
    }
    if (this.stopped) {
      return;
    }
    if (this.next && keyOf(this.next) === key) {
      const wanted = this.next;
      clearTimeout(this.late);
      if (frame) {
        this.next = null;
        this.arrive(frame, wanted, this.wanted);
      } else {
        this.go();
      }
    }
    this.fetchAhead(like);
  }

  private async fetch(
    request: FrameRequest,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void = () => undefined
  ): Promise<Frame> {
    const asked = this.source.ask ? { ...request, have: this.cache.held } : request;
    let frame = await this.source.frame(asked, { signal, onProgress });
    if (!this.cache.place(frame)) {
      frame = await this.source.frame({ ...request, have: [] }, { signal, onProgress });
      this.cache.place(frame);
    }
    frame.quality = isFinal(frame, request) ? 'still' : 'moving';
    this.cache.put(keyOf(request), frame, isFinal(frame, request));
    return frame;
  }

  private watch(): void {
    clearTimeout(this.late);
    this.late = setTimeout(() => this.events.waiting(null), WAIT);
  }
}
