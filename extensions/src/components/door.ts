/** A web socket to the kernel of a widget, beside its comm: nothing else of the page waits for it. */
import type { Message } from './comm';
import type { Bytes } from './viewer/ask';

/** The kernel closed its end: the server says so by this code. */
export const ENDED = 4410;

export interface Door {
  send(message: object): void;
  close(): void;
}

export interface DoorEvents {
  message(message: Message, buffers: Bytes[]): void;
  /** It was open, and is no more; `ended` where the kernel has ended it. */
  closed(ended: boolean): void;
}

interface PageConfig {
  baseUrl?: string;
  wsUrl?: string;
}

/** Where this page's Jupyter server takes web sockets; null where the page is no Jupyter server's. */
export function socketsOf(page: Document = document): string | null {
  try {
    const text = page.getElementById('jupyter-config-data')?.textContent;
    const { baseUrl, wsUrl } = JSON.parse(text ?? '') as PageConfig;
    const url = new URL(wsUrl || baseUrl || '', page.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    return baseUrl ? url.href.replace(/\/?$/, '/') : null;
  } catch {
    return null;
  }
}

/** Go through a door that the kernel has opened; null where the server does not let one through. */
export function enter(sockets: string, name: string, events: DoorEvents): Promise<Door | null> {
  return new Promise(resolve => {
    const socket = new WebSocket(`${sockets}portal/api/doors/${encodeURIComponent(name)}`);
    socket.binaryType = 'arraybuffer';
    let entered = false;
    // The kernel's first message says that it has let one in.
    const welcome = () => {
      entered = true;
      resolve({
        send: message => socket.send(JSON.stringify(message)),
        close: () => {
          socket.onclose = null;
          socket.close();
        }
      });
    };
    socket.onmessage = ({ data }) => {
      if (entered) {
        events.message(...unpacked(data as ArrayBuffer));
      } else {
        welcome();
      }
    };
    socket.onclose = ({ code }) => {
      if (entered) {
        events.closed(code === ENDED);
      } else {
        resolve(null);
      }
    };
  });
}

/** A message and its bytes: the length of its JSON, the JSON with their lengths, the bytes. */
export function unpacked(data: ArrayBuffer): [Message, Bytes[]] {
  const length = new DataView(data).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(data, 4, length));
  const { lengths, message } = JSON.parse(text) as { lengths: number[]; message: Message };
  let from = 4 + length;
  const buffers = lengths.map(each => {
    const view = new DataView(data, from, each);
    from += each;
    return view;
  });
  return [message, buffers];
}
