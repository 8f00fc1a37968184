/** A page that holds all its frames: no kernel, no network. */
import { type Description, Frame, type FrameHeader, type FrameSource } from './frame';

interface PageData {
  title: string;
  description: Description;
  color_maps: Record<string, string>;
  notes: string[];
  /** By variable, then by the indices of its sliders joined with a comma. */
  frames: Record<string, Record<string, { header: FrameHeader; data: string }>>;
}

export function pageSource(text: string): FrameSource {
  const page = JSON.parse(text) as PageData;
  return {
    title: page.title,
    description: page.description,
    colorMaps: page.color_maps,
    notes: page.notes,
    async frame(request) {
      const view = page.description.variables.find(v => v.name === request.variable);
      const key = (view?.sliders ?? []).map(d => request.index[d]).join(',');
      const stored = page.frames[request.variable]?.[key];
      if (!stored) {
        throw new Error('This page does not hold that picture; open the dataset to see it.');
      }
      return new Frame(stored.header, await inflate(stored.data));
    }
  };
}

async function inflate(base64: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}
