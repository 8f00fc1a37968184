/** The viewer as an anywidget, and as the script of a page that stands alone. */
import { type Channel, kernelChannel, type Model } from '../components/comm';
import { aligned } from '../components/viewer/ask';
import { FrameCache } from '../components/viewer/cache';
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
    ask: channel.ask,
    async frame(request, options) {
      const { result, buffers } = await channel.ask('frame', request, options);
      return new Frame(result as FrameHeader, aligned(buffers[0]!));
    }
  };
}

/** The views of one widget on a page share what they have seen. */
const caches = new WeakMap<Model, FrameCache>();

function cacheOf(model: Model): FrameCache {
  const cache = caches.get(model) ?? new FrameCache();
  caches.set(model, cache);
  return cache;
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const channel = kernelChannel(model, undefined, PATIENCE);
    const dispose = createViewer(el, kernelSource(model, channel), cacheOf(model));
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
