/** Plays a dimension: each step in its order, none left out; a late frame delays the next. */

export interface PlayEvents {
  /** Show the next step; true when it is on the screen at once. */
  step(dim: string): boolean;
  changed(dim: string | null): void;
}

export class Player {
  private dim: string | null = null;
  private due = 0;
  private awaited = false;
  private frame = 0;

  constructor(private readonly events: PlayEvents) {}

  get playing(): string | null {
    return this.dim;
  }

  /** Frames a second. */
  speed = 8;

  toggle(dim: string): void {
    if (this.dim === dim) {
      this.stop();
    } else {
      this.start(dim);
    }
  }

  start(dim: string): void {
    this.stop();
    this.dim = dim;
    this.due = performance.now();
    this.awaited = false;
    this.events.changed(dim);
    this.frame = requestAnimationFrame(now => this.tick(now));
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    if (this.dim !== null) {
      this.dim = null;
      this.events.changed(null);
    }
  }

  /** The awaited frame is painted. */
  painted(): void {
    this.awaited = false;
  }

  private tick(now: number): void {
    const { dim } = this;
    if (dim === null) {
      return;
    }
    const every = 1_000 / this.speed;
    // Half a screen's frame early is nearer to the beat than half a frame late.
    if (!this.awaited && now >= this.due - 8) {
      this.awaited = !this.events.step(dim);
      // A beat that was missed is not made up for: the movement stays even.
      this.due = Math.max(this.due + every, now);
    }
    if (this.dim !== null) {
      this.frame = requestAnimationFrame(next => this.tick(next));
    }
  }
}
