/** The menu "Save": pictures, data, code and movies of what is shown. */
import { button, h, say } from '../../dom';
import type { Take, TakeHost } from '../hosts';
import { pngOf, stepsOf, svgOf } from './figure';
import { addressOf, linkTo } from './link';
import { MOST_FRAMES, type MovieFormat, movieOf } from './movie';

type Control = HTMLInputElement | HTMLSelectElement;

export function createTake(host: TakeHost): Take {
  return new Menu(host);
}

class Menu implements Take {
  readonly element = h('details', { class: 'portal-viewer-take', 'data-lm-suppress-shortcuts': 'true' });
  private readonly summary = h('summary', { title: 'Save the picture, the data, the code or a movie' }, 'Save');
  private readonly width = number('Width (cm)', 16, 2, 100, 0.5);
  private readonly dpi = number('Dots per inch', 300, 36, 1200, 1);
  private readonly dim = h('select', { 'aria-label': 'Animate along', 'data-lm-suppress-shortcuts': 'true' });
  private readonly from = number('First step', 1, 1, 1, 1);
  private readonly to = number('Last step', 1, 1, 1, 1);
  private readonly speed = number('Frames per second', 8, 1, 50, 1);
  private readonly across = number('Width (pixels)', 960, 160, 3840, 10);
  private readonly movie: HTMLElement;
  private readonly link: HTMLElement;
  private readonly status = h('p', { class: 'portal-viewer-take-status', role: 'status' });
  private readonly bar = h('progress', { 'aria-label': 'Progress', hidden: true });
  private readonly stop = button('Cancel', () => this.working?.abort(), { hidden: true });
  private readonly text = h('textarea', { readonly: true, rows: '8', spellcheck: 'false', 'aria-label': 'Text to copy', hidden: true });
  private working: AbortController | null = null;

  constructor(private readonly host: TakeHost) {
    const save = (label: string, work: (signal: AbortSignal) => Promise<string>, name = label) =>
      button(label, () => void this.run(label, work), { 'aria-label': name });
    const picture = group(
      'Picture',
      this.width,
      this.dpi,
      save('PNG', async () => download(await pngOf(host, this.print()), this.name('png')), 'Save as PNG'),
      save('SVG', async () => {
        const blob = new Blob([await svgOf(host, this.print())], { type: 'image/svg+xml' });
        return download(blob, this.name('svg'));
      }, 'Save as SVG')
    );
    this.link = save('Link', async () => this.copy(linkTo(host.pinned(), host.source, addressOf(this.element)!)), 'Copy a link');
    this.movie = group(
      'Movie',
      labelled('Along', this.dim),
      this.from,
      this.to,
      this.speed,
      this.across,
      save('GIF', signal => this.animate('gif', signal), 'Save as GIF'),
      save('MP4', signal => this.animate('mp4', signal), 'Save as MP4')
    );
    const parts = host.ask
      ? [
          picture,
          group(
            'Data',
            save('NetCDF', () => this.file('netcdf'), 'Save the slice as NetCDF'),
            save('CSV', () => this.file('csv'), 'Save the slice as CSV'),
            save('Page', () => this.file('page'), 'Save a page with working sliders')
          ),
          group(
            'Code',
            save('xarray code', () => this.code('code'), 'Copy the xarray code of this view'),
            save('Notebook cell', () => this.code('cell'), 'Copy a notebook cell of this view'),
            this.link
          ),
          this.movie
        ]
      : [picture, group('Code', this.link)];
    const done = h('div', { class: 'portal-viewer-take-done' }, this.status, this.bar, this.stop, this.text);
    this.element.append(
      this.summary,
      h('div', { class: 'portal-viewer-take-body', role: 'group', 'aria-label': 'Save' }, ...parts, done)
    );
    this.dim.addEventListener('change', () => this.bound());
    this.element.addEventListener('toggle', () => this.element.open && this.refresh());
    this.element.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.element.open = false;
        this.summary.focus();
      }
    });
  }

  /** Offer the dimensions that can be animated now, and a link where there is an address. */
  private refresh(): void {
    const { x, y, variable, speed } = this.host.state();
    const { variables, dimensions } = this.host.source.description;
    const view = variables.find(v => v.name === variable);
    const shown = new Set([x ?? view?.x, y ?? view?.y]);
    const sliders = dimensions.filter(d => d.size > 1 && view?.dims.includes(d.name) && !shown.has(d.name));
    const before = this.dim.value;
    this.dim.replaceChildren(...sliders.map(d => h('option', { value: d.name }, d.title)));
    if (sliders.some(d => d.name === before)) {
      this.dim.value = before;
    } else {
      inputOf(this.speed).value = String(Math.min(50, Math.max(1, Math.round(speed))));
      this.bound();
    }
    this.movie.hidden = sliders.length === 0;
    this.link.hidden = addressOf(this.element) === null;
  }

  private bound(): void {
    const size = this.host.source.description.dimensions.find(d => d.name === this.dim.value)?.size ?? 1;
    for (const [control, at] of [[this.from, 1], [this.to, Math.min(size, MOST_FRAMES)]] as const) {
      inputOf(control).max = String(size);
      inputOf(control).value = String(at);
    }
  }

  private print(): { centimetres: number; dpi: number } {
    return { centimetres: valueOf(this.width), dpi: valueOf(this.dpi) };
  }

  private name(ending: string): string {
    const words = [this.host.state().variable, ...stepsOf(this.host)].join(' ');
    return `${words.replace(/[^\p{L}\p{N}.-]+/gu, '_').replace(/^[_.]+|[_.]+$/g, '').slice(0, 80) || 'view'}.${ending}`;
  }

  private async animate(format: MovieFormat, signal: AbortSignal): Promise<string> {
    const [from, to] = [valueOf(this.from) - 1, valueOf(this.to) - 1];
    if (to < from) {
      throw new Error('The last step comes before the first.');
    }
    const options = { format, dim: this.dim.value, from, to, speed: valueOf(this.speed), width: valueOf(this.across) };
    const blob = await movieOf(this.host, options, (done, total) => this.progress(done, total), signal);
    return download(blob, this.name(format));
  }

  private async file(what: 'netcdf' | 'csv' | 'page'): Promise<string> {
    const { result, buffers } = await this.host.ask!('save', { what, state: this.host.state() });
    const { name, media_type: type } = result as { name: string; media_type: string };
    return download(new Blob([buffers[0] as BlobPart], { type }), name);
  }

  private async code(what: 'code' | 'cell'): Promise<string> {
    const { buffers } = await this.host.ask!('save', { what, state: what === 'cell' ? this.host.pinned() : this.host.state() });
    return this.copy(new TextDecoder().decode(buffers[0]));
  }

  /** To the clipboard; the text stays in a field, for where that is not allowed. */
  private async copy(text: string): Promise<string> {
    this.text.value = text;
    this.text.hidden = false;
    try {
      await navigator.clipboard.writeText(text);
      return 'Copied.';
    } catch (error) {
      // Plain HTTP has no clipboard, and a page may not be allowed to write it.
      if (!(error instanceof DOMException || error instanceof TypeError)) {
        throw error;
      }
      this.text.focus();
      this.text.select();
      return 'Select the text and copy it.';
    }
  }

  /** Do one thing at a time, and say how it went. */
  private async run(what: string, work: (signal: AbortSignal) => Promise<string>): Promise<void> {
    if (this.working) {
      say(this.status, 'Something is being saved: wait for it, or cancel it.');
      return;
    }
    const bad = [...this.element.querySelectorAll<HTMLInputElement>('input')].find(i => i.offsetParent && !i.checkValidity());
    if (bad) {
      bad.reportValidity();
      say(this.status, `${bad.getAttribute('aria-label')} takes ${bad.min} to ${bad.max}.`);
      return;
    }
    this.working = new AbortController();
    this.text.hidden = true;
    this.element.dataset.portalBusy = what;
    say(this.status, `Making ${what}…`);
    try {
      say(this.status, await work(this.working.signal));
    } catch (error) {
      const canceled = this.working.signal.aborted;
      say(this.status, canceled ? 'Cancelled.' : error instanceof Error ? error.message : String(error));
    }
    this.working = null;
    this.bar.hidden = this.stop.hidden = true;
    delete this.element.dataset.portalBusy;
  }

  private progress(done: number, total: number): void {
    const focused = this.stop.hidden;
    this.bar.hidden = this.stop.hidden = false;
    this.bar.max = total;
    this.bar.value = done;
    say(this.status, `Frame ${Math.min(done + 1, total)} of ${total}`);
    if (focused) {
      this.stop.focus();
    }
  }
}

function group(name: string, ...children: Node[]): HTMLElement {
  return h('fieldset', {}, h('legend', {}, name), ...children);
}

function labelled(text: string, control: Control): HTMLLabelElement {
  return h('label', {}, h('span', {}, text), control);
}

function number(name: string, value: number, min: number, max: number, step: number): HTMLLabelElement {
  const limits = { min: String(min), max: String(max), step: step < 1 ? 'any' : String(step) };
  const input = h('input', { type: 'number', 'aria-label': name, required: true, 'data-lm-suppress-shortcuts': 'true', ...limits });
  input.value = String(value);
  return labelled(name, input);
}

const inputOf = (label: HTMLLabelElement) => label.querySelector('input')!;
const valueOf = (label: HTMLLabelElement) => inputOf(label).valueAsNumber;

function download(blob: Blob, name: string): string {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return `Saved ${name}.`;
}
