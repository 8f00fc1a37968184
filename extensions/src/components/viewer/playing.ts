/** Playing a dimension of the view: which step is next, and what is fetched before it is due. */
import type { Motion } from './motion';
import { Player } from './play';

export interface PlayingEvents {
  /** Show a step; true when it is painted at once. */
  step(dim: string, index: number): boolean;
  where(dim: string): { index: number; size: number };
  changed(dim: string | null): void;
}

export class Play {
  loops = true;
  private readonly player: Player;

  constructor(
    private readonly motion: Motion,
    private readonly events: PlayingEvents
  ) {
    this.player = new Player({
      step: dim => this.next(dim),
      changed: dim => {
        motion.loops = dim !== null && this.loops ? dim : null;
        events.changed(dim);
      }
    });
  }

  get dim(): string | null {
    return this.player.playing;
  }

  set speed(perSecond: number) {
    this.player.speed = perSecond;
  }

  toggle(dim: string): void {
    const { index, size } = this.events.where(dim);
    if (this.dim !== dim && !this.loops && index === size - 1) {
      this.events.step(dim, 0);
    }
    this.player.toggle(dim);
  }

  stop(): void {
    this.player.stop();
  }

  painted(): void {
    this.player.painted();
  }

  private next(dim: string): boolean {
    const { index, size } = this.events.where(dim);
    this.motion.loops = this.loops ? dim : null;
    if (index + 1 >= size && !this.loops) {
      this.stop();
      return true;
    }
    return this.events.step(dim, (index + 1) % size);
  }
}
