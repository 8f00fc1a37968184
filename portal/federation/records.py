"""The federation's records: the index kept up with the catalogs, and the live ones beside it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from portal.core.contracts import SupportsGet
from portal.core.found import Bin, Problem, SearchResult
from portal.core.item import Item
from portal.core.query import MAX_LIMIT, Query
from portal.errors import Unavailable, UnknownItem
from portal.federation import asking
from portal.federation.asking import Answer
from portal.federation.config import Home
from portal.federation.find import Finder
from portal.federation.lanes import DEADLINE, Call, Lanes
from portal.federation.registry import Registry
from portal.federation.sources import Source, Sources

if TYPE_CHECKING:
    from portal.index import Index

#: Records of live catalogs that are remembered, and their weight in characters.
REMEMBERED, HEAVIEST = 5_000, 32_000_000


class Records:
    """Every facility's records.

    Parameters
    ----------
    home
        Holds the index.
    registry
        Holds the catalogs.
    """

    def __init__(self, home: Home, registry: Registry) -> None:
        self._home = home
        self._lock = threading.RLock()
        self._opened: Index | None = None
        self._changed = threading.Condition()
        self._sources = Sources(registry, lambda: self.index, self._changed)
        self._lanes = Lanes(self._changed)
        self._seen = _Seen()
        self._finder = Finder(
            self._sources, self._lanes, lambda: self.index, self._changed, self._seen.add
        )

    @property
    def index(self) -> Index:
        """The embedded index, opened when first needed."""
        with self._lock:
            if self._opened is None:
                from portal.index import Index

                self._opened = Index(self._home.index)
            return self._opened

    def close(self) -> None:
        """Close the index; what catalogs still do is let be."""
        self._sources.close()
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def find(self, query: Query, visible: tuple[str, ...], wait: float) -> SearchResult:
        """Answer a query over the facilities that may be seen, with what comes in ``wait`` seconds."""
        return self._finder.find(query, visible, wait)

    def watch(
        self, query: Query, visible: tuple[str, ...], deadline: float
    ) -> Iterator[SearchResult]:
        """Answer a query again and again as more comes, until all has or the deadline is over."""
        return self._finder.watch(query, visible, deadline)

    def asks(self, query: Query, visible: tuple[str, ...]) -> bool:
        """Whether there are live catalogs that a search would ask."""
        return self._finder.asks(query, visible)

    def timeline(self, query: Query, visible: tuple[str, ...]) -> tuple[Bin, ...]:
        """Count the matching records of the index by years."""
        self._finder.settle(query, visible)
        return self.index.timeline(query, visible=visible)

    def get(self, item_id: str) -> tuple[Item, str]:
        """Return a record and the name of its catalog.

        It is looked for in the index, among what live catalogs have lately given, and in the live
        catalogs of its facility.

        Raises
        ------
        UnknownItem
            There is none of this id; the nearest ones are named.
        Unavailable
            A catalog that may have it cannot be asked.
        """
        known = self.index.get(item_id) or self._seen.get(item_id)
        if known is not None:
            return known
        sources = self._sources.of([item_id.partition(":")[0]])
        self._sources.refresh(sources, force=True)
        self._sources.wait(sources)
        found = self.index.get(item_id) or self._live(item_id, sources)
        if found is None:
            raise self._unknown(item_id, sources)
        return found

    def _live(self, item_id: str, sources: list[Source]) -> tuple[Item, str] | None:
        """Ask the live catalogs of a facility for a record, side by side."""
        calls: list[Call] = []
        for source in sources:
            catalog = source.live
            if catalog is not None and isinstance(catalog, SupportsGet):
                work = _getting(source, catalog, item_id)
                calls.append(self._lanes.call(source.lane, ("get", item_id), work))
        with self._changed:
            while True:
                for call in calls:
                    if call.answer and call.answer.items:
                        self._seen.add(call.answer)
                        return call.answer.items[0], call.lane.catalog
                now = time.monotonic()
                coming = [moment for moment in map(self._until, calls) if moment > now]
                if not coming:
                    break
                self._changed.wait(min(coming) - now)
            faults = [str(p) for p in _faults(calls, sources)]
        if faults:
            raise Unavailable(
                f"It cannot be said whether there is a dataset {item_id!r}",
                found=" ".join(faults),
                advice="Try again later.",
            )
        return None

    def _until(self, call: Call) -> float:
        return call.ended or self._lanes.expiry(call, DEADLINE)

    def _unknown(self, item_id: str, sources: list[Source]) -> UnknownItem:
        import difflib

        facility = item_id.partition(":")[0]
        query = Query(facilities=(facility,), limit=MAX_LIMIT)
        ids = [hit.item.id for hit in self.index.search(query, visible=(facility,)).hits]
        near = difflib.get_close_matches(item_id, ids, 3)
        listed = f"{facility} has {', '.join(ids[:8]) or 'no datasets'}"
        more = " and more" if len(ids) > 8 or any(s.live is not None for s in sources) else ""
        faults = "".join(f"; {problem}" for s in sources for problem in s.problems)
        return UnknownItem(
            f"No dataset is called {item_id!r}",
            found=listed + more + faults,
            advice=f"Did you mean {' or '.join(near)}?" if near else "Try fed.search().",
        )

    def add(self, item: Item, catalog: str) -> None:
        """Put a record into the index at once."""
        self.index.upsert([item], catalog=catalog)


class _Seen:
    """The records that live catalogs gave last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: OrderedDict[str, tuple[Item, str]] = OrderedDict()
        self._weight = 0

    def add(self, answer: Answer) -> None:
        """Remember the records of an answer."""
        with self._lock:
            for item in answer.items:
                self._forget(item.id)
                # Without the document that has been read from its text, which weighs more.
                self._items[item.id] = (Item(item.facility, item.text), answer.catalog)
                self._weight += len(item.text)
            while len(self._items) > REMEMBERED or self._weight > HEAVIEST:
                self._forget(next(iter(self._items)))

    def get(self, item_id: str) -> tuple[Item, str] | None:
        """Return a record and the name of its catalog."""
        with self._lock:
            return self._items.get(item_id)

    def _forget(self, item_id: str) -> None:
        known = self._items.pop(item_id, None)
        if known is not None:
            self._weight -= len(known[0].text)


def _getting(source: Source, catalog: SupportsGet, item_id: str) -> Callable[[], Answer]:
    return lambda: asking.get(source.facility, source.name, catalog, item_id)


def _faults(calls: Iterable[Call], sources: Iterable[Source]) -> Iterator[Problem]:
    """Say why catalogs could not be asked for a record."""
    for call in calls:
        if call.answer is None:
            yield Problem(call.lane.facility, "It does not answer.", call.lane.catalog)
        else:
            yield from call.answer.problems
    for source in sources:
        if source.failed:
            yield from source.problems
        if source.awaited:
            yield Problem(source.facility, "It is still being read.", source.name)
