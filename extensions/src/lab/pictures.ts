/** The plugin that saves the last picture of a view, and shows it where there is no kernel. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { CodeCell } from '@jupyterlab/cells';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { Panel } from '@lumino/widgets';
import { h } from '../components/dom';
import { LAST_PICTURE, type LastPicture } from '../components/viewer/last';

const WIDGET = 'application/vnd.jupyter.widget-view+json';
const PNG = 'image/png';
/** How the text of a view in a notebook begins. */
const OURS = 'Portal viewer';
/** Milliseconds after which a view that is still not there is stood in for. */
const SOON = 1_500;

export const pictures: JupyterFrontEndPlugin<void> = {
  id: '@portal/lab:pictures',
  description: 'Save the last picture of a view, and show it where there is no kernel.',
  autoStart: true,
  requires: [INotebookTracker],
  activate(_: JupyterFrontEnd, notebooks: INotebookTracker) {
    notebooks.widgetAdded.connect((_, panel) => {
      standIn(panel);
      void panel.context.ready.then(() => saveLast(panel));
    });
  }
};

/** What of a notebook's file is looked at. */
interface Saved {
  cells: { outputs?: { data?: Record<string, unknown> }[] }[];
}

/**
 * Put the last pictures into what is saved, and into that alone: outputs whose model changes are
 * drawn anew, which would begin the live view from its start.
 */
function saveLast({ content, model }: NotebookPanel): void {
  if (!model) {
    return;
  }
  const toJSON = model.toJSON.bind(model);
  model.toJSON = () => {
    const saved = toJSON() as unknown as Saved;
    for (const [i, cell] of content.widgets.entries()) {
      const outputs = saved.cells[i]?.outputs;
      if (!(cell instanceof CodeCell) || !outputs) {
        continue;
      }
      saved.cells[i]!.outputs = outputs.map((output, j) => {
        const png = WIDGET in (output.data ?? {}) && lastOf(cell.outputArea.widgets[j]?.node);
        return png ? { ...output, data: { ...output.data, [PNG]: png } } : output;
      });
    }
    return saved as unknown as ReturnType<typeof toJSON>;
  };
}

function lastOf(output: HTMLElement | undefined): string | null {
  const detail: LastPicture = { png: null };
  output?.querySelector('.portal-viewer')?.dispatchEvent(new CustomEvent(LAST_PICTURE, { detail }));
  return detail.png;
}

/** Show the saved picture where a view's model is missing; the widgets' own manager says only so. */
function standIn({ content: { rendermime } }: NotebookPanel): void {
  const create = rendermime.createRenderer.bind(rendermime);
  rendermime.createRenderer = mimeType => {
    const renderer = create(mimeType);
    const render = renderer.renderModel.bind(renderer);
    if (mimeType !== WIDGET) {
      return renderer;
    }
    renderer.renderModel = async model => {
      const [png, text] = [model.data[PNG], model.data['text/plain']];
      const stand = () => {
        // The cell may have been run meanwhile: its output is another one.
        const live = renderer.isDisposed || (renderer instanceof Panel && renderer.widgets.length > 0);
        if (!live && typeof png === 'string' && typeof text === 'string' && text.startsWith(OURS)) {
          const img = h('img', { src: `data:${PNG};base64,${png}`, alt: text });
          const hint = h('p', {}, 'A saved picture. Run the cell again for the interactive view.');
          renderer.node.replaceChildren(h('div', { class: 'portal-saved' }, img, hint));
        }
      };
      const timer = setTimeout(stand, SOON);
      await render(model);
      clearTimeout(timer);
      stand();
    };
    return renderer;
  };
}
