/** One dataset: what it is, whose it is, how to cite it, what is in it. */
import { type ItemDetails, reason } from './backend';
import { button, copyButton, fact, h, link, sandboxed } from './dom';
import { extent, period } from './format';

/** Something that the host can do with a dataset. */
export interface DatasetAction {
  label: string;
  /** Do it; a text that is returned is shown. */
  run(details: ItemDetails): Promise<string | void> | string | void;
}

export interface DetailsOptions {
  actions: DatasetAction[];
  onBack(): void;
}

/** Fill an element with the details of a dataset. */
export function showDetails(
  host: HTMLElement,
  item: ItemDetails,
  { actions, onBack }: DetailsOptions
): void {
  const said = h('p', { class: 'portal-said', role: 'status', 'data-testid': 'portal-said' });
  said.hidden = true;
  const buttons = actions.map((action, i) =>
    button(
      action.label,
      () => void act(action),
      i === 0 ? { class: 'portal-button portal-primary' } : {}
    )
  );
  async function act(action: DatasetAction): Promise<void> {
    buttons.forEach(node => (node.disabled = true));
    said.classList.remove('portal-bad');
    try {
      const text = (await action.run(item)) ?? '';
      said.textContent = text;
    } catch (error) {
      said.textContent = reason(error);
      said.classList.add('portal-bad');
    }
    said.hidden = said.textContent === '';
    buttons.forEach(node => (node.disabled = false));
  }

  host.replaceChildren(
    backButton(onBack),
    h(
      'h3',
      { class: 'portal-title', tabindex: '-1', 'data-testid': 'portal-details-title' },
      item.title || item.id
    ),
    h(
      'p',
      { class: 'portal-meta' },
      h('span', { class: 'portal-badge', title: item.facility_name }, item.facility),
      h('code', {}, item.id)
    ),
    h(
      'div',
      { class: 'portal-actions' },
      ...buttons,
      copyButton('Copy code', () => item.code)
    ),
    said,
    item.problem ? h('p', { class: 'portal-notice portal-bad', role: 'alert' }, item.problem) : '',
    item.description ? h('p', { class: 'portal-text' }, item.description) : '',
    facts(item),
    variables(item)
  );
  if (item.repr_html) {
    host.append(
      h(
        'details',
        { open: true },
        h('summary', {}, 'Dataset'),
        sandboxed(item.repr_html, `Dataset ${item.title || item.id}`, host)
      )
    );
  }
}

/** The way back to the list. */
export function backButton(onBack: () => void, label = 'Results'): HTMLButtonElement {
  return button(`‹ ${label}`, onBack, {
    class: 'portal-plain portal-back',
    'aria-label': `Back to ${label.toLowerCase()}`
  });
}

function facts(item: ItemDetails): HTMLElement {
  const providers = item.providers.map(({ name, roles, url }) =>
    h(
      'div',
      {},
      link(name, url),
      roles.length ? h('span', { class: 'portal-quiet' }, ` (${roles.join(', ')})`) : ''
    )
  );
  const citation = item.citation
    ? h(
        'div',
        {},
        item.citation,
        ' ',
        copyButton('Copy', () => item.citation, 'Copy citation')
      )
    : null;
  const doi = item.doi && link(item.doi, `https://doi.org/${encodeURI(item.doi)}`);
  return h(
    'dl',
    { class: 'portal-facts' },
    ...fact('Laboratory', item.facility_name),
    ...fact('Provider', ...providers),
    ...fact('Licence', item.license),
    ...fact('Time', period(item.start, item.end)),
    ...fact('Area', extent(item.bbox)),
    ...fact('Citation', citation),
    ...fact('DOI', doi),
    ...fact('Keywords', item.keywords.join(', '))
  );
}

function variables(item: ItemDetails): HTMLElement | '' {
  if (item.variables.length === 0) {
    return '';
  }
  const rows = item.variables.map(v => {
    const about = v.long_name || v.standard_name.replaceAll('_', ' ');
    const dims = v.dims.map((dim, i) =>
      `${dim}\u00a0${v.shape[i]?.toLocaleString('en') ?? ''}`.trim()
    );
    return h(
      'tr',
      {},
      h(
        'th',
        { scope: 'row' },
        h('code', {}, v.name),
        about ? h('div', { class: 'portal-quiet' }, about) : ''
      ),
      h('td', {}, v.units || '–'),
      h('td', {}, dims.join(' × ') || 'one value')
    );
  });
  const head = ['Variable', 'Units', 'Dimensions'].map(name => h('th', { scope: 'col' }, name));
  return h(
    'div',
    { class: 'portal-scroll' },
    h(
      'table',
      { class: 'portal-table', 'aria-label': 'Variables' },
      h('thead', {}, h('tr', {}, ...head)),
      h('tbody', {}, ...rows)
    )
  );
}
