/** The plugin that knows the addresses of notebooks, for links to the views in them, and keeps such a link. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { keepLink, VIEW_ADDRESS, type ViewAddress } from '../components/viewer/take/link';

export const links: JupyterFrontEndPlugin<void> = {
  id: '@portal/lab:links',
  description: 'Tell the views of a notebook its address, for links to what they show.',
  autoStart: true,
  requires: [INotebookTracker],
  activate(_: JupyterFrontEnd, notebooks: INotebookTracker) {
    // Lab's address becomes that of the notebook's folder; views come when their cells are run.
    keepLink();
    notebooks.widgetAdded.connect((_, panel) => {
      panel.node.addEventListener(VIEW_ADDRESS, event => {
        const { detail } = event as CustomEvent<ViewAddress>;
        detail.address = addressOf(panel.context.localPath);
      });
    });
  }
};

/** In Lab the window's address is not that of the notebook; in Notebook 7 it is. */
function addressOf(treePath: string): string {
  if (PageConfig.getOption('notebookPage')) {
    return location.href;
  }
  const workspace = PageConfig.defaultWorkspace;
  const path = PageConfig.getUrl({ mode: 'multiple-document', workspace, treePath, toShare: true });
  return new URL(path, location.href).href;
}
