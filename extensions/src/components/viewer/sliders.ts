/** The sliders of all other dimensions, with what they play at. */
import { h } from '../dom';
import { choice, tool } from './controls';
import type { Dimension } from './frame';
import { createSlider, type Slider, type SliderEvents } from './slider';

const SPEEDS = [1, 2, 4, 8, 12, 20, 30];

export class Sliders {
  readonly element = h('div', { class: 'portal-viewer-sliders' });
  private sliders = new Map<string, Slider>();
  private shown = '';
  private readonly speed;
  private readonly loop: HTMLButtonElement;
  private readonly playing: HTMLElement;

  constructor(
    private readonly events: SliderEvents & { speed(perSecond: number): void; loop(on: boolean): void }
  ) {
    this.speed = choice('Speed of playing', value => events.speed(Number(value)));
    this.loop = tool('loop', 'Begin again at the end', () => this.setLoop(!this.loops));
    this.loop.setAttribute('aria-pressed', 'true');
    this.playing = h('div', { class: 'portal-viewer-speed' }, this.speed.element, this.loop);
  }

  get loops(): boolean {
    return this.loop.getAttribute('aria-pressed') === 'true';
  }

  /** The first dimension with more than one step. */
  get first(): Dimension | null {
    return [...this.sliders.values()].find(s => s.dimension.size > 1)?.dimension ?? null;
  }

  show(dimensions: Dimension[], index: Record<string, number>, perSecond: number): void {
    const names = dimensions.map(d => d.name).join('\n');
    if (names !== this.shown) {
      this.shown = names;
      this.sliders = new Map(dimensions.map(d => [d.name, createSlider(d, index[d.name] ?? 0, this.events)]));
      this.element.replaceChildren(...[...this.sliders.values()].map(s => s.root), this.playing);
      this.playing.hidden = this.first === null;
    }
    for (const [name, slider] of this.sliders) {
      slider.show(index[name] ?? 0);
    }
    const speeds = SPEEDS.includes(perSecond) ? SPEEDS : [...SPEEDS, perSecond].sort((a, b) => a - b);
    this.speed.offer(speeds.map(n => [String(n), `${n} a second`]), String(perSecond));
  }

  /** Texts that came with a frame. */
  label(index: Record<string, number>, labels: Record<string, string>): void {
    for (const [name, slider] of this.sliders) {
      if (labels[name] !== undefined) {
        slider.show(index[name], labels[name]);
      }
    }
  }

  mark(playing: string | null): void {
    this.sliders.forEach((slider, name) => slider.playing(name === playing));
  }

  private setLoop(on: boolean): void {
    this.loop.setAttribute('aria-pressed', String(on));
    this.events.loop(on);
  }
}
