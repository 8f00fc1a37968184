/** At most one frame under way; of those wanted meanwhile only the newest is asked for. */
import type { Frame, FrameRequest, FrameSource } from './frame';

export interface FrameEvents {
  waiting(): void;
  arrived(frame: Frame, request: FrameRequest): void;
  failed(message: string, request: FrameRequest): void;
}

const PATIENCE = 2_000;

export class LatestFrame {
  private busy = false;
  private next: FrameRequest | null = null;
  private stopped = false;

  constructor(
    private readonly source: FrameSource,
    private readonly events: FrameEvents
  ) {}

  want(request: FrameRequest): void {
    this.next = request;
    if (!this.busy) {
      void this.run();
    }
  }

  stop(): void {
    this.stopped = true;
    this.next = null;
  }

  private async run(): Promise<void> {
    this.busy = true;
    while (this.next && !this.stopped) {
      const request: FrameRequest = this.next;
      this.next = null;
      const timer = setTimeout(() => this.events.waiting(), PATIENCE);
      let frame: Frame | null = null;
      let problem = '';
      try {
        frame = await this.source.frame(request);
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
      }
      clearTimeout(timer);
      // A variable or an index changed meanwhile: a newer frame follows, this one is history, but
      // while a slider is dragged each one that arrives is worth showing.
      if (this.stopped || (this.next && (this.next as FrameRequest).variable !== request.variable)) {
        continue;
      }
      if (frame) {
        this.events.arrived(frame, request);
      } else {
        this.events.failed(problem, request);
      }
    }
    this.busy = false;
  }
}
