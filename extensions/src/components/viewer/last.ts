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
/** Most bytes of a picture in a notebook. */
const MOST = 150_000;

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
    const png = await encoded(canvas);
    if (png && png.size < MOST) {
      return base64(png);
    }
  }
  return null;
}

/** Encode in another thread: the page goes on meanwhile. */
function encoded(canvas: HTMLCanvasElement): Promise<Blob | null> {
  return new Promise(done => canvas.toBlob(done, 'image/png'));
}

function base64(blob: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done((reader.result as string).split(',', 2)[1]);
    reader.onerror = () => failed(reader.error ?? new Error('The picture cannot be read.'));
    reader.readAsDataURL(blob);
  });
}
