/** One dataset: what it is, whose it is, how to cite it, what is in it. */
import { type Exported, type Format, FORMATS, type ItemDetails, reason } from './backend';
import { button, copyButton, fact, h, link, sandboxed } from './dom';
import { assets, dimensions, variables } from './find/contents';
import { bytes, extent, period } from './format';

/** Something that the host can do with a dataset. */
export interface DatasetAction {
  label: string;
  /** Do it; a text that is returned is shown. */
  run(details: ItemDetails): Promise<string | void> | string | void;
}

export interface DetailsOptions {
  actions: DatasetAction[];
  onBack(): void;
  /** Show another dataset. */
  onOpen(id: string): void;
  export(ids: string[], format: Format): Promise<Exported>;
}

/** Fill an element with the details of a dataset. */
export function showDetails(
  host: HTMLElement,
  item: ItemDetails,
  { actions, onBack, onOpen, export: give }: DetailsOptions
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
    await tell(async () => (await action.run(item)) ?? '');
    buttons.forEach(node => (node.disabled = false));
  }
  async function tell(work: () => Promise<string>): Promise<void> {
    said.classList.remove('portal-bad');
    try {
      said.textContent = await work();
    } catch (error) {
      said.textContent = reason(error);
      said.classList.add('portal-bad');
    }
    said.hidden = said.textContent === '';
  }
  async function download(format: Format): Promise<string> {
    const file = await give([item.id], format);
    save(file);
    return `Saved as ${file.name}`;
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
      copyButton('Copy code', () => item.code),
      exports(format => void tell(() => download(format)))
    ),
    said,
    item.problem ? h('p', { class: 'portal-notice portal-bad', role: 'alert' }, item.problem) : '',
    item.description ? h('p', { class: 'portal-text' }, item.description) : '',
    facts(item, onOpen),
    variables(item),
    dimensions(item),
    assets(item)
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

/** A menu of the formats in which the record can be had. */
function exports(onChoose: (format: Format) => void): HTMLElement {
  const summary = h('summary', { class: 'portal-button' }, 'Export');
  const formats = Object.entries(FORMATS) as [Format, string][];
  const choose = (format: Format) => {
    menu.open = false;
    summary.focus();
    onChoose(format);
  };
  const menu = h(
    'details',
    { class: 'portal-menu' },
    summary,
    h(
      'div',
      { class: 'portal-menu-body' },
      ...formats.map(([format, label]) =>
        button(label, () => choose(format), { class: 'portal-choice' })
      )
    )
  );
  menu.addEventListener('keydown', event => {
    if (event.key === 'Escape' && menu.open) {
      event.preventDefault();
      event.stopPropagation();
      menu.open = false;
      summary.focus();
    }
  });
  return menu;
}

/** Give a file to the browser. */
function save({ name, type, text }: Exported): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function facts(item: ItemDetails, onOpen: (id: string) => void): HTMLElement {
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
  const bibtex = item.bibtex
    ? h(
        'details',
        { class: 'portal-bibtex' },
        h('summary', {}, 'BibTeX'),
        h('pre', { tabindex: '0', 'aria-label': 'BibTeX' }, item.bibtex)
      )
    : null;
  const copyBibtex =
    bibtex && copyButton('Copy BibTeX', () => item.bibtex, 'Copy the citation in BibTeX');
  const access = (item.access ?? []).map(({ title, href }) =>
    h('div', {}, link(title || href, href))
  );
  const known = (id: string, text: string) =>
    button(text, () => onOpen(id), { class: 'portal-plain portal-inline' });
  const lineage = (item.lineage ?? []).map(({ rel, title, id, href }) =>
    h(
      'div',
      {},
      h('span', { class: 'portal-quiet' }, `${rel.replaceAll('_', ' ')}: `),
      id ? known(id, title || id) : link(title || href || '', href)
    )
  );
  const sources = (item.sources ?? []).map(({ id, facility, title }) =>
    h('div', {}, known(id, `${facility}: ${title || id}`))
  );
  return h(
    'dl',
    { class: 'portal-facts' },
    ...fact('Laboratory', item.facility_name),
    ...fact('Provider', ...providers),
    ...fact('Licence', item.license),
    ...fact('Time', period(item.start, item.end)),
    ...fact('Area', extent(item.bbox)),
    ...fact('Size', size(item)),
    ...fact('Citation', citation, copyBibtex, bibtex),
    ...fact('DOI', doi),
    ...fact('Access', ...access),
    ...fact('Lineage', ...lineage),
    ...fact('Also at', ...sources),
    ...fact('Keywords', item.keywords.join(', '))
  );
}

function size({ bytes: stored, decoded }: ItemDetails): string {
  const parts = [
    typeof stored === 'number' ? `${bytes(stored)} as stored` : '',
    typeof decoded === 'number' ? `${bytes(decoded)} in memory` : ''
  ];
  return parts.filter(Boolean).join(', ');
}
