/** A page that holds all its frames: no kernel, no network. */
import { type Description, Frame, type FrameHeader, type FrameSource } from './frame';
import { type Geometry, geometryOf } from './geometry';
import { stateInLink } from './take/link';

interface Held {
  header: FrameHeader;
  data: string;
}

interface PageData {
  title: string;
  description: Description;
  color_maps: Record<string, string>;
  notes: string[];
  /** By variable, then by the indices of its sliders joined with a comma. */
  frames: Record<string, Record<string, Held>>;
  /** By key: what frames of one grid share. */
  geometries: Record<string, Held>;
}

export function pageSource(text: string): FrameSource {
  const page = JSON.parse(text) as PageData;
  const known = new Map<string, Promise<Geometry | null>>();

  const geometry = (key: string, shape: number[]) => {
    const held = page.geometries[key];
    let found = known.get(key);
    if (!found) {
      found = inflate(held.data).then(data => geometryOf(new Frame({ ...held.header, geometry: key, shape }, data)));
      known.set(key, found);
    }
    return found;
  };

  return {
    title: page.title,
    description: page.description,
    colorMaps: page.color_maps,
    notes: page.notes,
    state: stateInLink(location.hash, page) ?? {},
    async frame(request) {
      const view = page.description.variables.find(v => v.name === request.variable);
      const asked = [request.x ?? view?.x, request.y ?? view?.y];
      const own = asked[0] === view?.x && asked[1] === view?.y && !request.minus && request.data !== 'b';
      const key = (view?.sliders ?? []).map(d => request.index[d] ?? 0).join(',');
      const stored = own ? page.frames[request.variable]?.[key] : undefined;
      if (!stored) {
        throw new Error('This page does not hold that picture; open the dataset to see it.');
      }
      const { header } = stored;
      const shared = header.geometry === undefined ? {} : page.geometries[header.geometry].header;
      const frame = new Frame({ ...shared, ...header }, await inflate(stored.data));
      if (header.geometry !== undefined) {
        frame.geometry = await geometry(header.geometry, header.shape);
      }
      return frame;
    }
  };
}

async function inflate(base64: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}
