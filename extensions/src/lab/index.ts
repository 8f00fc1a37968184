/** Portal in JupyterLab: one plugin per file. */
import { ahead } from './ahead';
import { kernels } from './kernels';
import { links } from './links';
import { pictures } from './pictures';
import { sidebar } from './sidebar';

export default [sidebar, pictures, ahead, kernels, links];
