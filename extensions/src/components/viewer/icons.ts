/** Small drawings for buttons, in the colour of their text. */
import { svg } from '../dom';

const PATHS = {
  in: 'M8 3v10M3 8h10',
  out: 'M3 8h10',
  all: 'M6 3H3v3M10 3h3v3M6 13H3v-3M10 13h3v-3',
  undo: 'M6 4 3 7l3 3M3 7h6.5a3 3 0 0 1 0 6H7',
  redo: 'M10 4l3 3-3 3M13 7H6.5a3 3 0 0 0 0 6H9',
  coasts: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M2.4 6.5c2 .3 2.500 1.500 4 1.200s.8-2 2.200-2.400S11 3.500 11 3M8 14c.4-1.600-.6-2.200.6-3.200s2.800-.2 5.100-1',
  table: 'M2.500 3.500h11v9h-11zM2.500 6.500h11M2.500 9.500h11M6.500 3.500v9',
  compare: 'M2.500 3.500h4.500v9H2.500zM9 3.500h4.500v9H9z',
  help: 'M6 6a2 2 0 1 1 2.800 1.800c-.6.3-.8.700-.8 1.400M8 11.500v.6',
  axes: 'M3 3v10h10M5.500 9.500l2.500-3 2 1.500 3-4',
  menu: 'M3 4.500h10M3 8h10M3 11.500h10',
  loop: 'M12.500 6A5 5 0 0 0 3.500 6M3.500 10a5 5 0 0 0 9 0M12.700 3v3h-3M3.300 13v-3h3'
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const path = svg('path', {
    d: PATHS[name],
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': 1.4,
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round'
  });
  return svg('svg', { viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' }, path);
}
