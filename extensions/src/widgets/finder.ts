/** The finder as an anywidget: what is opened becomes the widget's `selected`. */
import { kernelComm, type Model } from '../components/comm';
import type { DatasetAction } from '../components/details';
import { createFinder } from '../components/finder';

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const { backend, close } = kernelComm(model);
    const open: DatasetAction = {
      label: 'Open',
      run({ id }) {
        model.set('selected', id);
        model.save_changes();
        return `Chosen: ${id}`;
      }
    };
    const use: DatasetAction = {
      label: 'Use in analysis',
      run({ id }) {
        // The same dataset again is a wish as well.
        model.set('used', '');
        model.save_changes();
        model.set('used', id);
        model.save_changes();
        return `In use: ${id}`;
      }
    };
    const finder = createFinder(el, {
      backend,
      actions: model.get('used') === undefined ? [open] : [open, use],
      text: String(model.get('text') ?? '')
    });
    const follow = () => finder.search(String(model.get('text') ?? ''));
    model.on('change:text', follow);
    return () => {
      model.off('change:text', follow);
      finder.dispose();
      close();
    };
  }
};
