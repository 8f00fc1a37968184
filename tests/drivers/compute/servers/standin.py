"""A service that answers as it is told, over TLS: what a well-behaved server does not do."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from portal.testing.iri import certificates


@dataclass
class StandIn:
    """What it answers, in order, the last one again and again; and what it was asked.

    ``answers`` are (status, headers, body); a body that is no text is sent as JSON.
    """

    url: str = ""
    ca_file: str = ""
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@contextlib.contextmanager
def stand_in(directory: Path) -> Iterator[StandIn]:
    """Serve a stand-in on the loopback."""
    directory.mkdir(parents=True, exist_ok=True)
    ca_file, certificate, key = certificates.make(directory)
    found = StandIn(ca_file=str(ca_file))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.asked.append((self.command, self.path, dict(self.headers)))
            status, headers, body = found.answers[0]
            if len(found.answers) > 1:
                found.answers.pop(0)
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
