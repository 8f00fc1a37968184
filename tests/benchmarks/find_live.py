"""Ten live catalogs over HTTP, one of them dead and one that answers after 30 s, beside an index."""

from __future__ import annotations

import json
import multiprocessing
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.request import urlopen

from portal.core.item import Item
from portal.core.query import Query
from portal.federation.federation import Federation
from portal.federation.lanes import DEADLINE
from tests.benchmarks.records import records
from tests.benchmarks.report import figure
from tests.federation.little import federation

RECORDS = 20_000
ROUNDS = 5
GOAL_MS = 300.0
#: Seconds after which each catalog answers; the tenth is not there at all.
DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.0, 30.0)


class Service:
    """A catalog that asks a service over HTTP, and notes when its answer was sent."""

    def __init__(self, facility: str, port: int) -> None:
        self._facility = facility
        self._url = f"http://127.0.0.1:{port}/search"
        self.sent = float("inf")

    def items(self) -> Iterator[Item]:
        """Give nothing: it is asked live."""
        return iter(())

    def open(self, item: Item) -> Any:
        """Refuse: this measures searches."""
        raise AssertionError(item.id)

    def search(self, query: Query) -> list[Item]:
        """Ask the service for as many records as are wanted."""
        with urlopen(f"{self._url}?limit={query.limit}") as response:
            answer = json.load(response)
        self.sent = answer["sent"]
        return [Item.from_stac(document, self._facility) for document in answer["features"]]


def figures(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Measure each round in a federation of its own, with nothing kept from the round before."""
    query = Query.of("sea temperature")
    firsts, totals, index = [], [], []
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as home, _services() as ports:
        for number in range(rounds + 1):
            services = {(f"lab{n}", "live"): Service(f"lab{n}", p) for n, p in enumerate(ports)}
            with federation(home, services | {("ours", "index"): _Nothing()}) as fed:
                if not number:
                    fed.records.index.upsert(_indexed(), catalog="index")
                first, total, at_once = _round(fed, query, list(services.values()))
            if number:  # the first warms up: imports, and the system's caches
                firsts.append(first)
                totals.append(total)
                index.append(at_once)
    what = f"{len(DELAYS) + 1} live catalogs, one dead, one after {DELAYS[-1]:g} s"
    return [
        figure(f"{what}: index at once, worst of {rounds}", max(index), "ms"),
        figure(f"{what}: first after the fastest, median", statistics.median(firsts), "ms"),
        figure(
            f"{what}: first after the fastest, worst of {rounds}", max(firsts), "ms", goal=GOAL_MS
        ),
        figure(f"{what}: all done, worst of {rounds}", max(totals), "s", goal=DEADLINE),
    ]


def _round(fed: Federation, query: Query, services: list[Service]) -> tuple[float, float, float]:
    """Return ms from the fastest answer to its results, s to the last, ms to the first of all."""
    began = time.monotonic()
    at_once = first = 0.0
    for result in fed.watch(query):
        now = time.monotonic()
        at_once = at_once or (now - began) * 1000
        if not first and result.facets["facility"] and _live(result.facets["facility"]):
            first = (now - min(service.sent for service in services)) * 1000
    total = time.monotonic() - began
    said = {p.facility: p.reason for p in result.problems}
    assert len(said) == 2, said
    assert {f.value for f in result.facets["facility"] if f.value.startswith("lab")} == {
        f"lab{n}" for n in range(len(DELAYS) - 1)
    }
    return first, total, at_once


def _live(facets: Any) -> bool:
    return any(facet.value.startswith("lab") for facet in facets)


class _Nothing:
    """Stands for the facility whose records are in the index."""

    def search(self, query: Query) -> list[Item]:
        """Give nothing."""
        return []

    def items(self) -> Iterator[Item]:
        """Give nothing."""
        return iter(())

    def open(self, item: Item) -> Any:
        """Refuse: this measures searches."""
        raise AssertionError(item.id)


def _indexed() -> Iterator[Item]:
    for item in records(RECORDS):
        yield Item("ours", item.text)


@contextmanager
def _services() -> Iterator[list[int]]:
    """Start the services in a process of their own; the last port is nobody's."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        try:
            yield [*ours.recv(), nobody.getsockname()[1]]
        finally:
            process.terminate()
            process.join()


def _serve(told: Connection) -> None:
    ports = []
    for number, delay in enumerate(DELAYS):
        documents = [item.to_stac() for item in records(100, seed=number + 2)]
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(documents, delay))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(server.server_address[1])
    told.send(ports)
    threading.Event().wait()


def _handler(documents: list[dict[str, Any]], delay: float) -> type[BaseHTTPRequestHandler]:
    features = json.dumps(documents)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay)
            body = f'{{"sent": {time.monotonic()}, "features": {features}}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


if __name__ == "__main__":
    for row in figures(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS):
        print(row)
