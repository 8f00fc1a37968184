/** Writes the cells that open a dataset, or analyse it, into a notebook. */
import { type Cell, type ICellModel, isCodeCellModel } from '@jupyterlab/cells';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

const CONNECT = 'import portal\n\nfed = portal.connect()\n';
const THEN: Record<Purpose, string> = {
  open: 'to open the dataset',
  use: 'to start the analysis'
};
const CONNECTED = /^\s*fed\s*=\s*portal\.connect\(/m;

/** Under this name a cell's metadata hold what the panel wrote into it. */
const MARK = 'portal';

/** What a cell is for; one of each is kept in a notebook. */
export type Purpose = 'open' | 'use';

interface Written {
  purpose: Purpose;
  source: string;
}

export interface CellWriter {
  /** Write the cell and return what was done, for the reader. */
  write(panel: NotebookPanel, code: string, purpose: Purpose, run: boolean): Promise<string>;
}

/**
 * Make a writer. It replaces the cell that it wrote before, which it knows by the cell's metadata;
 * one that somebody has changed since is theirs, and stays.
 */
export function createCellWriter(): CellWriter {
  return {
    async write(panel, code, purpose, run) {
      await panel.context.ready;
      const notebook = panel.content;
      const own = notebook.widgets.find(cell => isOwn(cell, purpose));
      const connected = notebook.widgets.some(
        cell =>
          cell !== own &&
          cell.model.type === 'code' &&
          CONNECTED.test(cell.model.sharedModel.source)
      );
      const source = connected ? code : `${CONNECT}${code}`;
      const index = own ? notebook.widgets.indexOf(own) : place(panel, source);
      notebook.deselectAll();
      notebook.activeCellIndex = index;
      const cell = notebook.widgets[index];
      if (cell) {
        if (own) {
          cell.model.sharedModel.setSource(source);
          NotebookActions.clearOutputs(notebook);
        }
        cell.model.setMetadata(MARK, { purpose, source } satisfies Written);
        await notebook.scrollToCell(cell);
      }
      const where = `${panel.context.path}, cell ${index + 1}`;
      if (!run) {
        return `${own ? 'Replaced in' : 'Written to'} ${where}. Run the cell ${THEN[purpose]}.`;
      }
      await panel.sessionContext.ready;
      const succeeded = await NotebookActions.run(notebook, panel.sessionContext);
      return `Written to ${where}, and run${succeeded ? '' : ': it ended with an error, shown under the cell'}.`;
    }
  };
}

/** Whether the panel wrote this cell, and nobody has changed it since. */
function isOwn(cell: Cell<ICellModel>, purpose: Purpose): boolean {
  const written = cell.model.getMetadata(MARK) as Partial<Written> | undefined;
  return (
    isCodeCellModel(cell.model) &&
    written?.purpose === purpose &&
    written.source === cell.model.sharedModel.source
  );
}

/** Put the source into the active cell where that is empty code, else into a new one below it. */
function place(panel: NotebookPanel, source: string): number {
  const notebook = panel.content;
  const active = notebook.activeCell?.model;
  if (active && isCodeCellModel(active) && active.sharedModel.source.trim() === '') {
    active.sharedModel.setSource(source);
    return notebook.activeCellIndex;
  }
  const index = notebook.activeCell ? notebook.activeCellIndex + 1 : 0;
  notebook.model?.sharedModel.insertCell(index, {
    cell_type: 'code',
    source,
    metadata: { trusted: true }
  });
  return index;
}
