/** Where the sliders are going: the positions that are wanted next. */

const MOST_AHEAD = 24;
/** Seconds of movement that are fetched ahead. */
const REACH = 0.6;
/** A step this far is a jump: nothing says that another follows. */
const JUMP = 12;
/** Milliseconds after which a movement has ended. */
const PAUSE = 1_500;

type Index = Record<string, number>;

export class Motion {
  private dim: string | null = null;
  private step = 0;
  /** Steps a second, smoothed. */
  private speed = 0;
  private at = -Infinity;
  /** Dimensions that go on at their beginning when they reach their end. */
  loops: string | null = null;

  /** Note a change of position. */
  moved(from: Index, to: Index, now = performance.now()): void {
    const changed = Object.keys(to).filter(dim => to[dim] !== from[dim]);
    if (changed.length !== 1) {
      this.stop();
      return;
    }
    const [dim] = changed;
    const looped = dim === this.loops && to[dim] === 0;
    const step = looped ? this.step || 1 : to[dim] - (from[dim] ?? 0);
    const goesOn = dim === this.dim && Math.sign(step) === Math.sign(this.step);
    const repeated = step === this.step;
    if (Math.abs(step) > JUMP && !(goesOn && repeated)) {
      this.stop();
      this.dim = dim;
      this.step = step;
      this.at = now;
      return;
    }
    const passed = Math.max(1, now - this.at);
    const speed = goesOn && passed < PAUSE ? 1_000 / passed : 0;
    this.speed = goesOn ? 0.6 * this.speed + 0.4 * speed : 0;
    this.dim = dim;
    this.step = step;
    this.at = now;
  }

  stop(): void {
    this.dim = null;
    this.step = 0;
    this.speed = 0;
  }

  /** Positions that come next, nearest first. Before any movement: the next of the first slider. */
  ahead(index: Index, sizes: Index): Index[] {
    const dim = this.dim ?? Object.keys(sizes)[0];
    const size = dim === undefined ? 0 : sizes[dim];
    if (!size) {
      return [];
    }
    const jumped = Math.abs(this.step) > JUMP && this.speed === 0;
    // Moves of several steps at once are a drag: what lies between is passed over at the same pace.
    const step = jumped || this.step === 0 ? Math.sign(this.step) || 1 : this.step;
    const depth = this.dim === null || jumped ? 1 : Math.min(MOST_AHEAD, 2 + Math.ceil(this.speed * REACH));
    const found: Index[] = [];
    for (let k = 1; k <= depth; k++) {
      let at = (index[dim] ?? 0) + k * step;
      if (dim === this.loops) {
        at = ((at % size) + size) % size;
      }
      if (at >= 0 && at < size && at !== index[dim]) {
        found.push({ ...index, [dim]: at });
      }
    }
    return found;
  }
}
