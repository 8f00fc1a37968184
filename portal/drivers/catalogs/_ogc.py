"""OGC APIs by OWSLib through checked requests, and their records as Items."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from owslib.ogcapi import API
from owslib.ogcapi.coverages import Coverages
from owslib.ogcapi.edr import EnvironmentalDataRetrieval
from owslib.ogcapi.records import Records

from portal.core.asset import Asset, Provider
from portal.core.item import Item
from portal.core.query import Interval
from portal.drivers.catalogs import _fields as fields
from portal.drivers.catalogs._service import Service, segment

_DATA = ("data", "enclosure", "item", "items", "download", "coverage", "collection")
_ABOUT = ("about", "canonical", "describedby", "documentation", "information", "related")
_COLLECTION = re.compile(
    r"(?P<base>https?://[^?#]+)/collections/(?P<name>[^/?#]+)"
    r"(/(coverage|cube|position|area))?/?([?#].*)?"
)
#: A media type by which the asset of an OGC API collection is known again.
COLLECTION_TYPE = "application/vnd.ogc.collection+json"


class _Checked(API):  # type: ignore[misc]
    """OWSLib's clients, their requests made by a :class:`Service`.

    Parameters
    ----------
    more
        Parameters of every request beside those of the method.
    """

    def __init__(self, service: Service, more: Mapping[str, str] | None = None) -> None:
        super().__init__(service.url, json_="{}")
        self._service, self._more = service, dict(more or {})

    def _request(
        self,
        method: str = "GET",
        path: str | None = None,
        data: str | None = None,
        as_dict: bool = True,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        asked = {**(kwargs or {}), **self._more}
        if as_dict:
            return self._service.get(path or "", asked, absent=(404, 410))
        return self._service.page(f"{self._service.url}/{path}?{urlencode(asked)}").content


class RecordsApi(_Checked, Records):  # type: ignore[misc]
    """OGC API Records."""


class CoveragesApi(_Checked, Coverages):  # type: ignore[misc]
    """OGC API Coverages."""


class EdrApi(_Checked, EnvironmentalDataRetrieval):  # type: ignore[misc]
    """OGC API Environmental Data Retrieval."""


def split_collection(href: str) -> tuple[str, str] | None:
    """Split the address of a collection, or of a query of it, into its API's and its id."""
    match = _COLLECTION.fullmatch(href)
    return (match["base"], match["name"]) if match else None


def collection_asset(item: Item) -> Asset | None:
    """Return the asset of a record that is a collection of an OGC API."""
    return next((a for a in item.assets.values() if a.media_type == COLLECTION_TYPE), None)


def record_item(document: Mapping[str, Any], facility: str, base: str) -> Item:
    """Read a record, under the id ``collection/record``.

    Parameters
    ----------
    base
        The address of the API that gave it.

    Raises
    ------
    InvalidItem
        It has no id or no title.
    """
    said = document["properties"]
    name = fields.identifier(document["id"], "id")
    found = [x for x in fields.dicts(document.get("links") or []) if fields.stored(x.get("href"))]
    ids = [x.get("value") for x in fields.dicts(said.get("externalIds") or [])]
    cited = [x["href"] for x in found if x.get("rel") == "cite-as"]
    doi = next((d for value in (*ids, *cited, name) if (d := fields.doi(value))), "")
    pages = [x["href"] for x in found if x.get("rel") in _ABOUT]
    within = str(document["collection"])
    own = f"{base}/collections/{segment(within)}/items/{segment(name)}"
    made = next((m for k in ("created", "updated") if (m := fields.moment(said.get(k)))), "")
    return Item.build(
        facility,
        f"{within}/{name}",
        title=fields.title(said.get("title"), "title"),
        description=fields.text(said.get("description")),
        bbox=fields.geojson_box(document.get("geometry")),
        time=_time(document.get("time")),
        created=made or "1970-01-01T00:00:00Z",
        keywords=[*fields.texts(said.get("keywords") or []), *_themes(said)],
        license=fields.licence(said.get("license"), said.get("rights")),
        providers=_providers(said),
        doi=doi,
        links=fields.links(next(iter(pages), ""), doi, via=own),
        assets=_assets(found, within),
        properties={"updated": moment} if (moment := fields.moment(said.get("updated"))) else {},
    )


def _time(value: Any) -> Interval | None:
    """Read a record's time; an end that is open is the day of asking."""
    if not isinstance(value, dict):
        return None
    said = value.get("interval") or value.get("timestamp") or value.get("date")
    return fields.period(said, datetime.now(UTC).strftime("%Y-%m-%d"))


def _themes(said: Mapping[str, Any]) -> list[str]:
    concepts = (
        c
        for t in fields.dicts(said.get("themes") or [])
        for c in fields.dicts(t.get("concepts") or [])
    )
    return [word for c in concepts if (word := fields.text(c.get("title") or c.get("id")))]


def _providers(said: Mapping[str, Any]) -> list[Provider]:
    people = fields.dicts(said.get("contacts") or [])
    names = (fields.text(p.get("organization") or p.get("name")) for p in people)
    return [Provider(name) for name in dict.fromkeys(names) if name]


def _assets(found: list[dict[str, Any]], own: str) -> dict[str, Asset]:
    files: list[Asset] = []
    collections: dict[str, Asset] = {}
    for link in found:
        href, rel = fields.stored(link["href"]), str(link.get("rel")).rpartition("/")[2]
        kind, name = fields.text(link.get("type")), fields.text(link.get("title"))
        split = split_collection(href)
        if rel not in _DATA or kind.startswith("text/html"):
            continue
        if split and split[1] != own:
            base, collection = split
            whole = f"{base}/collections/{collection}"
            collections.setdefault(whole, Asset(whole, name, COLLECTION_TYPE, ("data",)))
        elif not split:
            files.append(fields.asset(href, name=name, media=kind))
    return fields.assets(files) | {
        f"collection-{n}" if n > 1 else "collection": asset
        for n, asset in enumerate(collections.values(), 1)
    }
