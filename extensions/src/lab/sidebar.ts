/** The plugin of the sidebar and of the commands behind its buttons. */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { DatasetAction } from '../components/details';
import { createCellWriter, type Purpose } from './cell';
import { portalIcon } from './icon';
import { PortalPanel } from './panel';
import { restBackend } from './rest';

export const OPEN_DATASET = 'portal:open-dataset';
export const SHOW = 'portal:show';

const NO_NOTEBOOK =
  'There is no open notebook to write to. Open one, or make one from the launcher (File › New › Notebook), then insert again.';

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: '@portal/lab:sidebar',
  description: 'Find datasets and follow runs beside the notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette],
  activate
};

function activate(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null
): void {
  const { commands, serviceManager, shell } = app;
  const writer = createCellWriter();

  commands.addCommand(OPEN_DATASET, {
    label: 'Insert the Cell That Opens a Dataset',
    describedBy: {
      args: {
        type: 'object',
        properties: {
          code: {
            type: 'string',
            description: 'The lines that open it, given a federation named fed'
          },
          purpose: {
            type: 'string',
            enum: ['open', 'use'],
            description: 'What the cell is for; the one written before for it is replaced',
            default: 'open'
          },
          run: { type: 'boolean', description: 'Whether the cell is run as well', default: false }
        },
        required: ['code']
      }
    },
    isVisible: () => false,
    execute: args => {
      const panel = notebooks.currentWidget;
      if (!panel) {
        throw new Error(NO_NOTEBOOK);
      }
      const purpose = args['purpose'] === 'use' ? 'use' : 'open';
      return writer.write(panel, String(args['code']), purpose, args['run'] === true);
    }
  });

  const write = (code: string, purpose: Purpose, run = false) =>
    commands.execute(OPEN_DATASET, { code, purpose, run }) as Promise<string>;
  const actions: DatasetAction[] = [
    { label: 'Insert', run: ({ code }) => write(code, 'open') },
    { label: 'Insert and run', run: ({ code }) => write(code, 'open', true) },
    { label: 'Use in analysis', run: ({ id }) => write(analysisOf(id), 'use') }
  ];
  const panel = new PortalPanel(restBackend(serviceManager.serverSettings), actions);
  panel.title.icon = portalIcon;
  panel.title.caption = 'Portal';
  shell.add(panel, 'left', { rank: 550, type: 'Portal' });
  restorer?.add(panel, 'portal-panel');

  commands.addCommand(SHOW, {
    label: 'Show Portal',
    caption: 'Find datasets and follow runs',
    icon: portalIcon,
    describedBy: {
      args: { type: 'object', properties: { tab: { type: 'string', enum: ['Find', 'Runs'] } } }
    },
    execute: args => {
      (labShell ?? shell).activateById(panel.id);
      if (args['tab'] === 'Find' || args['tab'] === 'Runs') {
        panel.choose(args['tab']);
      }
    }
  });
  palette?.addItem({ command: SHOW, category: 'Portal' });
}

/** A cell that analyses a dataset as it stands, to be changed into what is wanted. */
function analysisOf(id: string): string {
  return `import xarray as xr


@portal.analysis
def mean(data: xr.Dataset) -> xr.Dataset:
    """The mean over all that there is."""
    return data.mean(keep_attrs=True)


run = fed.run(mean, data=${JSON.stringify(id)})
run`;
}
