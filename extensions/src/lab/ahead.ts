/** The plugin that has the kernel of a notebook that uses Portal import ahead what a view needs. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { later } from '../components/dom';
import { Device } from '../components/viewer/paint/webgl';

const ID = '@portal/lab:ahead';
/** A line of a cell that imports portal, whatever else it imports. */
const IMPORTS = /(?:^|;)[ \t]*(?:from[ \t]+portal[. \t]|import[ \t](?:[\w. \t]+,)*[ \t]*portal\b)/m;
/** Milliseconds after the last key until a notebook is looked at again. */
const TYPED = 1_000;
/** Milliseconds for which a kernel has nothing to do after what somebody ran in it. */
const QUIET = 300;
/** What the panel of a notebook says of it, for whoever looks. */
const MARK = 'data-portal-ahead';
/**
 * Imports a piece and gives the number of the next. What lies beside the notebook is left out: to
 * open a notebook must not run it. No name and no output comes of it, nor of an error.
 */
const PIECE = `
import sys
place = sys.path.index("") if "" in sys.path else None
if place is not None:
    del sys.path[place]
try:
    from portal.ui.warm import warm
    after = warm(at)
finally:
    if place is not None:
        sys.path.insert(place, "")
`;

export const ahead: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Import ahead what a view needs, where a notebook uses Portal.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ISettingRegistry],
  async activate(_: JupyterFrontEnd, notebooks: INotebookTracker, registry: ISettingRegistry | null) {
    const settings = await registry?.load(ID).catch(() => null);
    /** Kernels that have been asked, by their ids. */
    const asked = new Set<string>();
    const follow = (panel: NotebookPanel) => {
      const look = () => {
        if (settings?.composite['importAhead'] === false) {
          panel.node.setAttribute(MARK, 'off');
        } else {
          begin(panel, asked);
        }
      };
      const typed = later(look, TYPED);
      panel.sessionContext.statusChanged.connect((context, status) => {
        if (status === 'restarting' || status === 'autorestarting') {
          asked.delete(context.session?.kernel?.id ?? '');
          panel.node.removeAttribute(MARK);
        } else if (status === 'idle') {
          look();
        }
      });
      settings?.changed.connect(look);
      panel.disposed.connect(() => {
        typed.cancel();
        settings?.changed.disconnect(look);
      });
      void panel.context.ready.then(() => {
        panel.model?.contentChanged.connect(typed);
        look();
      });
    };
    notebooks.forEach(follow);
    notebooks.widgetAdded.connect((_, panel) => follow(panel));
  }
};

/** Have the kernel import, once, where it has nothing to do and the notebook uses Portal. */
function begin(panel: NotebookPanel, asked: Set<string>): void {
  const kernel = panel.sessionContext.session?.kernel;
  if (kernel?.status === 'idle' && !asked.has(kernel.id) && usesPortal(panel)) {
    asked.add(kernel.id);
    // The browser's first context takes long where no graphics card does the work.
    (globalThis.requestIdleCallback ?? setTimeout)(() => void Device.shared(false));
    new Ahead(kernel, how => panel.node.setAttribute(MARK, how));
  }
}

function usesPortal({ model }: NotebookPanel): boolean {
  return [...(model?.cells ?? [])].some(
    cell => cell.type === 'code' && IMPORTS.test(cell.sharedModel.source)
  );
}

/** The imports of a kernel, piece after piece; what somebody runs goes between two of them. */
class Ahead {
  private at = 0;
  private importing = false;
  private readonly rested = later(() => void this.go(), QUIET);

  constructor(
    private readonly kernel: Kernel.IKernelConnection,
    private readonly ended: (how: 'done' | 'missing') => void
  ) {
    kernel.anyMessage.connect(this.heard, this);
    kernel.statusChanged.connect(this.changed, this);
    void this.go();
  }

  private heard(_: unknown, { direction, msg }: Kernel.IAnyMessageArgs): void {
    const run = msg.header.msg_type === 'execute_request' && !(msg.content as { silent?: boolean }).silent;
    if (direction === 'send' && run) {
      this.importing = false;
      this.rested.cancel();
    }
  }

  private changed(_: unknown, status: Kernel.Status): void {
    if (status === 'idle' && !this.importing) {
      this.rested();
    } else if (status !== 'idle' && status !== 'busy') {
      this.end();
    }
  }

  private async go(): Promise<void> {
    const { language_info } = await this.kernel.info;
    if (language_info.name !== 'python') {
      this.end('missing');
      return;
    }
    this.importing = true;
    while (this.importing) {
      const next = await importPiece(this.kernel, this.at);
      if (next === null) {
        this.end(this.at ? 'done' : 'missing');
        return;
      }
      this.at = next;
    }
  }

  /** Leave the kernel alone; of one that goes there is nothing to say. */
  private end(how?: 'done' | 'missing'): void {
    this.importing = false;
    this.rested.cancel();
    this.kernel.anyMessage.disconnect(this.heard, this);
    this.kernel.statusChanged.disconnect(this.changed, this);
    if (how) {
      this.ended(how);
    }
  }
}

/** Return the number of the next piece, or null: that was the last, or portal is not there. */
async function importPiece(kernel: Kernel.IKernelConnection, at: number): Promise<number | null> {
  const piece = `(lambda own: exec(${JSON.stringify(PIECE)}, own) or own["after"])({"at": ${at}})`;
  try {
    const reply = await kernel.requestExecute({
      code: '',
      silent: true,
      store_history: false,
      stop_on_error: false,
      user_expressions: { piece }
    }).done;
    const given = reply?.content.status === 'ok' ? reply.content.user_expressions['piece'] : null;
    const text = (given as { data?: Record<string, string> } | null)?.data?.['text/plain'] ?? '';
    return /^\d+$/.test(text) ? Number(text) : null;
  } catch {
    return null; // the kernel has gone
  }
}
