/** The viewer as an anywidget, and as the script of a page that stands alone. */
import { type Bytes, type Channel, kernelChannel, type Model } from '../components/comm';
import { type Description, Frame, type FrameHeader, type FrameSource } from '../components/viewer/frame';
import { pageSource } from '../components/viewer/page';
import { createViewer } from '../components/viewer/viewer';

/** Seconds: a frame of a remote array may take its time. */
const PATIENCE = 600;

function kernelSource(model: Model, channel: Channel): FrameSource {
  return {
    title: model.get('title') as string,
    description: model.get('description') as Description,
    colorMaps: model.get('color_maps') as Record<string, string>,
    notes: [],
    async frame(request) {
      const { result, buffers } = await channel.ask('frame', request);
      return new Frame(result as FrameHeader, aligned(buffers[0]!));
    }
  };
}

/** The bytes in a buffer of their own, where they start at 0: typed arrays need that. */
function aligned(data: Bytes): ArrayBuffer {
  return data instanceof ArrayBuffer
    ? data
    : (data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer);
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const channel = kernelChannel(model, undefined, PATIENCE);
    const dispose = createViewer(el, kernelSource(model, channel));
    return () => {
      dispose();
      channel.close();
    };
  }
};

const page = document.getElementById('portal-page-data');
const host = document.getElementById('portal-page-view');
if (page && host) {
  createViewer(host, pageSource(page.textContent ?? ''));
}
