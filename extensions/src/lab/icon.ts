import { LabIcon } from '@jupyterlab/ui-components';

/** A door that opens onto several places. */
export const portalIcon = new LabIcon({
  name: 'portal:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" style="fill: none" d="M4 21V11a8 8 0 0 1 16 0v10M12 13V9M12 13l-4.2 4.2M12 13l4.2 4.2"/>
  <g class="jp-icon3" fill="#616161"><circle cx="12" cy="13" r="2.2"/><circle cx="12" cy="8.2" r="1.8"/><circle cx="7.6" cy="17.6" r="1.8"/><circle cx="16.4" cy="17.6" r="1.8"/></g>
</svg>`
});
