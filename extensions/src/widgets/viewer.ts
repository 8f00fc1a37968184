/** The viewer as an anywidget, and as the script of a page that stands alone. */
import { type Channel, kernelChannel, type Model } from '../components/comm';
import { socketsOf } from '../components/door';
import { later } from '../components/dom';
import { isPanel, type PanelModel, panelModel } from '../components/panel';
import { aligned } from '../components/viewer/ask';
import { FrameCache } from '../components/viewer/cache';
import { type Description, Frame, type FrameHeader, type FrameSource } from '../components/viewer/frame';
import { KERNEL_GONE, watchKernel } from '../components/viewer/gone';
import { pageSource } from '../components/viewer/page';
import { firstState, isSame, merged, type ViewState } from '../components/viewer/state';
import { takeLink, watchLinks } from '../components/viewer/take/link';
import { createViewer } from '../components/viewer/viewer';

/** Seconds: a frame of a remote array may take its time. */
const PATIENCE = 600;
/** Milliseconds for which a state has to stand before the kernel hears of it. */
const SETTLED = 300;
/** Milliseconds within which a state that was written may come back. */
const ECHO = 5_000;

function kernelSource(model: Model, channel: Channel): FrameSource & { close(): void } {
  const description = model.get('description') as Description;
  const read = () => merged(firstState(description.default), model.get('state') as Partial<ViewState>);
  const title = model.get('title') as string;
  const linked = takeLink({ title, description });
  let kept: ViewState = merged(read(), linked ?? {});
  /** States that were written and may come back, though later ones are shown by now. */
  const sent: { text: string; until: number }[] = [];
  let writing = false;
  const write = later(() => {
    sent.push({ text: JSON.stringify(kept), until: performance.now() + ECHO });
    writing = true;
    model.set('state', kept);
    writing = false;
    model.save_changes();
  }, SETTLED);
  if (linked) {
    write();
  }
  const other = model.get('other') as Description | null;
  return {
    title,
    description,
    ...(other ? { other } : {}),
    colorMaps: model.get('color_maps') as Record<string, string>,
    notes: [],
    state: kept,
    ask: channel.ask,
    async frame(request, options) {
      const { result, buffers } = await channel.ask('frame', request, options);
      return new Frame(result as FrameHeader, aligned(buffers[0]!));
    },
    keep(state) {
      if (!isSame(state, kept)) {
        kept = state;
        write();
      }
    },
    watch(changed) {
      const heard = () => {
        if (writing) {
          return;
        }
        const state = read();
        // One's own changes may come back, in the order in which they were written.
        sent.splice(0, sent.filter(each => each.until < performance.now()).length);
        const own = sent.findIndex(each => each.text === JSON.stringify(state));
        sent.splice(0, own + 1);
        if (own < 0 && !isSame(state, kept)) {
          kept = state;
          changed(state);
        }
      };
      model.on('change:state', heard);
      const unlink = watchLinks({ title, description }, state => changed(merged(kept, state)));
      return () => {
        unlink();
        model.off('change:state', heard);
      };
    },
    close: write.cancel
  };
}

/** The views of one widget on a page share what they have seen, by the widget's key. */
const caches = new Map<string, WeakRef<FrameCache>>();

function cacheOf(model: Model): FrameCache {
  const key = String(model.get('key'));
  const cache = caches.get(key)?.deref() ?? new FrameCache();
  caches.set(key, new WeakRef(cache));
  return cache;
}

export default {
  render({ model: given, el }: { model: Model | PanelModel; el: HTMLElement }): () => void {
    const model = isPanel(given) ? panelModel(given) : given;
    const channel = kernelChannel(model, undefined, PATIENCE);
    const source = kernelSource(model, channel);
    const dispose = createViewer(el, source, cacheOf(model));
    const unwatch = watchKernel(el, isPanel(given) ? null : model);
    const sockets = isPanel(given) ? null : socketsOf();
    if (sockets) {
      // The first picture first.
      const once = { once: true };
      const changed = (door: boolean, ended: boolean) => {
        el.querySelector('.portal-viewer')?.toggleAttribute('data-portal-door', door);
        if (ended) {
          el.dispatchEvent(new CustomEvent(KERNEL_GONE));
        }
      };
      el.addEventListener('portal-painted', () => void channel.shortcut(sockets, changed), once);
    }
    return () => {
      unwatch();
      source.close();
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
