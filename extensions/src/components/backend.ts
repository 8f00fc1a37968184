/** What the components ask of Portal, whichever way it is reached. */

export type BBox = [west: number, south: number, east: number, north: number];

export interface Query {
  text: string;
  bbox: BBox | null;
  /** A moment or an interval, such as "2003/2010". */
  time: string | null;
  facilities: string[];
  variables: string[];
  keywords: string[];
  limit: number;
  offset: number;
  sort: Sort;
  /** Phrases of the text that are words and mean nothing else. */
  literal: string[];
  /** Seconds to wait for catalogs that are asked live; 0 asks the index alone. */
  wait: number;
}

export type Sort = 'relevance' | 'title' | 'newest' | 'oldest';

/** The same dataset as another facility has it. */
export interface Source {
  id: string;
  facility: string;
  title: string;
}

export interface Hit {
  id: string;
  title: string;
  description: string;
  facility: string;
  score: number;
  bbox: number[] | null;
  start: string | null;
  end: string | null;
  variables: string[];
  keywords: string[];
  license: string;
  sources: Source[];
  /** Whether a picture of it exists or could be made. */
  quicklook: boolean;
}

export interface Facet {
  value: string;
  count: number;
}

export interface SearchResult {
  total: number;
  took_ms: number;
  /** No record has every word; those that have any of them are given. */
  relaxed: boolean;
  hits: Hit[];
  facets: { facility: Facet[]; variable: Facet[]; keyword: Facet[] };
  problems: { facility: string; reason: string }[];
  /** The facilities that have not answered yet. */
  pending: string[];
  understood: Understood | null;
}

/** What the words were taken to mean. */
export interface Understood {
  /** What is left as plain words. */
  text: string;
  concepts: Concept[];
  place: Place | null;
  time: { words: string; start: string | null; end: string | null } | null;
  /** Places that could be meant; they are not applied. */
  offers: Place[];
}

export interface Concept {
  words: string;
  /** The variables that mean it. */
  names: string[];
  units: string;
}

export interface Place {
  words: string;
  name: string;
  bbox: BBox;
}

/** The number of datasets that touch a span of whole years; `end` belongs to it. */
export interface Bin {
  start: number;
  end: number;
  count: number;
}

export interface SavedSearch {
  name: string;
  query: Partial<Query>;
}

export interface Quicklook {
  /** A `data:` address of a picture. */
  url: string | null;
  problem: string | null;
}

export interface Exported {
  /** A file name. */
  name: string;
  /** A media type. */
  type: string;
  text: string;
}

export const FORMATS = {
  stac: 'STAC',
  croissant: 'Croissant',
  dcat: 'DCAT',
  'schema.org': 'schema.org',
  'ro-crate': 'RO-Crate',
  bibtex: 'BibTeX'
} as const;

export type Format = keyof typeof FORMATS;

export interface Provider {
  name: string;
  roles: string[];
  url: string | null;
}

export interface Variable {
  name: string;
  long_name: string;
  standard_name: string;
  units: string;
  dims: string[];
  shape: (number | null)[];
}

export interface ItemDetails {
  id: string;
  title: string;
  description: string;
  facility: string;
  facility_name: string;
  providers: Provider[];
  license: string;
  citation: string;
  doi: string | null;
  bbox: number[] | null;
  start: string | null;
  end: string | null;
  keywords: string[];
  variables: Variable[];
  /** xarray's representation of the dataset: the only HTML that is ever shown, inside a sandbox. */
  repr_html: string | null;
  /** Why the dataset could not be opened. */
  problem: string | null;
  /** The lines that open the dataset, given a federation named `fed`. */
  code: string;
  /** As stored; null where nobody says. */
  bytes: number | null;
  /** As values in memory. */
  decoded: number | null;
  dimensions: Dimension[];
  assets: Asset[];
  bibtex: string;
  /** Where to read about it, and how to get access. */
  access: { title: string; href: string }[];
  /** What it was made from, and what else it is tied to. */
  lineage: { rel: string; title: string; id: string | null; href: string | null }[];
  sources: Source[];
}

export interface Dimension {
  name: string;
  kind: string;
  size: number | null;
  extent: (string | number | null)[] | null;
  unit: string;
}

export interface Asset {
  name: string;
  href: string;
  title: string;
  type: string;
  roles: string[];
  size: number | null;
}

export interface RunSummary {
  id: string;
  analysis: string;
  state: string;
  at: string;
  created: string;
  title: string;
}

export interface RunList {
  /** The newest. */
  runs: RunSummary[];
  /** The places whose runs are missing. */
  problems: { facility: string; reason: string }[];
}

export interface TaskCount {
  done: number;
  total: number;
  failed: number;
}

export interface RunProgress {
  tasks: Record<string, TaskCount>;
  done: number;
  total: number;
  workers: number;
  /** Bytes. */
  memory: number;
  memory_limit: number;
  bytes_read: number;
}

export interface RunUpdate {
  id: string;
  analysis: string;
  title: string;
  at: string;
  state: string;
  created: string;
  parameters: Record<string, unknown>;
  /** Where it could have run, as it was estimated when it was asked for. */
  placement_html: string;
  /** Seconds. */
  elapsed: number;
  /** How much of the run's events is told here, bytes. */
  offset: number;
  progress: RunProgress | null;
  message: string;
  error: { type: string; message: string; traceback: string } | null;
  /** The end of the log. */
  log: string;
  result_html: string | null;
  directory: string;
}

/** What the finder asks for. */
export interface FinderBackend {
  search(query: Query): Promise<SearchResult>;
  timeline(query: Query): Promise<{ bins: Bin[] }>;
  item(id: string): Promise<ItemDetails>;
  quicklook(id: string): Promise<Quicklook>;
  export(ids: string[], format: Format): Promise<Exported>;
  saved(): Promise<SavedSearch[]>;
  save(name: string, query: Partial<Query>): Promise<SavedSearch[]>;
  forget(name: string): Promise<SavedSearch[]>;
}

export interface Backend extends FinderBackend {
  runs(): Promise<RunList>;
  run(id: string, offset: number): Promise<RunUpdate>;
  cancel(id: string): Promise<void>;
  /** Start it once more, as a run of its own. */
  rerun(id: string, asked: { at: string; changes: object }): Promise<{ id: string }>;
}

/** An answer that says no: `kind` is the name of Portal's error, the message is for the person. */
export class BackendError extends Error {
  constructor(
    readonly kind: string,
    message: string
  ) {
    super(message);
    this.name = kind;
  }
}

/** Whether nothing follows a state of a run. */
export function isFinal(state: string): boolean {
  return ['completed', 'failed', 'canceled', 'unreadable'].includes(state);
}

/** What a rejected promise says, for a person. */
export function reason(error: unknown): string {
  return error instanceof Error && error.message ? error.message : String(error);
}
