"""A STAC API of a few items in memory that can be told to break its word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.drivers.catalogs.servers.wsgi import Served, serve

CORE = ("https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search")
FREE_TEXT = "https://api.stacspec.org/v1.0.0-rc.1/item-search#free-text"
FILTER = "https://api.stacspec.org/v1.0.0/item-search#filter"


def feature(name: str, title: str, **properties: Any) -> dict[str, Any]:
    """A STAC Item of the collection ``c``."""
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "c",
        "geometry": None, "links": [], "assets": {},
        "properties": {"title": title, "datetime": "2020-01-01T00:00:00Z", **properties},
    }  # fmt: skip


@dataclass
class SmallStac:
    """What it declares, holds, and does.

    Parameters
    ----------
    searches
        Whether it searches by ``q``.
    filters
        Status of its answer to a filter; 200 ignores it.
    next_href
        Where the link to the next page leads; empty for the next page.
    """

    features: list[Any] = field(default_factory=list)
    declares: tuple[str, ...] = ()
    searches: bool = False
    filters: int = 200
    next_href: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    served: Served = field(default_factory=lambda: Served(""))

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, url = environ["PATH_INFO"].rstrip("/"), self.served.url
        query = {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        if path == "":
            links = [{"rel": "search", "href": f"{url}/search", "type": "application/geo+json"}]
            body: dict[str, Any] = {
                "type": "Catalog", "stac_version": "1.0.0", "id": "small", "description": "small",
                "conformsTo": [*CORE, *self.declares], "links": links,
            }  # fmt: skip
        elif path == "/search":
            self.asked.append(query)
            if "filter" in query and self.filters != 200:
                start(f"{self.filters} Fault", [("Content-Type", "text/plain")])
                return [b"no filter"]
            body = self._page(query, url)
        else:
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b""]
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    def _page(self, query: dict[str, str], url: str) -> dict[str, Any]:
        found = self.features
        if self.searches and "q" in query:
            words = query["q"].lower().split(",")
            found = [f for f in found if any(w in json.dumps(f).lower() for w in words)]
        if "ids" in query:
            found = [f for f in found if f["id"] in query["ids"].split(",")]
        first, size = int(query.get("from", 0)), int(query.get("limit", 10))
        page = {"type": "FeatureCollection", "features": found[first : first + size], "links": []}
        if first + size < len(found):
            rest = {k: v for k, v in query.items() if k != "from"} | {"from": str(first + size)}
            href = f"{url}/search?" + "&".join(f"{k}={v}" for k, v in rest.items())
            page["links"] = [{"rel": "next", "href": self.next_href or href}]
        return page


@contextmanager
def small_stac(**options: Any) -> Iterator[SmallStac]:
    """Serve one on loopback; options are those of :class:`SmallStac`."""
    app = SmallStac(**options)
    with serve(app) as served:
        app.served = served
        yield app
