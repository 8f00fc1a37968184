/** The finder as an anywidget: opening a dataset is told to the kernel. */
import { kernelComm, type Model } from '../components/comm';
import { createFinder } from '../components/finder';

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const { ask, backend, close } = kernelComm(model);
    const open = {
      label: 'Open',
      run: async ({ id }: { id: string }) => {
        const answer = (await ask('open', { id })) as { message?: string } | null;
        return answer?.message ?? 'Opened.';
      }
    };
    const text = model.get('text');
    const finder = createFinder(el, { backend, actions: [open], text: typeof text === 'string' ? text : '' });
    return () => {
      finder.dispose();
      close();
    };
  }
};
