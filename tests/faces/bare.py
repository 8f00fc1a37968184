"""A widget in a page without Jupyter: the real bundle, the real widget, and HTTP between them."""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from portal.ui.widgets.bridge import BridgeWidget

#: Seconds that a request for the next message is held.
HELD = 20.0
PRIVATE = ("_esm", "_css", "_model", "_view", "layout", "comm", "keys", "tabbable", "tooltip")

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Bare</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"></head>
<body><main id="host"></main><script type="module">
import widget from './widget.js';
const state = STATE;
const handlers = new Map();
const fire = (event, ...data) => [...(handlers.get(event) ?? [])].forEach(heard => heard(...data));
const changed = new Set();
// One after the other: a kernel hears messages in the order in which they were sent.
let posted = Promise.resolve();
const post = (path, body) => {
  const text = JSON.stringify(body);
  posted = posted.then(() => fetch(path, { method: 'POST', body: text }));
};
// Every message that is sent, for tests that hold the front-end to sending none.
globalThis.sent = [];
globalThis.model = {
  get: name => state[name],
  set(name, value) {
    state[name] = value;
    changed.add(name);
    fire(`change:${name}`);
  },
  save_changes() {
    const now = Object.fromEntries([...changed].map(name => [name, state[name]]));
    changed.clear();
    post('state', now);
  },
  send(message) {
    globalThis.sent.push(message);
    post('send', message);
  },
  on(event, heard) {
    handlers.set(event, [...(handlers.get(event) ?? []), heard]);
  },
  off(event, heard) {
    handlers.set(event, (handlers.get(event) ?? []).filter(other => other !== heard));
  }
};
globalThis.undo = widget.render({ model: globalThis.model, el: document.getElementById('host') });
for (;;) {
  const answer = await fetch('next');
  if (!answer.ok) break;
  const body = await answer.arrayBuffer();
  if (!body.byteLength) continue;
  const start = 4 + new DataView(body).getUint32(0, true);
  const { kind, content, lengths } = JSON.parse(new TextDecoder().decode(body.slice(4, start)));
  if (kind === 'state') {
    Object.assign(state, content);
    Object.keys(content).forEach(name => fire(`change:${name}`));
    continue;
  }
  let at = start;
  const buffers = lengths.map(n => new DataView(body, (at += n) - n, n));
  fire('msg:custom', content, buffers);
}
</script></body></html>
"""


class Bare:
    """A widget served on a page of its own.

    Attributes
    ----------
    url
        The page's address, with a secret in its path.
    heard
        Every message of the front-end, as it came.
    """

    def __init__(self, widget: BridgeWidget) -> None:
        self.widget = widget
        self.heard: list[dict[str, Any]] = []
        self._out: queue.Queue[bytes] = queue.Queue()
        self._secret = secrets.token_urlsafe()
        widget.send = self._send  # type: ignore[method-assign]
        widget.observe(self._changed, [n for n in widget.keys if not n.startswith(PRIVATE)])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/{self._secret}/"

    def _send(self, content: Any, buffers: Any = None) -> None:
        self._put("content", content, [bytes(b) for b in buffers or ()])

    def _changed(self, change: Any) -> None:
        # A state that the page itself has sent comes back to it, as it does from a kernel's trait.
        self._put("state", {change["name"]: change["new"]}, [])

    def _put(self, kind: str, content: Any, buffers: list[bytes]) -> None:
        head = {"kind": kind, "content": content, "lengths": [len(b) for b in buffers]}
        text = json.dumps(head, allow_nan=False).encode()
        self._out.put(b"".join([len(text).to_bytes(4, "little"), text, *buffers]))

    def get(self, path: str) -> tuple[str, bytes] | None:
        """Return the type and body of what a path names."""
        static = {"widget.js": "_esm", "style.css": "_css"}
        if path in static:
            text = str(getattr(self.widget, static[path]))
            return ("text/javascript" if path.endswith(".js") else "text/css"), text.encode()
        if path == "next":
            try:
                return "application/octet-stream", self._out.get(timeout=HELD)
            except queue.Empty:
                return "application/octet-stream", b""
        if path == "":
            state = {
                n: getattr(self.widget, n) for n in self.widget.keys if not n.startswith(PRIVATE)
            }
            text = json.dumps(state).replace("<", "\\u003c")
            return "text/html; charset=utf-8", PAGE.replace("STATE", text).encode()
        return None

    def post(self, path: str, body: dict[str, Any]) -> None:
        """Take a message, or the traits that the page has changed."""
        if path == "state":
            self.widget.set_state(body)
        else:
            self.heard.append(body)
            self.widget._receive(self.widget, body, [])

    def within(self, path: str) -> str | None:
        """Return what follows the secret, or None."""
        prefix = f"/{self._secret}/"
        return path.removeprefix(prefix).split("?")[0] if path.startswith(prefix) else None

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(bare: Bare) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = bare.within(self.path)
            self._answer(None if path is None else bare.get(path))

        def do_POST(self) -> None:
            path = bare.within(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if path is not None:
                bare.post(path, json.loads(body))
            self._answer(None if path is None else ("text/plain", b""))

        def _answer(self, found: tuple[str, bytes] | None) -> None:
            kind, body = found or ("text/plain", b"")
            try:
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: the tests look at the page."""

    return Handler


@contextmanager
def bare(page: Page, widget: BridgeWidget) -> Iterator[Bare]:
    """Open the widget in the page; ``page.evaluate("sent")`` are the messages it has sent."""
    served = Bare(widget)
    try:
        page.goto(served.url)
        yield served
    finally:
        page.close()
        served.end()
