/** Pictures of datasets, asked for when they come into sight, two at a time. */
import type { FinderBackend } from '../backend';
import { h } from '../dom';

export interface Thumbnails {
  /** The place of a picture; it has its size from the start. */
  place(id: string): HTMLElement;
  dispose(): void;
}

const MOST = 2;
/** Milliseconds that a result stays in sight first: while somebody types, they come and go. */
const PAUSE = 500;
const SAFE = /^data:image\/(png|jpeg);base64,/;

/** Make the pictures of one finder. */
export function createThumbnails(backend: Pick<FinderBackend, 'quicklook'>): Thumbnails {
  const known = new Map<string, string | null>();
  const waiting = new Set<HTMLElement>();
  let flying = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const seen = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) {
      const node = target as HTMLElement;
      if (isIntersecting) {
        waiting.add(node);
      } else {
        waiting.delete(node);
      }
    }
    clearTimeout(timer);
    timer = setTimeout(next, PAUSE);
  });

  function next(): void {
    for (const node of waiting) {
      if (flying >= MOST) {
        return;
      }
      waiting.delete(node);
      if (node.isConnected) {
        seen.unobserve(node);
        flying += 1;
        void fetch(node);
      }
    }
  }

  async function fetch(node: HTMLElement): Promise<void> {
    const id = node.dataset['of']!;
    try {
      const { url } = await backend.quicklook(id);
      known.set(id, url);
      fill(node, url);
    } catch {
      // A picture is an extra: where there is none, its place stays empty, and is tried again.
      node.dataset['state'] = 'none';
    } finally {
      flying -= 1;
      next();
    }
  }

  return {
    place(id) {
      const node = h('div', { class: 'portal-thumbnail', 'aria-hidden': 'true', 'data-of': id });
      if (known.has(id)) {
        fill(node, known.get(id)!);
      } else {
        seen.observe(node);
      }
      return node;
    },
    dispose() {
      clearTimeout(timer);
      seen.disconnect();
      waiting.clear();
    }
  };
}

function fill(node: HTMLElement, url: string | null): void {
  if (url && SAFE.test(url)) {
    node.replaceChildren(h('img', { src: url, alt: '', draggable: 'false' }));
    node.dataset['state'] = 'shown';
  } else {
    node.dataset['state'] = 'none';
  }
}
