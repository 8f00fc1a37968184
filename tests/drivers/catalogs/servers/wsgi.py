"""A small web server on loopback, in a thread: it serves a WSGI application and notes what is asked.

Faults are set on a running server, to see what a client makes of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Served:
    """A running server.

    Parameters
    ----------
    asked
        ``PATH?QUERY`` of each request so far.
    headers
        The request headers of each, as text.
    fault
        Empty, "rubbish", a status such as "500", "slow", or "redirect URL".
    """

    url: str
    asked: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    fault: str = ""
    released: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(app: App) -> Iterator[Served]:
    """Serve an application on a free port of 127.0.0.1."""
    served = Served("")

    def noting(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        served.asked.append(environ["PATH_INFO"] + (f"?{query}" if query else ""))
        served.headers.append("\n".join(f"{k}={v}" for k, v in environ.items() if "HTTP_" in k))
        fault = served.fault
        if fault == "slow":
            served.released.wait(60)
        if fault.isdigit():
            start(f"{fault} Fault", [("Content-Type", "text/plain")])
            return [b"fault"]
        if fault == "rubbish":
            start("200 OK", [("Content-Type", "text/html")])
            return [b"<html><body>Please log in \xff\xfe</body></html>"]
        if fault.startswith("redirect "):
            start("302 Found", [("Location", fault.removeprefix("redirect "))])
            return [b""]
        return app(environ, start)

    server = make_server("127.0.0.1", 0, noting, server_class=_Server, handler_class=_Quiet)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
