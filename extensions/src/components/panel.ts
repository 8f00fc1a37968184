/** The model of a Panel component, as widgets know one. */
import type { Message, Model } from './comm';
import type { Bytes } from './viewer/ask';

/** Panel's own: traits are properties, and a message and its bytes are one value. */
export interface PanelModel {
  send_msg(content: unknown): void;
  on(event: string, heard: (data: Sent) => void): void;
  off(event: string, heard: (data: Sent) => void): void;
}

interface Sent {
  content: Message;
  buffers: Bytes[];
}

type Heard = Parameters<Model['on']>[1];

/** Panel's models are proxies, which answer only when they are asked for the method itself. */
export function isPanel(model: Model | PanelModel): model is PanelModel {
  return typeof (model as PanelModel).send_msg === 'function';
}

export function panelModel(model: PanelModel): Model {
  const traits = model as unknown as Record<string, unknown>;
  const given = new Map<Heard, (data: Sent) => void>();
  return {
    get: name => traits[name],
    set: (name, value) => void (traits[name] = value),
    save_changes: () => undefined,
    send: content => model.send_msg(content),
    on(event, heard) {
      const own =
        event === 'msg:custom'
          ? (data: Sent) => heard(data.content, data.buffers)
          : () => heard({});
      given.set(heard, own);
      model.on(event, own);
    },
    off(event, heard) {
      const own = given.get(heard);
      if (own) {
        given.delete(heard);
        model.off(event, own);
      }
    }
  };
}
