/** The plugin that tells the views of a notebook that their kernel has gone. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { CodeCell } from '@jupyterlab/cells';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { KERNEL_GONE } from '../components/viewer/gone';

/** What a kernel's state is when the views that it showed have none any more. */
const GONE = ['restarting', 'autorestarting', 'terminating', 'dead'];

export const kernels: JupyterFrontEndPlugin<void> = {
  id: '@portal/lab:kernels',
  description: 'Tell the views of a notebook that their kernel has stopped or was restarted.',
  autoStart: true,
  requires: [INotebookTracker],
  activate(_: JupyterFrontEnd, notebooks: INotebookTracker) {
    notebooks.widgetAdded.connect((_, panel) => {
      panel.sessionContext.statusChanged.connect((_, status) => {
        if (GONE.includes(status)) {
          tell(panel);
        }
      });
      panel.sessionContext.kernelChanged.connect((_, { oldValue }) => {
        if (oldValue) {
          tell(panel);
        }
      });
    });
  }
};

/** Cells far from the window are not on the page, but they have their views. */
function tell({ content }: NotebookPanel): void {
  for (const cell of content.widgets) {
    const views = cell instanceof CodeCell ? cell.outputArea.node.querySelectorAll('.portal-viewer') : [];
    views.forEach(view => view.dispatchEvent(new CustomEvent(KERNEL_GONE, { bubbles: true })));
  }
}
