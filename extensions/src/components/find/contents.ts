/** What is in a dataset, as tables: variables, dimensions, files. */
import type { ItemDetails } from '../backend';
import { h, link } from '../dom';
import { bytes } from '../format';

type Cells = (Node | string)[];

/** The variables with their units and shapes. */
export function variables(item: ItemDetails): HTMLElement | '' {
  const rows = item.variables.map((v): Cells => {
    const about = v.long_name || v.standard_name.replaceAll('_', ' ');
    const dims = v.dims.map((dim, i) =>
      `${dim}\u00a0${v.shape[i]?.toLocaleString('en') ?? ''}`.trim()
    );
    return [named(v.name, about), v.units || '–', dims.join(' × ') || 'one value'];
  });
  return table('Variables', ['Variable', 'Units', 'Dimensions'], rows);
}

/** The dimensions with their extents. */
export function dimensions(item: ItemDetails): HTMLElement | '' {
  const rows = (item.dimensions ?? []).map((d): Cells => {
    const [low, high] = d.extent ?? [];
    const range = d.extent ? `${ending(low)} – ${ending(high)}` : '–';
    return [
      named(d.name, d.kind),
      d.size?.toLocaleString('en') ?? '–',
      d.unit && d.extent ? `${range} ${d.unit}` : range
    ];
  });
  return folded('Dimensions', table('Dimensions', ['Dimension', 'Size', 'Extent'], rows), rows);
}

/** The files and services that hold it. */
export function assets(item: ItemDetails): HTMLElement | '' {
  const rows = (item.assets ?? []).map((a): Cells => {
    const type = [a.type, a.roles.join(', ')].filter(Boolean).join(' · ');
    const title = a.title || a.name;
    return [
      h('div', {}, link(title, a.href), type && h('div', { class: 'portal-quiet' }, type)),
      a.size === null ? '–' : bytes(a.size)
    ];
  });
  return folded('Assets', table('Assets', ['Asset', 'Size'], rows), rows);
}

function ending(value: string | number | null | undefined): string {
  if (value === null || value === undefined) {
    return '…';
  }
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : value.slice(0, 10);
}

function named(name: string, about: string): HTMLElement {
  return h(
    'div',
    {},
    h('code', {}, name),
    about ? h('div', { class: 'portal-quiet' }, about) : ''
  );
}

function folded(label: string, content: HTMLElement | '', rows: Cells[]): HTMLElement | '' {
  return (
    content && h('details', {}, h('summary', {}, `${label} (${rows.length})`), content)
  );
}

function table(label: string, head: string[], rows: Cells[]): HTMLElement | '' {
  if (rows.length === 0) {
    return '';
  }
  const body = rows.map(([first, ...rest]) =>
    h('tr', {}, h('th', { scope: 'row' }, first), ...rest.map(cell => h('td', {}, cell)))
  );
  return h(
    'div',
    { class: 'portal-scroll' },
    h(
      'table',
      { class: 'portal-table', 'aria-label': label },
      h('thead', {}, h('tr', {}, ...head.map(name => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, ...body)
    )
  );
}
