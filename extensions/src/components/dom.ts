/** Elements, safely: text is always text, and a link leads to the web or nowhere. */

type Child = Node | string | null | undefined | false;

/** Make an element; children that are strings become text nodes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.filter((child): child is Node | string => Boolean(child)));
  return node;
}

/** Make an element of a drawing. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/** Call a while after the last of several calls. */
export function later(work: () => void, milliseconds: number): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const call = () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
  return Object.assign(call, { cancel: () => clearTimeout(timer) });
}

/** A button that never submits anything. */
export function button(
  label: string,
  onClick: () => void,
  attributes: Record<string, string | boolean> = {}
): HTMLButtonElement {
  const node = h('button', { type: 'button', class: 'portal-button', ...attributes }, label);
  node.addEventListener('click', onClick);
  return node;
}

/** A link, where the address is one of the web; else the text alone: records may hold anything. */
export function link(text: string, url: string | null): Node {
  let protocol = '';
  try {
    protocol = url ? new URL(url).protocol : '';
  } catch (error) {
    if (!(error instanceof TypeError)) {
      throw error;
    }
  }
  return protocol === 'https:' || protocol === 'http:'
    ? h('a', { href: url!, target: '_blank', rel: 'noopener noreferrer' }, text)
    : document.createTextNode(text);
}

/** A labelled line of facts; nothing where there is no value. */
export function fact(label: string, ...values: Child[]): Node[] {
  return values.some(Boolean) ? [h('dt', {}, label), h('dd', {}, ...values)] : [];
}

/** Show an element, or hide it where the text is empty. */
export function say(node: HTMLElement, text: string): void {
  node.textContent = text;
  node.hidden = text === '';
}

/** A button that copies a text and says so. */
export function copyButton(label: string, text: () => string, name = label): HTMLButtonElement {
  const node = button(label, () => void copy(), { 'aria-label': name });
  async function copy(): Promise<void> {
    node.textContent = (await toClipboard(text())) ? 'Copied' : 'Select and copy by hand';
    setTimeout(() => (node.textContent = label), 1500);
  }
  return node;
}

async function toClipboard(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) {
        throw error;
      }
    }
  }
  // A page served over plain HTTP, or one that may not write the clipboard, has this way only.
  const area = h('textarea', { class: 'portal-offscreen', 'aria-hidden': 'true' });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

/** Call at every change of theme, JupyterLab's or the system's, until it is stopped. */
export function onTheme(changed: () => void): () => void {
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', changed);
  const lab = new MutationObserver(changed);
  lab.observe(document.body, {
    attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light', 'class']
  });
  return () => {
    system.removeEventListener('change', changed);
    lab.disconnect();
  };
}

/** Show HTML in a frame that runs no script, reaches nothing and follows the theme. */
export function sandboxed(html: string, title: string, near: HTMLElement): HTMLIFrameElement {
  const frame = h('iframe', { sandbox: '', title, class: 'portal-repr' });
  let { color } = getComputedStyle(near);
  frame.srcdoc = inColor(html, color);
  // Nobody says when the frame is dropped: it is held weakly, and forgotten once it has gone.
  const weak = new WeakRef(frame);
  const stop = onTheme(() => {
    const shown = weak.deref();
    if (!shown) {
      stop();
    } else if (shown.isConnected && getComputedStyle(shown).color !== color) {
      color = getComputedStyle(shown).color;
      shown.srcdoc = inColor(html, color);
    }
  });
  return frame;
}

/** A page of its own around HTML, for text of a colour. */
function inColor(html: string, color: string): string {
  const theme = isDark(color) ? 'dark' : 'light';
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  return (
    `<!DOCTYPE html><html data-theme="${theme}" theme="${theme}">` +
    `<head><meta http-equiv="Content-Security-Policy" content="${policy}"><style>` +
    `html{color-scheme:${theme}}` +
    `body{margin:6px;font:12px/1.4 system-ui,sans-serif;color:${color};background:transparent}` +
    `</style></head><body>${html}</body></html>`
  );
}

/** Whether text of this colour is meant for a dark ground. */
function isDark(color: string): boolean {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 128;
}
