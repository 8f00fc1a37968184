/** The sidebar: two tabs, to find datasets and to follow runs. */
import { Widget } from '@lumino/widgets';
import type { Backend } from '../components/backend';
import type { DatasetAction } from '../components/details';
import { h } from '../components/dom';
import { createFinder, type Finder } from '../components/finder';
import { createRuns, type RunsView } from '../components/runs';

const TABS = ['Find', 'Runs'] as const;
type Tab = (typeof TABS)[number];

/** Nothing is asked of the server before the panel is seen, nor while it is hidden. */
export class PortalPanel extends Widget {
  private readonly tabs: Record<Tab, HTMLButtonElement>;
  private readonly pages: Record<Tab, HTMLElement>;
  private tab: Tab = 'Find';
  private finder: Finder | null = null;
  private runs: RunsView | null = null;

  constructor(
    private readonly backend: Backend,
    private readonly actions: DatasetAction[]
  ) {
    super();
    this.id = 'portal-panel';
    this.addClass('portal-panel');
    this.tabs = { Find: this.makeTab('Find'), Runs: this.makeTab('Runs') };
    this.pages = { Find: makePage('Find'), Runs: makePage('Runs') };
    const bar = h(
      'div',
      {
        class: 'portal-tabs',
        role: 'tablist',
        'aria-label': 'Portal',
        'data-lm-suppress-shortcuts': 'true'
      },
      this.tabs.Find,
      this.tabs.Runs
    );
    bar.addEventListener('keydown', event => {
      if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
        this.choose(this.tab === 'Find' ? 'Runs' : 'Find');
        this.tabs[this.tab].focus();
      }
    });
    this.node.append(bar, this.pages.Find, this.pages.Runs);
    this.draw();
  }

  /** Show a tab. */
  choose(tab: Tab): void {
    this.tab = tab;
    this.draw();
  }

  override dispose(): void {
    this.finder?.dispose();
    this.runs?.dispose();
    super.dispose();
  }

  protected override onAfterShow(): void {
    this.draw();
  }

  protected override onAfterHide(): void {
    this.runs?.follow(false);
  }

  protected override onActivateRequest(): void {
    if (this.tab === 'Find') {
      this.finder?.focus();
    } else {
      this.tabs.Runs.focus();
    }
  }

  private makeTab(tab: Tab): HTMLButtonElement {
    const node = h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `portal-tab-${tab}`,
        'aria-controls': `portal-page-${tab}`
      },
      tab
    );
    node.addEventListener('click', () => this.choose(tab));
    return node;
  }

  private draw(): void {
    for (const tab of TABS) {
      const chosen = tab === this.tab;
      this.tabs[tab].setAttribute('aria-selected', String(chosen));
      this.tabs[tab].tabIndex = chosen ? 0 : -1;
      this.pages[tab].hidden = !chosen;
    }
    if (this.isVisible && this.tab === 'Find') {
      this.finder ??= createFinder(this.pages.Find, {
        backend: this.backend,
        actions: this.actions
      });
    }
    if (this.isVisible && this.tab === 'Runs' && !this.runs) {
      this.runs = createRuns(this.pages.Runs, { backend: this.backend });
    } else {
      this.runs?.follow(this.isVisible && this.tab === 'Runs');
    }
  }
}

function makePage(tab: Tab): HTMLElement {
  return h('div', {
    class: 'portal-page',
    role: 'tabpanel',
    id: `portal-page-${tab}`,
    'aria-labelledby': `portal-tab-${tab}`
  });
}
