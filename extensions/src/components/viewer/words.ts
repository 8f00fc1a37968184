/** What is seen in words: notes, a table, a sentence for screen readers, and the keys. */
import { h } from '../dom';
import { helpPanel } from './keys';
import { sentence } from './message';
import type { Pane } from './pane';
import { summaryOf, tableOf } from './table';

export class Words {
  private readonly table = h('div', { class: 'portal-viewer-table', hidden: true });
  private readonly help = helpPanel();
  private readonly notes = h('p', { class: 'portal-viewer-notes' });
  private readonly live = h('p', { class: 'portal-viewer-live', role: 'status' });
  readonly elements = [this.table, this.help, this.notes, this.live];

  constructor(private readonly always: readonly string[]) {}

  /** Say what each pane shows; nothing is spoken while it plays. */
  say(titles: [Pane, string][], playing: boolean): void {
    for (const [pane, title] of titles) {
      if (pane.frame) {
        pane.axes.setAttribute('aria-label', summaryOf(pane.frame, title));
      }
    }
    const spoken = titles.map(([pane]) => pane.axes.getAttribute('aria-label') ?? '').join('; ');
    this.live.textContent = playing ? '' : spoken;
    const notes = [...this.always, ...titles.flatMap(([pane]) => pane.notes)].map(sentence);
    this.notes.textContent = [...new Set(notes)].join(' ');
    this.fill(titles);
  }

  clear(): void {
    this.notes.textContent = this.live.textContent = '';
  }

  close(): void {
    this.help.hidden = this.table.hidden = true;
  }

  toggleHelp(): void {
    this.help.hidden = !this.help.hidden;
    this.help.scrollIntoView({ block: 'nearest' });
  }

  toggleTable(titles: [Pane, string][]): void {
    this.table.hidden = !this.table.hidden;
    this.fill(titles);
  }

  private fill(titles: [Pane, string][]): void {
    if (!this.table.hidden) {
      const shown = titles.filter(([pane]) => pane.frame);
      this.table.replaceChildren(...shown.map(([pane, title]) => tableOf(pane, title)));
    }
  }
}
