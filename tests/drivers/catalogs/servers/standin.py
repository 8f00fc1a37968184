"""A small HTTP server with the routes of one service, files with ranges, and faults to order."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import xarray as xr


@dataclass
class Request:
    """What a client asked: the path as it stands in the URL's quoting, the query, the JSON body."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: Any = None

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]


@dataclass
class Answer:
    """What the server says: JSON, or bytes of another kind."""

    body: Any
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    #: Bytes fewer than the Content-Length announces.
    short: int = 0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Route = Callable[..., Answer]


class StandIn:
    """Routes are (method, regular expression of the path, function of the request and its groups).

    ``files`` is a directory that is served below ``/files/`` with ranges. ``fault``, when set,
    answers in place of the routes; None from it lets the route answer.
    """

    def __init__(self, files: Path | None = None) -> None:
        self.files = files
        self.fault: Callable[[Request], Answer | None] | None = None
        self.requests: list[Request] = []
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []
        for method, pattern, route in self.routes():
            self._routes.append((method, re.compile(pattern), route))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def routes(self) -> list[tuple[str, str, Route]]:
        return []

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/files/") and self.files is not None:
            return self._file(request)
        self.requests.append(request)
        if self.fault is not None and (given := self.fault(request)) is not None:
            return given
        for method, pattern, route in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)):
                return route(request, *(unquote(group) for group in match.groups()))
        return Answer({"message": "Not found"}, 404)

    def _file(self, request: Request) -> Answer:
        path = self.files / unquote(request.path.removeprefix("/files/"))
        if ".." in path.parts or not path.is_file():
            return Answer(b"", 404, "text/plain")
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
        whole = {"Accept-Ranges": "bytes"}
        if asked is None:
            return Answer(data, kind="application/octet-stream", headers=whole)
        first, last = asked[1], asked[2]
        start = int(first) if first else max(len(data) - int(last), 0)
        end = min(int(last) if first and last else len(data) - 1, len(data) - 1)
        if start > end:
            return Answer(b"", 416, headers={"Content-Range": f"bytes */{len(data)}"})
        span = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        return Answer(data[start : end + 1], 206, "application/octet-stream", whole | span)

    def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(length)
                query = parse_qs(parts.query, keep_blank_values=True)
                body = json.loads(sent) if sent else None
                request = Request(self.command, parts.path, query, dict(self.headers), body)
                given = standin.answer(request)
                content = given.content
                self.send_response(given.status)
                for name, value in {"Content-Type": given.kind, **given.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content) + given.short))
                if given.short:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def do_GET(self) -> None:
                try:
                    self._serve()
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_HEAD = do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def passes(test: Callable[[Any], bool], document: Any) -> bool:
    """Whether a record passes a test; one that is broken passes every test."""
    try:
        return test(document)
    except (AttributeError, LookupError, TypeError):
        return True


def words(value: Any) -> set[str]:
    """All words of a document, lower case: what a text index of it holds."""
    if isinstance(value, dict):
        return set().union(*(words(v) for v in value.values()))
    if isinstance(value, list):
        return set().union(*(words(v) for v in value))
    return set(re.findall(r"[^\W_]+", str(value).casefold()))


def lucene(query: str, document: Any) -> bool:
    """Whether a document matches a query of Lucene's syntax: phrases, AND, OR, parentheses.

    Raises
    ------
    ValueError
        The query does not parse, as the services answer with an error.
    """
    tokens = re.findall(r'"[^"]*"|\(|\)|AND|OR|[^\s()"]+|"', query)
    held = words(document)

    def either() -> bool:
        found = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            found |= both()
        return found

    def both() -> bool:
        found = term()
        while tokens and tokens[0] not in ("OR", ")"):
            if tokens[0] == "AND":
                tokens.pop(0)
            found &= term()
        return found

    def term() -> bool:
        if not tokens:
            raise ValueError("the query ends early")
        token = tokens.pop(0)
        if token == "(":
            found = either()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError("a parenthesis is not closed")
            return found
        if token in (")", "AND", "OR", '"') or re.search(r"[:/\[\]{}^~*?\\]", token):
            raise ValueError(f"unexpected {token}")
        return words(token.strip('"')) <= held

    if not tokens:
        return True
    found = either()
    if tokens:
        raise ValueError(f"unexpected {tokens[0]}")
    return found


def grid(*, days: int = 3, first: str = "2001-01-01", offset: float = 0.0) -> xr.Dataset:
    """A small CF dataset over North America: times, 4 latitudes, 5 longitudes."""
    start = np.datetime64(first, "D")
    time = (start + np.arange(days)).astype("datetime64[ns]")
    values = np.arange(days * 20, dtype="float32").reshape(days, 4, 5) + np.float32(offset)
    air = {"standard_name": "air_temperature", "units": "K", "long_name": "temperature"}
    return xr.Dataset(
        {"tas": (("time", "lat", "lon"), values, air)},
        coords={
            "time": ("time", time, {"standard_name": "time"}),
            "lat": ("lat", [50.0, 40, 30, 20], {"units": "degrees_north"}),
            "lon": ("lon", -120.0 + np.arange(5) * 10.0, {"units": "degrees_east"}),
        },
    )


def netcdf(path: Path, **options: Any) -> Path:
    """Write the dataset as NetCDF-4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grid(**options).to_netcdf(path, engine="h5netcdf")
    return path


def zarr(path: Path, **options: Any) -> Path:
    """Write the dataset as Zarr 2 with consolidated metadata, as one that is read over HTTP."""
    grid(**options).to_zarr(path, consolidated=True, zarr_format=2)
    return path
