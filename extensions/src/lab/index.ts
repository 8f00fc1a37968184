import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

const plugins: JupyterFrontEndPlugin<unknown>[] = [{ id: '@portal/lab:panel', autoStart: true, activate: () => undefined }];
export default plugins;
