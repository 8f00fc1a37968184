"""What the catalogs of web services have in common: they page, and what they give is checked."""

from __future__ import annotations

import re
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from portal.core.item import Item
from portal.core.match import fits
from portal.core.query import Query
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._service import Service
from portal.errors import InvalidInput, PortalWarning, UnknownItem, Unreadable

if TYPE_CHECKING:
    import xarray as xr

#: Records asked for at once, and pages that one search looks through for records that fit.
PAGE = 100
MOST_PAGES = 5
#: Seconds after which a search asks for no further page: what it has then is in time for the others.
PATIENCE = 3.0
_MOST_WORDS = 16
_LONGEST_WORD = 100
_WORD = re.compile(r"[^\W_]+")
_NAMES = ("id", "osti_id", "@id", "subject", "fullyQualifiedName", "name", "title")
_BROKEN = (
    InvalidInput, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


def alternatives(query: Query) -> tuple[tuple[str, ...], ...]:
    """Return the texts that a service is asked for, each as its words; one of them is enough.

    Words are letters and digits only, so that no service's query language reads anything else
    into them. Empty where the query has no words.
    """
    found = []
    for phrasing in query.phrasings:
        plain = (word[:_LONGEST_WORD] for word in _WORD.findall(phrasing.casefold()))
        found.append(tuple(dict.fromkeys(plain))[:_MOST_WORDS])
    return tuple(dict.fromkeys(f for f in found if f))


def lucene(texts: Sequence[Sequence[str]]) -> str:
    """Write alternatives in the query language of Lucene, Solr, Elasticsearch and OpenSearch."""
    groups = [" AND ".join(f'"{word}"' for word in text) for text in texts]
    return groups[0] if len(groups) == 1 else " OR ".join(f"({group})" for group in groups)


class ReadCatalog(ABC):
    """A catalog of foreign records: each is read by itself, and a broken one is passed over."""

    def __init__(self, facility: str, service: Service, reach: Reach) -> None:
        self._facility = facility
        self._service = service
        self._reach = reach

    @abstractmethod
    def _item(self, document: Any) -> Item:
        """Read a record of the service."""

    def _read(
        self, documents: Iterable[Any], tell: Callable[[str], None] | None = None
    ) -> Iterator[Item]:
        """Read records; ``tell`` is told of those that are left out, else they are warned of."""
        seen: set[str] = set()
        for number, document in enumerate(documents, 1):
            try:
                item = self._item(document)
                _ = (item.bbox, item.interval, item.variables, item.assets, item.keywords)
            except _BROKEN as error:
                (tell or self._warn)(self._fault(document, number, error))
                continue
            if item.id not in seen:
                seen.add(item.id)
                yield item

    def _fault(self, document: Any, number: int, error: Exception) -> str:
        named = document if isinstance(document, dict) else {}
        name = next((named[k] for k in _NAMES if isinstance(named.get(k), str | int)), None)
        which = f"the record {str(name)[:80]!r}" if name else f"record {number}"
        why = error if isinstance(error, InvalidInput) else f"{type(error).__name__}: {error}"
        return f"{shown(self._service.url)}: {which} is left out. {why}"

    def _warn(self, fault: str) -> None:
        warnings.warn(fault, PortalWarning, stacklevel=4)

    def _known(self, item: Item) -> Item | None:
        """Return the record with its data; None where it is none of this catalog."""
        return item if item.assets or item.links else None

    def open(self, item: Item) -> xr.Dataset:
        """Open the data that a record points at, lazily.

        Raises
        ------
        UnknownItem
            The service has no such record.
        Unreadable
            The record has no data that opens; the advice names the page that tells how to get it.
        Unavailable, Denied, TooLarge, MissingDependency
        """
        from portal.drivers.catalogs._access import open_item

        known = self._known(item)
        if known is None:
            raise UnknownItem(
                f"{shown(self._service.url)} has no record {item.local_id[:200]!r}",
                found=f"asked for by the facility {self._facility!r}",
                advice="Take an id that fed.search() gives.",
            )
        return open_item(known, self._reach)


class ListedCatalog(ReadCatalog):
    """A catalog of a web service that gives its records in pages.

    A driver says how to ask for pages (:meth:`_pages`), for one record (:meth:`_document`), and
    what a record of the service means (:meth:`_item`).
    """

    #: What the records of the service can tell; a query for anything else finds nothing there.
    tells: frozenset[str] = frozenset({"keywords"})

    @abstractmethod
    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        """Give pages of the service's records: of any of the texts, of all where there are none."""

    @abstractmethod
    def _document(self, local_id: str) -> Any:
        """Return the service's record of an id; None where there is none."""

    def search(self, query: Query) -> Iterator[Item]:
        """Give the records that fit, in the service's order.

        The service is asked for the words; place, time, facets and the words again are checked
        here, over :data:`MOST_PAGES` pages, and no longer than :data:`PATIENCE` where it is slow.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        if self._cannot(query):
            return
        found = 0
        for item in self._read(self._first(self._pages(alternatives(query), query))):
            if found < query.limit and fits(item, query):
                found += 1
                yield item
            if found >= query.limit:
                return

    def _first(self, pages: Iterator[Sequence[Any]]) -> Iterator[Any]:
        end = time.monotonic() + PATIENCE
        for page in islice(pages, MOST_PAGES):
            yield from page
            if time.monotonic() > end:
                return

    def _cannot(self, query: Query) -> bool:
        wanted = {n for n in ("bbox", "time", "variables", "keywords") if getattr(query, n)}
        away = bool(query.facilities) and self._facility not in query.facilities
        return away or not query.limit or not wanted <= self.tells

    def get(self, local_id: str) -> Item | None:
        """Return the record of an id; None where there is none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        document = self._document(local_id)
        found = () if document is None else self._read([document])
        return next((item for item in found if item.local_id == local_id), None)

    def _known(self, item: Item) -> Item | None:
        return super()._known(item) or self.get(item.local_id)

    def items(self) -> Iterator[Item]:
        """Give every record; one that cannot be read is named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        yield from self._read(d for page in self._pages((), None) for d in page)


def listed(document: Any, *path: str) -> list[Any]:
    """Return the list at a path of keys of an answer.

    Raises
    ------
    Unreadable
        The answer has none there: the service is not of this kind.
    """
    found = document
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise Unreadable(
            "The answer of the service has no list of records",
            found=f"{type(found).__name__} at {'.'.join(path) or 'its top'}",
            advice="Check the url and the driver of this catalog in the facility file.",
        )
    return found
