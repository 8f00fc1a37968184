"""The ``ckan`` catalog driver: portals of open data on CKAN.

The API is that of https://docs.ckan.org/en/latest/api/: ``package_search`` with ``q`` (Solr's
query language), ``fq``, ``sort``, ``rows`` and ``start``, answered by ``success`` and ``result``
with ``count`` and ``results``; and ``package_show`` with ``id``. Where a portal has the extension
of https://docs.ckan.org/projects/ckanext-spatial/, it is asked for a box by ``ext_bbox``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from portal.core.asset import Provider
from portal.core.contracts import Batch
from portal.core.item import Item
from portal.core.query import BBox, Interval, Query
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed, lucene
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._service import Service

#: Ids of CKAN's own list of licences that name one version only.
_LICENCES = {
    "cc-zero": "CC0-1.0", "odc-by": "ODC-By-1.0", "odc-odbl": "ODbL-1.0", "odc-pddl": "PDDL-1.0",
}  # fmt: skip
_SIDES = ("bbox-west-long", "bbox-south-lat", "bbox-east-long", "bbox-north-lat")


class CkanCatalog(ListedCatalog):
    """Datasets of a CKAN portal.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The portal's address; ``/api/3/action`` stands below it.
    filter
        Solr's query language: only records that it fits, such as "organization:doe-gov".
    spatial
        Whether the portal has the spatial extension.
    key_file, key_env
        Where an API token is kept, for records that are not public.
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
        url: str,
        filter: str = "",
        spatial: bool = False,
        key_file: str = "",
        key_env: str = "",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        secret = SecretRef(key_file, key_env, f"the API token of {facility}")
        api = f"{url.rstrip('/')}/api/3/action"
        service = Service(api, reach=reach, timeout=timeout, secret=secret, scheme="")
        super().__init__(facility, service, reach)
        self._url = url.rstrip("/")
        self._filter = filter
        self._spatial = spatial

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        asked: dict[str, Any] = {"q": lucene(texts) if texts else "*:*"}
        box = query.bbox if query else None
        if self._spatial and box is not None and box.west <= box.east:
            asked["extras"] = {"ext_bbox": ",".join(f"{x:g}" for x in box.to_list())}
        if query is None:
            asked["sort"] = "id asc"
        start = 0
        while True:
            page = self._ask(asked, start, self._filter)
            yield page
            start += len(page)
            if len(page) < PAGE:
                return

    def _ask(self, asked: Mapping[str, Any], start: int, where: str) -> list[Any]:
        document = {**asked, "rows": PAGE, "start": start} | ({"fq": where} if where else {})
        return listed(self._service.post("package_search", document), "result", "results")

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Give the records in the order of their last change, from a place on.

        Records that were deleted are not told.
        """
        told = json.loads(cursor) if cursor else {}
        since, start = str(told.get("since", "")), int(told.get("start", 0))
        order = {"q": "*:*", "sort": "metadata_modified asc, id asc"}
        while True:
            changed = f"metadata_modified:[{since}Z TO *]" if since else ""
            where = " ".join(f"+({f})" for f in (self._filter, changed) if f)
            page = self._ask(order, start, where)
            times = [_modified(record) for record in page]
            last = next((t for t in reversed(times) if t), since)
            start = start + len(page) if last == since else times.count(last)
            since = last
            faults: list[str] = []
            items = tuple(self._read(page, faults.append))
            yield Batch(items, json.dumps({"since": since, "start": start}), faults=tuple(faults))
            if len(page) < PAGE:
                return

    def _document(self, local_id: str) -> Any:
        if not re.fullmatch(r"[\w-]{1,100}", local_id, re.ASCII):
            return None
        answer = self._service.get("package_show", {"id": local_id}, absent=(404,))
        return answer.get("result") if isinstance(answer, dict) else None

    def _item(self, document: Any) -> Item:
        id_ = read.identifier(document["name"], "name")
        extras = {read.text(e.get("key")): e.get("value") for e in read.dicts(document.get("extras"))}  # fmt: skip
        owner = document.get("organization")
        host = read.text(owner.get("title") or owner.get("name")) if isinstance(owner, dict) else ""
        tags = [t.get("display_name") or t.get("name") for t in read.dicts(document.get("tags"))]
        modified = read.moment(document.get("metadata_modified"))
        licence = read.text(document.get("license_id"))
        doi = next((d for k in ("doi", "DOI", "identifier") if (d := read.doi(extras.get(k)))), "")
        found = [
            read.asset(
                href,
                name=read.text(r.get("name")),
                media=read.text(r.get("mimetype") or r.get("format")),
                bytes_=read.size(r.get("size")),
            )
            for r in read.dicts(document.get("resources"))
            if (href := read.stored(r.get("url")))
        ]
        return Item.build(
            self._facility,
            id_,
            title=read.title(document["title"], "title"),
            description=read.text(document.get("notes")),
            bbox=_place(extras),
            time=_time(extras, modified),
            created=read.moment(document.get("metadata_created")) or "1970-01-01T00:00:00Z",
            keywords=read.texts(tags),
            license=_LICENCES.get(licence) or read.licence(licence, document.get("license_url")),
            providers=[Provider(host, ("host",))] if host else (),
            doi=doi,
            links=read.links(f"{self._url}/dataset/{id_}", doi, via=document.get("url")),
            assets=read.assets(found),
        )


def _modified(record: Any) -> str:
    told = record.get("metadata_modified") if isinstance(record, dict) else None
    return told.rstrip("Z") if isinstance(told, str) and read.moment(told) else ""


def _place(extras: Mapping[str, Any]) -> BBox | None:
    """A place: GeoJSON or four numbers in ``spatial``, or the four extras of a harvested box."""
    told = read.text(extras.get("spatial"))
    if told.startswith("{"):
        try:
            return read.geojson_box(json.loads(told))
        except (ValueError, RecursionError):
            return None
    sides = told.split(",") if told.count(",") == 3 else [extras.get(key) for key in _SIDES]
    return read.box(*sides)


def _time(extras: Mapping[str, Any], until: str) -> Interval | None:
    ends = (extras.get("temporal-extent-begin"), extras.get("temporal-extent-end"))
    return read.period(extras.get("temporal"), until) or (read.period(ends) if all(ends) else None)
