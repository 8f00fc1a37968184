/** Portal in JupyterLab: one plugin per file. */
import { pictures } from './pictures';
import { sidebar } from './sidebar';

export default [sidebar, pictures];
