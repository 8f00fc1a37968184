/** The backend of JupyterLab: the routes of Portal's server extension. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { type Backend, BackendError } from '../components/backend';

/** Ask the server that JupyterLab itself talks to, with its token and its XSRF cookie. */
export function restBackend(settings: ServerConnection.ISettings): Backend {
  async function ask<T>(path: string[], init: RequestInit = {}): Promise<T> {
    const url = URLExt.join(settings.baseUrl, 'portal/api', ...path.map(encodeURIComponent));
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, settings);
    } catch (error) {
      if (error instanceof ServerConnection.NetworkError) {
        throw new BackendError(
          'NetworkError',
          'The Jupyter server does not answer. It may have stopped; start it again, or wait.'
        );
      }
      throw error;
    }
    const text = await response.text();
    if (!response.ok) {
      throw refusal(response, text);
    }
    return (text ? JSON.parse(text) : null) as T;
  }
  const post = (body: unknown) => ({ method: 'POST', body: JSON.stringify(body) });

  return {
    search: query => ask(['search'], post(query)),
    timeline: query => ask(['timeline'], post(query)),
    item: id => ask(['items', id]),
    quicklook: id => ask(['quicklooks', id]),
    export: (ids, format) => ask(['export'], post({ ids, format })),
    saved: () => ask(['searches']),
    save: (name, query) => ask(['searches'], post({ name, query })),
    forget: name => ask(['searches', 'forget'], post({ name })),
    runs: () => ask(['runs']),
    // The server tells all that is known; nothing depends on the offset.
    run: id => ask(['runs', id]),
    cancel: id => ask(['runs', id, 'cancel'], post({})),
    rerun: (id, asked) => ask(['runs', id, 'rerun'], post(asked))
  };
}

function refusal(response: Response, text: string): BackendError {
  try {
    const { kind, message } = JSON.parse(text) as { kind?: string; message?: string };
    if (message) {
      return new BackendError(kind ?? 'Error', message);
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw error;
    }
  }
  return new BackendError(
    'Error',
    response.status === 404
      ? 'This Jupyter server has no Portal. Install portal-science into its environment and start it again.'
      : `The server answered ${response.status} ${response.statusText}.`
  );
}
