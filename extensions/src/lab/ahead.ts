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
/** What has to come before an import to take effect: the environment, where modules lie, which they are. */
const PREPARES =
  /\b(?:environ|putenv|load_dotenv)\b|\bsys\.path\b|^[ \t]*[%!][ \t]*(?:env|set_env|pip|conda|mamba|uv)\b/m;
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
  if (kernel?.status !== 'idle' || asked.has(kernel.id)) {
    return;
  }
  const cells = [...(panel.model?.cells ?? [])].filter(({ type }) => type === 'code');
  const some = (pattern: RegExp) => cells.some(({ sharedModel }) => pattern.test(sharedModel.source));
  if (some(IMPORTS) && some(PREPARES)) {
    panel.node.setAttribute(MARK, 'left');
  } else if (some(IMPORTS)) {
    asked.add(kernel.id);
    // The browser's first context takes long where no graphics card does the work.
    (globalThis.requestIdleCallback ?? setTimeout)(() => void Device.shared(false));
    new Ahead(kernel, how => {
      if (how) {
        panel.node.setAttribute(MARK, how);
      } else {
        asked.delete(kernel.id);
      }
    });
  }
}

/** The imports of a kernel, piece after piece; what somebody runs goes between two of them. */
class Ahead {
  private at = 0;
  private wanted = false;
  private running = false;
  private readonly rested = later(() => void this.go(), QUIET);

  constructor(
    private readonly kernel: Kernel.IKernelConnection,
    /** How it went; null where the kernel has gone, or the connection to it. */
    private readonly ended: (how: 'done' | 'missing' | null) => void
  ) {
    kernel.anyMessage.connect(this.heard, this);
    kernel.statusChanged.connect(this.changed, this);
    void this.go();
  }

  private heard(_: unknown, { direction, msg }: Kernel.IAnyMessageArgs): void {
    const run = msg.header.msg_type === 'execute_request' && !(msg.content as { silent?: boolean }).silent;
    if (direction === 'send' && run) {
      this.wanted = false;
      this.rested.cancel();
    }
  }

  private changed(_: unknown, status: Kernel.Status): void {
    if (status === 'idle' && !this.wanted) {
      this.rested();
    } else if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
      this.end(null);
    }
  }

  private async go(): Promise<void> {
    if (this.running) {
      return;
    }
    this.running = this.wanted = true;
    try {
      const { language_info } = await this.kernel.info;
      let next: number | null = language_info.name === 'python' ? this.at : null;
      while (this.wanted && next !== null) {
        this.at = next;
        next = await importPiece(this.kernel, this.at);
      }
      if (next === null) {
        this.end(this.at ? 'done' : 'missing');
      } else {
        this.at = next;
      }
    } catch {
      this.end(null);
    }
    this.running = false;
  }

  private end(how: 'done' | 'missing' | null): void {
    this.wanted = false;
    this.rested.cancel();
    // What is disconnected already has ended.
    if (this.kernel.anyMessage.disconnect(this.heard, this)) {
      this.kernel.statusChanged.disconnect(this.changed, this);
      this.ended(how);
    }
  }
}

/**
 * Return the number of the next piece, or null: that was the last, or portal is not there. Rejected
 * where there is no answer.
 */
async function importPiece(kernel: Kernel.IKernelConnection, at: number): Promise<number | null> {
  const piece = `(lambda own: exec(${JSON.stringify(PIECE)}, own) or own["after"])({"at": ${at}})`;
  const { content } = await kernel.requestExecute({
    code: '',
    silent: true,
    store_history: false,
    stop_on_error: false,
    user_expressions: { piece }
  }).done;
  const given = content.status === 'ok' ? content.user_expressions?.['piece'] : null;
  const text = (given as { data?: Record<string, string> } | null)?.data?.['text/plain'] ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
}
