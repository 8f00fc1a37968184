/** One run as an anywidget: what the kernel pushes is shown at once, the rest is asked for. */
import type { RunUpdate } from '../components/backend';
import { kernelComm, type Model } from '../components/comm';
import { createRun, type RunView } from '../components/run';

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    let view: RunView | undefined;
    const { backend, close } = kernelComm(model, (event, data) => {
      if (event === 'update') {
        view?.apply(data as RunUpdate);
      }
    });
    const known = model.get('update') as Partial<RunUpdate> | undefined;
    view = createRun(el, {
      backend,
      id: model.get('run_id') as string,
      // The kernel tells by itself; asking is for when it was missed.
      period: 5000,
      ...(known?.id ? { known: known as RunUpdate } : {})
    });
    return () => {
      view?.dispose();
      close();
    };
  }
};
