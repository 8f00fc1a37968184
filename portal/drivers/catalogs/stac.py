"""STAC APIs, by pystac-client: items, and collections that are datasets themselves.

Item search may ignore what it is asked. Free text (``q``) is used where the service declares it for
item search and a word that no record has finds nothing; CQL2 where the service takes the filter;
else some pages are looked through here. Whatever comes is checked once more.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from portal.core.contracts import Batch
from portal.core.item import Item
from portal.core.match import fits, words
from portal.core.query import Query
from portal.drivers.catalogs._cql2 import asked_words, cql2
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._stac import StacService
from portal.drivers.catalogs._stac_io import Request
from portal.drivers.catalogs._stac_item import dataset_of, item_of
from portal.errors import InvalidInput, PortalWarning, Unavailable, UnknownItem, Unreadable

if TYPE_CHECKING:
    import xarray as xr

#: Pages that one search looks through.
MOST_PAGES = 5
_BROKEN = (InvalidInput, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

Say = Callable[[str], None]


class StacCatalog:
    """The records of a STAC API.

    Parameters
    ----------
    url
        Its landing page.
    collections
        Ids of the collections that are used; all where it is empty.
    allow
        Hosts and networks beside the service itself to which records may lead.
    timeout
        Seconds without an answer.
    key_file, key_env
        Where its key is kept, if it wants one.
    key_header
        The header that carries the key; "Authorization" has "Bearer" before it.
    page_size
        Records asked for at once.
    """

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
        key_header: str = "Authorization",
        page_size: int = 200,
    ) -> None:
        self._facility, self._url, self._only = facility, shown(url), tuple(collections)
        self._reach, self._timeout = Reach.of(url, allow=allow), timeout
        self._service = StacService(
            url,
            reach=self._reach,
            collections=self._only,
            timeout=timeout,
            secret=SecretRef(key_file, key_env, f"the key of {self._url}"),
            header=key_header,
            page_size=page_size,
        )

    def items(self) -> Iterator[Item]:
        """Give every record; broken ones are named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        yield from self._datasets(self._service.collections(fresh=True).values())
        for page, _ in self._service.pages(self._service.question({})):
            yield from self._read(page)

    def search(self, query: Query) -> list[Item]:
        """Return the records that fit, those with the words in their titles first.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        if not query.limit or (query.facilities and self._facility not in query.facilities):
            return []
        found: dict[str, Item] = {}
        for item in self._candidates(query):
            if fits(item, query):
                found.setdefault(item.id, item)
            if len(found) >= query.limit:
                break
        wanted = set(words(query.words))
        return sorted(found.values(), key=lambda item: -len(wanted.intersection(words(item.title))))

    def _candidates(self, query: Query) -> Iterator[Item]:
        known = self._service.collections()
        yield from self._datasets(known.values())
        place: dict[str, Any] = {"bbox": query.bbox.to_list()} if query.bbox else {}
        place |= {"datetime": str(query.time)} if query.time else {}
        text, narrow = ",".join(asked_words(query)), cql2(query, known)
        if text and self._service.free_text:
            yield from self._some(place, text)
            return
        if narrow and self._service.filters:
            with suppress(Unreadable, Unavailable):
                yield from self._some(place | {"filter": narrow, "filter_lang": "cql2-json"})
                return
        yield from self._some(place)

    def get(self, local_id: str) -> Item | None:
        """Return the record of an id; None where there is none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        within, slash, name = local_id.partition("/")
        if self._only and within not in self._only:
            return None
        if slash:
            found = self._some({"collections": [within], "ids": [name]})
        else:
            collection = self._service.collection(local_id)
            found = self._datasets([collection] if collection else [])
        return next((item for item in found if item.local_id == local_id), None)

    def open(self, item: Item) -> xr.Dataset:
        """Open the data that a record points at, lazily.

        Raises
        ------
        UnknownItem
            The service has no such record.
        Unavailable, Denied, Unreadable, TooLarge, MissingDependency
        """
        from portal.drivers.catalogs._access import open_item

        if not item.assets and self.get(item.local_id) is None:
            raise UnknownItem(
                f"{self._url} has no record {item.local_id[:200]!r}",
                advice="Search again: the service may have taken it away.",
            )
        return open_item(item, self._reach)

    def quicklook(self, item: Item) -> bytes | None:
        """Return the bytes of a record's own thumbnail; None where it has none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        from portal.drivers.catalogs._picture import picture

        return picture(item, self._reach, self._timeout)

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Give the records page by page; a later harvest, those updated since the one before.

        A service that cannot tell what was updated, or that has records which do not say it, is
        asked for all again. Records that have gone are not noticed.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        state = json.loads(cursor) if cursor else {}
        since = state.get("since") or ""
        newest, faults = state.get("newest", since), list[str]()
        asked = self._begin(state.get("next"), since)
        found = tuple(self._datasets(self._service.collections(fresh=True).values(), faults.append))
        start = {"next": asked, "since": since, "newest": newest}
        yield Batch(found, json.dumps(start), faults=tuple(faults))
        for page, rest in self._service.pages(asked):
            faults.clear()
            found = tuple(self._read(page, faults.append))
            moments = [str(item.properties.get("updated") or "") for item in found]
            newest = max([newest, *moments]) if newest is not None and all(moments) else None
            left = {"next": rest, "since": since, "newest": newest} if rest else {"since": newest}
            yield Batch(found, json.dumps(left), faults=tuple(faults))

    def _begin(self, rest: Request | None, since: str) -> Request:
        """Return the first request that the service takes: the rest, what was updated, or all."""
        tried = [rest] if rest else []
        for moment in ({"timestamp": since}, since) if since and self._service.filters else ():
            updated = {"op": ">=", "args": [{"property": "updated"}, moment]}
            asked = {"filter": updated, "filter_lang": "cql2-json"}
            tried.append(self._service.question(asked))
        for request in tried:
            with suppress(Unreadable, Unavailable, UnknownItem):
                next(self._service.pages(request))
                return request
        return self._service.question({})

    def _some(self, asked: Mapping[str, Any], text: str = "") -> Iterator[Item]:
        question = self._service.question(asked, text=text)
        for page, _ in islice(self._service.pages(question), MOST_PAGES):
            yield from self._read(page)

    def _read(self, documents: Iterable[Any], say: Say | None = None) -> Iterator[Item]:
        known = self._service.collections()

        def read(document: Any) -> Item:
            return item_of(document, known.get(document.get("collection"), {}), self._facility)

        return self._sound(read, documents, say)

    def _datasets(self, documents: Iterable[Any], say: Say | None = None) -> Iterator[Item]:
        return self._sound(lambda c: dataset_of(c, self._facility), documents, say)

    def _sound(
        self, read: Callable[[Any], Item | None], documents: Iterable[Any], say: Say | None
    ) -> Iterator[Item]:
        """Give the records of documents; those that are none are told of, or warned about."""
        for document in documents:
            try:
                item = read(document)
            except _BROKEN as error:
                named = str(document.get("id"))[:80] if isinstance(document, dict) else "one"
                text = f"{self._url}: the record {named!r} is left out: {error}"
                if say is None:
                    warnings.warn(text, PortalWarning, stacklevel=3)
                else:
                    say(text)
                continue
            if item is not None:
                yield item
