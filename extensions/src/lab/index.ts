/** Portal in JupyterLab: one plugin per file. */
import { sidebar } from './sidebar';

export default [sidebar];
