"""Index: the datasets of every facility, found in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from portal.core.contracts import Batch
from portal.core.found import Bin, Facet
from portal.core.item import Item
from portal.core.query import Query
from portal.errors import Unavailable, Unreadable
from portal.index.ask import Asked, Asker
from portal.index.count import Counter, Counts, years
from portal.index.document import analyzer, schema
from portal.index.page import Pages
from portal.index.relevance import Relevance
from portal.index.store import Store
from portal.index.tally import Tally
from portal.index.terms import Terms, is_damage
from portal.index.words import Reader

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, and its relevance.

    Parameters
    ----------
    score
        BM25; 0 where there was no text, or the order is another.
    copies
        The records of the same dataset at other facilities that match too, best first.
    """

    item: Item
    score: float
    copies: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what matches.

    Parameters
    ----------
    total
        Number of records that match, less those that are copies of others among the first
        ``page.WINDOW`` of the order (by title, ``page.WINDOW_BY_TITLE``): the same for every page,
        and the number of hits that all pages have together.
    facets
        For each of ``count.FACETS`` at most ``count.FACET_VALUES`` values, most frequent
        first; copies are counted each.
    relaxed
        True where no record has every word, and those that have any of them are given.
    """

    hits: tuple[Hit, ...] = ()
    total: int = 0
    facets: Mapping[str, tuple[Facet, ...]] = field(default_factory=dict)
    relaxed: bool = False


@dataclass(frozen=True, slots=True)
class _Asking:
    """A question to one state of the index, and what tells it from others."""

    searcher: Any
    asked: Asked
    key: Any


class Index:
    """The embedded dataset index of a directory; any number of processes may share it.

    SQLite holds the records; the tantivy files beside it are brought up to it, or built anew from
    it, whenever they are behind, damaged, missing or of another version.

    Parameters
    ----------
    directory
        Made if it is not there.

    Raises
    ------
    Unavailable
        The directory cannot be written.
    Unreadable
        The database is damaged or of another version.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The index directory {self.directory} cannot be made",
                found=str(error),
                advice="Choose another with PORTAL_HOME, or mend its permissions.",
            ) from error
        self._store = Store(self.directory / "items.sqlite")
        self._terms = Terms(self.directory, self._store)
        self._reader = Reader(analyzer())
        fields = schema()
        self._asker = Asker(fields, self._reader)
        self._relevance = Relevance(self._reader, fields)
        self._counter = Counter(Tally(self._store.rows, self._terms.numbers))
        self._threads = ThreadPoolExecutor(thread_name_prefix="portal-index")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._threads.shutdown()
        self._terms.close()
        self._store.close()

    def count(self) -> int:
        """Return the number of records."""
        return self._store.count()

    def get(self, item_id: str) -> tuple[Item, str] | None:
        """Return the record of an id and the name of its catalog, None where there is none.

        Raises
        ------
        InvalidItem
            The id is not written ``facility:local-id``.
        """
        return self._store.get(item_id)

    def fingerprint(self, facility: str, catalog: str) -> str | None:
        """Return what :meth:`replace` was told of a catalog; None before its first time."""
        return self._store.fingerprint(facility, catalog)

    def upsert(self, items: Iterable[Item], *, catalog: str) -> None:
        """Add records to a catalog, or put them in the place of those of the same id.

        Searches that start after it returns see them, in every process.
        """
        self._store.upsert(items, catalog=catalog)
        self._terms.update(wait=True)

    def replace(
        self, facility: str, catalog: str, items: Iterable[Item], fingerprint: str | None
    ) -> None:
        """Make ``items`` the only records of a catalog; all of it happens, or nothing.

        Raises
        ------
        InvalidItem
            A record is of another facility; nothing has been changed.
        """
        self._store.replace(facility, catalog, items, fingerprint)
        self._terms.update(wait=True)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove records; ids that are not here are passed over."""
        self._store.remove(ids)
        self._terms.update(wait=True)

    def rebuild(self) -> None:
        """Build the search files anew from the records."""
        self._terms.update(wait=True, anew=True)

    def local_ids(self, facility: str, catalog: str) -> set[str]:
        """Return the local ids of a catalog's records."""
        return self._store.local_ids(facility, catalog)

    def cursor(self, facility: str, catalog: str) -> str | None:
        """Return the place after the last batch that :meth:`take` took; None for the beginning."""
        return self._store.cursor(facility, catalog)

    def take(self, facility: str, catalog: str, batch: Batch) -> None:
        """Take in a batch of a catalog's records, and its cursor with it, or nothing of both.

        Searches see the records when many have come or a while has passed, after :meth:`flush`,
        and when an index is opened: a harvest of a million records does not write the search files
        a thousand times.

        Raises
        ------
        InvalidItem
            A record is of another facility; nothing has been changed.
        """
        self._store.take(facility, catalog, batch)
        self._terms.lag(len(batch.items) + len(batch.removed))

    def flush(self) -> None:
        """Let searches see every record that was taken."""
        self._store.show()
        self._terms.update(wait=True)

    def relevance(self, query: Query, items: Sequence[Item]) -> list[float]:
        """Score records, of the index or not, by the words and the concepts of a query.

        The scores are BM25 as the index has it, with the frequencies of its records and of these
        together, so that hits of several sources can be ranked by one measure. 0 where nothing
        of the query is in a record.
        """
        return self._relevance.scores(query, items, self._terms.view().searcher)

    def timeline(self, query: Query, *, visible: Collection[str] | None = None) -> tuple[Bin, ...]:
        """Return the matching records per span of whole years, the query's own time aside.

        At most ``count.MAX_BINS`` spans, of equal width, over the years in which matching records
        start or end; one that is open begins or ends with them. A record counts in every span
        that its time touches. Empty where no matching record has a time.
        """
        return self._mended(lambda: self._timeline(query, visible))

    def search(self, query: Query, *, visible: Collection[str] | None = None) -> Found:
        """Find records that fit every demand of a query.

        Records that have every word of the text and fit every concept come, the most relevant
        first; where there is none, those that have any of the words or fit any of the concepts.
        Without a text, records come by title. Records of one dataset at several facilities, by
        :func:`portal.core.same.keys`, are one hit.

        Parameters
        ----------
        visible
            The facilities whose records may be shown; None for all.
        """
        return self._mended(lambda: self._search(query, visible))

    def _mended(self, work: Callable[[], _T]) -> _T:
        """Do something with the search files; should they be damaged, build them anew and repeat."""
        try:
            return work()
        except BaseException as error:
            if not is_damage(error):
                raise
        self.rebuild()
        try:
            return work()
        except BaseException as error:
            if not is_damage(error):
                raise
            raise Unreadable(
                f"The search index in {self.directory} cannot be read, even when built anew",
                found=str(error),
                advice="See that the disk is sound, or move the directory away.",
            ) from error

    def _ask(self, query: Query, visible: Collection[str] | None) -> _Asking:
        view = self._terms.view()
        searcher = view.searcher
        if visible is not None and self._store.facilities() <= set(visible):
            visible = None
        asked = self._asker.ask(query, visible, searcher)
        alike = repr(replace(query, limit=0, offset=0, sort="relevance"))
        seen = None if visible is None else frozenset(visible)
        return _Asking(searcher, asked, (view.directory, view.generation, alike, seen))

    def _timeline(self, query: Query, visible: Collection[str] | None) -> tuple[Bin, ...]:
        asking = self._ask(query, visible)
        found = years(asking.searcher, asking.asked, relaxed=False)
        if not found and asking.asked.relaxed is not None:
            found = years(asking.searcher, asking.asked, relaxed=True)
        return found

    def _search(self, query: Query, visible: Collection[str] | None) -> Found:
        asking = self._ask(query, visible)
        relaxed = False
        counts, pages = self._both(asking, query, relaxed=False)
        if not counts.total and asking.asked.relaxed is not None:
            relaxed = True
            counts, pages = self._both(asking, query, relaxed=True)
        places = pages.page()
        rows = [row for place in places for row in (place.row, *place.copies)]
        items = self._store.rows(rows) if rows else {}
        hits = tuple(
            Hit(
                items[place.row],
                place.score,
                tuple(items[row] for row in place.copies if row in items),
            )
            for place in places
            if place.row in items
        )
        return Found(hits, counts.total - pages.merged, dict(counts.facets), relaxed)

    def _both(self, asking: _Asking, query: Query, *, relaxed: bool) -> tuple[Counts, Pages]:
        """Count what matches, and put it in order.

        Where few records are likely, they are put in order first and then counted as they are, so
        that they are looked for once. Else both is done at the same time.
        """
        searcher, asked = asking.searcher, asking.asked
        count = partial(self._counter.counts, searcher, asked, asking.key, relaxed=relaxed)
        whole = asked.query(relaxed=relaxed)
        if asked.narrow and not relaxed:
            pages = Pages(searcher, whole, query, asked)
            return count(all_of_them=pages.all_of_them), pages
        counting = self._threads.submit(count)
        try:
            pages = Pages(searcher, whole, query, asked)
        finally:
            wait([counting])
        return counting.result(), pages
