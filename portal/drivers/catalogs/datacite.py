"""The ``datacite`` catalog driver: datasets with a DOI of DataCite, of all or of one repository.

The API is that of https://support.datacite.org/docs/api-queries and
https://support.datacite.org/docs/pagination: ``GET /dois`` with ``query`` (OpenSearch query string
syntax), ``resource-type-id``, ``client-id``, ``prefix``, ``page[size]``, ``page[number]`` (the
first 10,000 records) or ``page[cursor]`` (all), ``sort`` and ``disable-facets``, answered by
``data`` and ``links.next``; and ``GET /dois/{doi}``. That ``updated`` can be queried is from the
service's source (https://github.com/datacite/lupo).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portal.core.asset import Provider
from portal.core.contracts import Batch
from portal.core.item import Item
from portal.core.query import BBox, Interval, Query
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed, lucene
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._service import Service, segment

_SIDES = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
_POINT = ("pointLongitude", "pointLatitude", "pointLongitude", "pointLatitude")


class DataciteCatalog(ListedCatalog):
    """Datasets of DataCite.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The root of the API.
    client_id
        Only of this repository, such as "cern.zenodo"; of several with commas.
    prefix
        Only DOIs of this prefix, such as "10.15485".
    resource_type
        Only resources of this general type; empty for all.
    allow
        What records may point to beyond the public internet.
    timeout
        Seconds for one question.
    """

    tells = frozenset({"keywords", "bbox", "time"})

    def __init__(
        self,
        facility: str,
        *,
        url: str = "https://api.datacite.org",
        client_id: str = "",
        prefix: str = "",
        resource_type: str = "dataset",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        super().__init__(facility, Service(url, reach=reach, timeout=timeout), reach)
        given = (("resource-type-id", resource_type), ("client-id", client_id), ("prefix", prefix))
        self._asked: dict[str, str | int] = {name: value for name, value in given if value}
        self._asked |= {"page[size]": PAGE, "disable-facets": "true"}

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        if query is None:
            yield from (page for page, _ in self._walk("1", ""))
            return
        asked: dict[str, str | int] = {**self._asked, "sort": "relevance"}
        if texts:
            asked["query"] = lucene(texts)
        for number in range(1, 10_000 // PAGE + 1):
            found = listed(self._service.get("dois", asked | {"page[number]": number}), "data")
            yield found
            if len(found) < PAGE:
                return

    def _walk(self, place: str, since: str) -> Iterator[tuple[list[Any], str]]:
        """Give the pages from a cursor of the service, each with the cursor of the next one."""
        asked = self._asked | ({"query": f'updated:["{since}" TO *]'} if since else {})
        while place:
            answer = self._service.get("dois", asked | {"page[cursor]": place})
            links = answer.get("links") if isinstance(answer, dict) else None
            query = parse_qs(urlsplit(str((links or {}).get("next", ""))).query)
            following = query.get("page[cursor]", [""])[0]
            yield listed(answer, "data"), following
            place = following if following != place else ""

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Give the records from a place on; after the last, those updated since.

        DOIs that were withdrawn are not told.
        """
        told = json.loads(cursor) if cursor else {}
        since, newest = str(told.get("since", "")), str(told.get("newest", ""))
        for page, following in self._walk(str(told.get("next") or "1"), since):
            newest = max([newest, *filter(None, (_updated(document) for document in page))])
            faults: list[str] = []
            items = tuple(self._read(page, faults.append))
            place = {"since": since, "newest": newest, "next": following}
            if not following:
                place = {"since": newest or since}
            yield Batch(items, json.dumps(place), faults=tuple(faults))

    def _document(self, local_id: str) -> Any:
        if not re.fullmatch(r"10\.\d{4,9}/\S+", local_id) or not local_id.isascii():
            return None
        found = self._service.get(f"dois/{segment(local_id)}", absent=(400, 404))
        return found.get("data") if isinstance(found, dict) else None

    def _item(self, document: Any) -> Item:
        told = document["attributes"]
        id_ = read.identifier(document["id"], "id").lower()
        titles = (t.get("title") for t in read.dicts(told.get("titles")))
        name = read.title(next(titles, None), "titles")
        authors = tuple(filter(None, (read.text(c.get("name")) for c in read.dicts(told.get("creators")))))  # fmt: skip
        publisher = told.get("publisher")
        host = read.text(publisher.get("name") if isinstance(publisher, dict) else publisher)
        rights = [v for r in read.dicts(told.get("rightsList")) for v in (r.get("rightsIdentifier"), r.get("rightsUri"), r.get("rights"))]  # fmt: skip
        made = read.moment(told.get("registered")) or read.moment(told.get("created"))
        media = next(iter(read.texts(told.get("formats"))), "")
        places = [web for value in read.texts(told.get("contentUrl")) if (web := read.web(value))]
        abstract = (d.get("description") for d in read.dicts(told.get("descriptions")))
        return Item.build(
            self._facility,
            id_,
            title=name,
            description=read.text(list(abstract)),
            bbox=_place(told.get("geoLocations")),
            time=_time(told.get("dates")),
            created=made or f"{_year(told) or '1970'}-01-01T00:00:00Z",
            keywords=read.texts([s.get("subject") for s in read.dicts(told.get("subjects"))]),
            license=read.licence(*rights),
            providers=[Provider(host, ("host",))] if host else (),
            doi=read.doi(id_),
            citation=read.cite(authors, _year(told), name, host, id_),
            links=read.links(told.get("url"), id_),
            assets=read.assets([read.asset(p, media=media) for p in places]),
        )


def _updated(document: Any) -> str:
    told = document.get("attributes") if isinstance(document, dict) else None
    return read.moment(told.get("updated")) if isinstance(told, Mapping) else ""


def _year(told: Mapping[str, Any]) -> str:
    year = read.text(told.get("publicationYear"))
    return year if re.fullmatch(r"[12]\d{3}", year) else ""


def _time(dates: Any) -> Interval | None:
    """When the data lies: its coverage (schema 4.6), else when it was collected."""
    for kind in ("Coverage", "Collected"):
        for date in read.dicts(dates):
            if date.get("dateType") == kind and (found := read.period(date.get("date"))):
                return found
    return None


def _place(locations: Any) -> BBox | None:
    boxes = []
    for location in read.dicts(locations):
        for key, names in (("geoLocationBox", _SIDES), ("geoLocationPoint", _POINT)):
            told = location.get(key)
            if isinstance(told, dict):
                boxes.append(read.box(*(told.get(name) for name in names)))
    return read.around([b for b in boxes if b is not None])
