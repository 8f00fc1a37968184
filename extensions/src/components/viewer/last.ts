/** The last picture of a view in a notebook, for whoever opens it without a kernel. */
import { later } from '../dom';
import type { TakeHost } from './hosts';

/** Asked of a view's element; a view that has a picture writes it into `detail.png`, in base64. */
export const LAST_PICTURE = 'portal-last-picture';

export interface LastPicture {
  png: string | null;
}

/** Milliseconds for which a picture has to stand. */
const STANDS = 1_000;
const WIDTHS = [720, 480, 320];
/** Most characters of a picture in a notebook. */
const MOST = 200_000;
const PREFIX = 'data:image/png;base64,';

/** Keep the last picture of a view that lies in a notebook; the result stops it. */
export function keepLast(root: HTMLElement, host: Pick<TakeHost, 'compose' | 'size'>): () => void {
  let last: string | null = null;
  const take = later(() => {
    void drawn(host).then(png => {
      last = png ?? last;
      root.toggleAttribute('data-portal-last', last !== null);
    });
  }, STANDS);
  const painted = () => {
    if (root.closest('.jp-Notebook')) {
      take();
    }
  };
  const asked = (event: Event) => {
    (event as CustomEvent<LastPicture>).detail.png = last;
  };
  root.addEventListener('portal-painted', painted);
  root.addEventListener(LAST_PICTURE, asked);
  return () => {
    take.cancel();
    root.removeEventListener('portal-painted', painted);
    root.removeEventListener(LAST_PICTURE, asked);
  };
}

async function drawn(host: Pick<TakeHost, 'compose' | 'size'>): Promise<string | null> {
  const { width, height } = host.size();
  if (!width || !height) {
    return null;
  }
  for (const across of WIDTHS) {
    const scale = Math.min(1, across / width);
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext('2d')!;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.scale(scale, scale);
    await host.compose(context, width, height);
    const url = canvas.toDataURL('image/png');
    if (url.length < MOST) {
      return url.slice(PREFIX.length);
    }
  }
  return null;
}
