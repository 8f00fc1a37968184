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
}

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
}

export interface RunSummary {
  id: string;
  analysis: string;
  state: string;
  at: string;
  created: string;
  title: string;
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

export interface Backend {
  search(query: Query): Promise<SearchResult>;
  item(id: string): Promise<ItemDetails>;
  runs(): Promise<RunSummary[]>;
  run(id: string, offset: number): Promise<RunUpdate>;
  cancel(id: string): Promise<void>;
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
