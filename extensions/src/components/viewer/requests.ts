/** At most one frame under way; of those wanted meanwhile only the newest is asked for. */
import type { Frame, FrameRequest, FrameSource } from './frame';

export interface FrameEvents {
  waiting(): void;
  arrived(frame: Frame, request: FrameRequest): unknown;
  failed(message: string, request: FrameRequest): unknown;
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
      // While a slider is dragged each frame that arrives is worth showing, though a newer follows.
      if (this.stopped) {
        break;
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
