"""The ``data-gov`` catalog driver: Data.gov, the open data of the US government.

Data.gov left CKAN in 2026. Its Catalog API is that of
https://github.com/GSA/resources.data.gov/blob/main/pages/catalog-api.md: ``GET /search`` with ``q``,
``org_slug``, ``keyword`` (exact), ``spatial_geometry`` (GeoJSON), ``per_page`` and ``after`` (a
cursor), answered by ``results``, each with its DCAT-US record, and ``after``; with a key of
api.data.gov in the header ``X-Api-Key``. Without one, ``DEMO_KEY`` is sent: 30 questions an hour.
No way to ask for one record is documented; it is searched by its ``slug``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from portal.core.asset import Asset, Provider
from portal.core.item import Item
from portal.core.query import BBox, Query
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._service import Service

#: A slug that is longer may end within a word.
_CUT = 80
_PAGES_FOR_ONE = 2


class DataGovCatalog(ListedCatalog):
    """Datasets of Data.gov.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The root of the Catalog API.
    organization
        Only datasets of the organisation of this slug, such as "nasa".
    key_file, key_env
        Where a key of api.data.gov is kept.
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
        url: str = "https://api.gsa.gov/technology/datagov/v4",
        organization: str = "",
        key_file: str = "",
        key_env: str = "",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        secret = SecretRef(key_file, key_env, f"the key of api.data.gov of {facility}")
        service = Service(
            url, reach=reach, timeout=timeout, secret=secret, header="X-Api-Key", scheme="",
            otherwise="DEMO_KEY",
        )  # fmt: skip
        super().__init__(facility, service, reach)
        self._asked: dict[str, str | int] = {"per_page": PAGE}
        self._asked |= {"org_slug": organization} if organization else {}

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        asked = self._asked | _where(query)
        for text in texts or ((),):
            words: dict[str, str | int] = {"q": " ".join(text)} if text else {}
            place: dict[str, str | int] = {}
            while True:
                answer = self._service.get("search", asked | words | place)
                yield listed(answer, "results")
                after = answer.get("after")
                if not after or after == place.get("after"):
                    break
                place = {"after": str(after)}

    def _document(self, local_id: str) -> Any:
        if not re.fullmatch(r"[a-z0-9]+(?:-+[a-z0-9]+)*-*", local_id) or len(local_id) > 200:
            return None
        words = re.findall(r"[a-z0-9]+", local_id)
        words = words[:-1] if len(local_id) >= _CUT else words
        pages = islice(self._pages([words], None), _PAGES_FOR_ONE)
        found = (r for page in pages for r in page if isinstance(r, dict))
        return next((r for r in found if r.get("slug") == local_id), None)

    def _item(self, document: Any) -> Item:
        id_ = read.identifier(document["slug"], "slug")
        told = document["dcat"] if isinstance(document.get("dcat"), dict) else {}
        modified = read.moment(told.get("modified"))
        publisher = told.get("publisher")
        makers = read.text(publisher.get("name") if isinstance(publisher, dict) else publisher)
        doi = read.doi(told.get("identifier")) or read.doi(told.get("landingPage"))
        landing = read.web(told.get("landingPage")) or f"https://catalog.data.gov/dataset/{id_}"
        return Item.build(
            self._facility,
            id_,
            title=read.title(document["title"], "title"),
            description=read.text(document.get("description")),
            bbox=_place(document, told),
            time=read.period(told.get("temporal"), modified),
            created=read.moment(told.get("issued")) or modified or "1970-01-01T00:00:00Z",
            keywords=read.texts(document.get("keyword")),
            license=read.licence(told.get("license")),
            providers=[Provider(makers, ("producer",))] if makers else (),
            doi=doi,
            links=read.links(landing, doi),
            assets=read.assets(list(_files(told.get("distribution")))),
        )


def _where(query: Query | None) -> dict[str, str | int]:
    """What of a query the service filters by."""
    asked: dict[str, str | int] = {}
    if query and len(query.keywords) == 1:
        asked["keyword"] = query.keywords[0]
    if query and query.bbox and query.bbox.west <= query.bbox.east:
        w, s, e, n = query.bbox.to_list()
        ring = [[w, s], [e, s], [e, n], [w, n], [w, s]]
        asked["spatial_geometry"] = json.dumps({"type": "Polygon", "coordinates": [ring]})
    return asked


def _place(document: Mapping[str, Any], told: Mapping[str, Any]) -> BBox | None:
    """The GeoJSON shape, else "west,south,east,north" or GeoJSON in DCAT's ``spatial``."""
    if (shape := read.geojson_box(document.get("spatial_shape"))) is not None:
        return shape
    spatial = read.text(told.get("spatial"))
    if spatial.startswith("{"):
        try:
            return read.geojson_box(json.loads(spatial))
        except (ValueError, RecursionError):
            return None
    return read.box(*spatial.split(",")) if spatial.count(",") == 3 else None


def _files(distribution: Any) -> Iterator[Asset]:
    for one in read.dicts(distribution):
        if href := read.stored(one.get("downloadURL")) or read.web(one.get("accessURL")):
            media = read.text(one.get("mediaType")) or read.text(one.get("format"))
            yield read.asset(href, name=read.text(one.get("title")), media=media)
