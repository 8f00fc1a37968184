"""OGC API Records, by OWSLib; the data of a record may be a file, a coverage or an EDR collection.

The service is asked for words and places only. What its ``datetime`` is compared with differs
between services (pygeoapi takes the time at which the record was made, or refuses), so that times
are compared here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from portal.core.item import Item
from portal.core.query import Query
from portal.drivers.catalogs._access import form_of
from portal.drivers.catalogs._cql2 import asked_words
from portal.drivers.catalogs._fetch import rubbish
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed
from portal.drivers.catalogs._ogc import RecordsApi, collection_asset, record_item
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._service import Service, segment

if TYPE_CHECKING:
    import xarray as xr

_NONSENSE = "zqxjvkwpyhbfgm"


class OgcRecordsCatalog(ListedCatalog):
    """The records of an OGC API.

    Parameters
    ----------
    url
        Its landing page.
    collections
        Ids of the collections of records that are used; all where it is empty.
    allow
        Hosts and networks beside the service itself to which records may lead.
    timeout
        Seconds for one question.
    key_file, key_env
        Where its key is kept, if it wants one; it is sent as a bearer token.
    page_size
        Records asked for at once.
    """

    tells = frozenset({"bbox", "time", "keywords"})

    def __init__(
        self,
        facility: str,
        *,
        url: str,
        collections: Sequence[str] = (),
        allow: Sequence[str] = (),
        timeout: float = 20.0,
        key_file: str = "",
        key_env: str = "",
        page_size: int = PAGE,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        secret = SecretRef(key_file, key_env, f"the key of {shown(url)}")
        service = Service(url, reach=reach, timeout=timeout, secret=secret)
        super().__init__(facility, service, reach)
        self._api = RecordsApi(service)
        self._timeout, self._page_size = timeout, page_size
        self._only = tuple(collections)

    @cached_property
    def _catalogues(self) -> tuple[str, ...]:
        """The ids of the collections of records."""
        if self._only:
            return self._only
        every = listed(self._api.collections(), "collections")
        kinds = {str(c.get("id")): str(c.get("itemType")) for c in every if isinstance(c, dict)}
        return tuple(name for name, kind in kinds.items() if kind.lower() == "record")

    @cached_property
    def _searches(self) -> bool:
        """Whether the service finds nothing for a word that no record has."""
        return not any(self._asked(name, {"q": _NONSENSE})["features"] for name in self._catalogues)

    def _asked(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        page: dict[str, Any] = self._api.collection_items(
            segment(name), limit=self._page_size, **asked
        )
        listed(page, "features")
        return page

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        asked: dict[str, Any] = {}
        if query and query.bbox and query.bbox.west <= query.bbox.east:
            asked["bbox"] = query.bbox.to_list()
        if query and texts and self._searches:
            asked["q"] = ",".join(asked_words(query))
        for name in self._catalogues:
            page, seen = self._asked(name, asked), set[str]()
            while True:
                yield [_within(document, name) for document in listed(page, "features")]
                href = next((x["href"] for x in _links(page) if x.get("rel") == "next"), "")
                if not href or href in seen or not page["features"]:
                    break
                seen.add(href)
                page = self._page(href)

    def _page(self, href: str) -> Any:
        content = self._service.page(href).content
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise rubbish(href, content, "JSON") from error

    def _document(self, local_id: str) -> Any:
        name, slash, record = local_id.partition("/")
        if not slash or not record or name not in self._catalogues:
            return None
        found = self._api.collection_item(segment(name), segment(record))
        return _within(found, name) if found else None

    def _item(self, document: Any) -> Item:
        return record_item(document, self._facility, self._service.url)

    def open(self, item: Item) -> xr.Dataset:
        """Open the data that a record points at: a file lazily, a coverage or a cube read whole.

        Raises
        ------
        UnknownItem
            The service has no such record.
        TooLarge
            A coverage or a cube is longer than an answer may be.
        Unavailable, Denied, Unreadable, MissingDependency
        """
        from portal.drivers.catalogs._ogc_data import open_collection

        collection = collection_asset(item)
        if collection and not any(form_of(asset) for asset in item.assets.values()):
            return open_collection(collection.href, self._reach, self._timeout)
        return super().open(item)


def _within(document: Any, name: str) -> Any:
    return {**document, "collection": name} if isinstance(document, dict) else document


def _links(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        x for x in page.get("links") or () if isinstance(x, dict) and isinstance(x.get("href"), str)
    ]
