/** Words over the picture: a fault with 'Try again', or a long read with its progress and 'Stop'. */
import { button, h } from '../dom';
import type { Progress } from './ask';

export interface MessageEvents {
  again(): void;
  stop(): void;
}

export class Message {
  readonly element = h('div', { class: 'portal-viewer-message', hidden: true });
  private readonly text = h('p', { role: 'alert' });
  private readonly bar = h('progress', { 'aria-label': 'Progress of the read', hidden: true });
  private readonly again: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;

  constructor(events: MessageEvents) {
    this.again = button('Try again', events.again, { class: 'portal-viewer-button' });
    this.stop = button('Stop', events.stop, { class: 'portal-viewer-button' });
    this.element.append(this.text, this.bar, this.again, this.stop);
  }

  hide(): void {
    this.element.hidden = true;
    this.text.textContent = '';
  }

  /** A note about what is seen. */
  note(text: string): void {
    this.say(text, 'note');
  }

  fault(text: string, canRetry: boolean): void {
    this.say(text, 'fault');
    this.again.hidden = !canRetry;
  }

  waiting(progress: Progress | null): void {
    const known = progress !== null && progress.total > 0;
    const what = progress?.what ? `Reading ${progress.what}` : 'Still waiting for the data';
    this.say(known ? `${what}: ${progress.done} of ${progress.total}` : `${what}…`, 'waiting');
    this.stop.hidden = false;
    this.bar.hidden = !known;
    if (known) {
      this.bar.max = progress.total;
      this.bar.value = progress.done;
    }
  }

  private say(text: string, kind: string): void {
    this.text.textContent = text;
    this.element.dataset.kind = kind;
    this.bar.hidden = this.again.hidden = this.stop.hidden = true;
    this.element.hidden = false;
  }
}

export function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
