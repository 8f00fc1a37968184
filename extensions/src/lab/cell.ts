/** Writes the cell that opens a dataset into a notebook. */
import { type Cell, type ICellModel, isCodeCellModel } from '@jupyterlab/cells';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

const CONNECT = 'import portal\n\nfed = portal.connect()\n';
const CONNECTED = /^\s*fed\s*=\s*portal\.connect\(/m;

interface Written {
  id: string;
  source: string;
}

export interface CellWriter {
  /** Write the cell and return what was done, for the reader. */
  write(panel: NotebookPanel, code: string, run: boolean): Promise<string>;
}

/** Make a writer; it remembers, for each notebook, the cell that it wrote last. */
export function createCellWriter(): CellWriter {
  const last = new WeakMap<NotebookPanel, Written>();

  return {
    async write(panel, code, run) {
      await panel.context.ready;
      const notebook = panel.content;
      const own = findOwn(notebook.widgets, last.get(panel));
      const connected = notebook.widgets.some(
        cell =>
          cell !== own &&
          cell.model.type === 'code' &&
          CONNECTED.test(cell.model.sharedModel.source)
      );
      const source = connected ? code : `${CONNECT}${code}`;
      const index = own ? notebook.widgets.indexOf(own) : place(panel, source);
      own?.model.sharedModel.setSource(source);
      notebook.deselectAll();
      notebook.activeCellIndex = index;
      const cell = notebook.widgets[index];
      if (cell) {
        last.set(panel, { id: cell.model.id, source });
        await notebook.scrollToCell(cell);
      }
      const where = `${panel.context.path}, cell ${index + 1}`;
      if (!run) {
        return `${own ? 'Replaced in' : 'Written to'} ${where}. Run the cell to open the dataset.`;
      }
      await panel.sessionContext.ready;
      const succeeded = await NotebookActions.run(notebook, panel.sessionContext);
      return `Written to ${where}, and run${succeeded ? '' : ': it ended with an error, shown under the cell'}.`;
    }
  };
}

/** The cell written before, while nobody has changed or run it. */
function findOwn(
  cells: readonly Cell<ICellModel>[],
  written: Written | undefined
): Cell<ICellModel> | undefined {
  const cell = cells.find(({ model }) => model.id === written?.id);
  const model = cell?.model;
  return model &&
    isCodeCellModel(model) &&
    model.executionCount === null &&
    model.sharedModel.source === written?.source
    ? cell
    : undefined;
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
