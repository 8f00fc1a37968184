/** The viewer as an anywidget, and as the script of a page that stands alone. */
import { type Description, Frame, type FrameHeader, type FrameSource } from '../components/viewer/frame';
import { pageSource } from '../components/viewer/page';
import { createViewer } from '../components/viewer/viewer';

interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(event: 'msg:custom', handler: (message: Reply, buffers: (DataView | ArrayBuffer)[]) => void): void;
  off(event: 'msg:custom', handler: unknown): void;
}

interface Reply {
  id?: string;
  result?: FrameHeader;
  error?: { kind: string; message: string };
}

interface Waiting {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

function kernelSource(model: Model): { source: FrameSource; close(): void } {
  const waiting = new Map<string, Waiting>();
  // Several views of one widget share its messages: the prefix says whose answer it is.
  const prefix = Math.random().toString(36).slice(2);
  let count = 0;
  const answer = (message: Reply, buffers: (DataView | ArrayBuffer)[]) => {
    const asked = waiting.get(message.id ?? '');
    if (!asked) {
      return;
    }
    waiting.delete(message.id!);
    if (message.result) {
      asked.resolve(new Frame(message.result, aligned(buffers[0])));
    } else {
      asked.reject(new Error(message.error?.message ?? 'The kernel gave no answer.'));
    }
  };
  model.on('msg:custom', answer);
  return {
    source: {
      title: model.get('title') as string,
      description: model.get('description') as Description,
      colorMaps: model.get('color_maps') as Record<string, string>,
      notes: [],
      frame: request =>
        new Promise((resolve, reject) => {
          const id = `${prefix}-${++count}`;
          waiting.set(id, { resolve, reject });
          model.send({ id, method: 'frame', params: request });
        })
    },
    close: () => model.off('msg:custom', answer)
  };
}

/** The bytes in a buffer of their own, where they start at 0: typed arrays need that. */
function aligned(data: DataView | ArrayBuffer): ArrayBuffer {
  return data instanceof ArrayBuffer
    ? data
    : (data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer);
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const { source, close } = kernelSource(model);
    const dispose = createViewer(el, source);
    return () => {
      close();
      dispose();
    };
  }
};

const page = document.getElementById('portal-page-data');
const host = document.getElementById('portal-page-view');
if (page && host) {
  createViewer(host, pageSource(page.textContent ?? ''));
}
