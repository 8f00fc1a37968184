/** A word over a view whose kernel has gone: it is said at once, not at the next thing that is asked. */
import type { Model } from '../comm';
import { h } from '../dom';

/** Told to a view, from inside its element, by whoever hears of the kernel first. */
export const KERNEL_GONE = 'portal-kernel-gone';

const TEXT = 'The kernel of this view has stopped or was restarted: what was read before is all there is. Run the cell again to go on.';
/** What the widgets' own manager marks where it hears of a restart. */
const DISCONNECTED = '.jupyter-widgets-disconnected';
const SAID = 'portal-viewer-gone';

/** Say it in the view that lies in an element, once; the result stops listening. `model` is a widget's. */
export function watchKernel(el: HTMLElement, model: Model | null): () => void {
  const say = () => {
    const view = el.querySelector('.portal-viewer');
    if (view && !view.querySelector(`.${SAID}`)) {
      view.firstElementChild?.after(h('p', { class: SAID, role: 'alert' }, TEXT));
    }
  };
  const heard = () => {
    if (el.closest(DISCONNECTED)) {
      say();
    }
  };
  el.addEventListener(KERNEL_GONE, say);
  model?.on('comm_live_update', heard);
  return () => {
    el.removeEventListener(KERNEL_GONE, say);
    model?.off('comm_live_update', heard);
  };
}
