"""Index: the datasets of every facility, found in milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from portal.core.found import Facet
from portal.core.item import Item
from portal.core.query import Query
from portal.errors import Unavailable, Unreadable
from portal.index.ask import Asked, Asker
from portal.index.store import Store
from portal.index.terms import Terms, analyzer, is_damage, schema

FACETS = ("facility", "variable", "keyword")
FACET_VALUES = 50

_PER_SEGMENT = 10_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, and its relevance (BM25; 0 where there was no text)."""

    item: Item
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what matches.

    Parameters
    ----------
    total
        Number of records that match.
    facets
        For each of ``FACETS`` at most ``FACET_VALUES`` values, most frequent first.
    relaxed
        True where no record has every word, and those that have any of them are given.
    """

    hits: tuple[Hit, ...] = ()
    total: int = 0
    facets: Mapping[str, tuple[Facet, ...]] = field(default_factory=dict)
    relaxed: bool = False


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
        self._asker = Asker(schema(), analyzer())

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

    def search(self, query: Query, *, visible: Collection[str] | None = None) -> Found:
        """Find records that fit every demand of a query.

        Records that have every word of the text come, the most relevant first; where there is
        none, those that have any of the words. Without a text, records come by title.

        Parameters
        ----------
        visible
            The facilities whose records may be shown; None for all.
        """
        try:
            return self._search(query, visible)
        except BaseException as error:
            if not is_damage(error):
                raise
        self.rebuild()
        try:
            return self._search(query, visible)
        except BaseException as error:
            if not is_damage(error):
                raise
            raise Unreadable(
                f"The search index in {self.directory} cannot be read, even when built anew",
                found=str(error),
                advice="See that the disk is sound, or move the directory away.",
            ) from error

    def _search(self, query: Query, visible: Collection[str] | None) -> Found:
        searcher = self._terms.view().searcher
        if visible is not None and self._store.facilities() <= set(visible):
            visible = None
        asked = self._asker.ask(query, visible)
        relaxed = False
        total, facets = _count(searcher, asked, relaxed=False)
        if not total and asked.relaxed is not None:
            relaxed = True
            total, facets = _count(searcher, asked, relaxed=True)
        hits: tuple[Hit, ...] = ()
        if query.limit and query.offset < total:
            hits = self._page(searcher, asked.query(relaxed=relaxed), query, asked)
        return Found(hits, total, facets, relaxed)

    def _page(self, searcher: Any, whole: Any, query: Query, asked: Asked) -> tuple[Hit, ...]:
        from tantivy import Order

        by_title = {} if asked.ranked else {"order_by_field": "order", "order": Order.Asc}
        found = searcher.search(
            whole, limit=query.limit, offset=query.offset, count=False, **by_title
        ).hits
        rows = searcher.fast_field_values("row", [address for _, address in found])
        items = self._store.rows(rows)
        scores = [0.0 if by_title else float(score) for score, _ in found]
        return tuple(
            Hit(items[row], score) for row, score in zip(rows, scores, strict=True) if row in items
        )


def _count(
    searcher: Any, asked: Asked, *, relaxed: bool
) -> tuple[int, dict[str, tuple[Facet, ...]]]:
    """Return the number of matches and the facets, each without its own filter."""
    free = [name for name in FACETS if name not in asked.filters]
    counted = _aggregate(searcher, asked.query(relaxed=relaxed), {*free, "facility"})
    buckets = counted["facility"]
    total = sum(int(b["doc_count"]) for b in buckets["buckets"])
    total += int(buckets["sum_other_doc_count"])
    for name in FACETS:
        if name not in free:
            alone = asked.query(relaxed=relaxed, without=name)
            counted[name] = _aggregate(searcher, alone, {name})[name]
    return total, {name: _values(counted[name]) for name in FACETS}


def _aggregate(searcher: Any, query: Any, names: Collection[str]) -> dict[str, Any]:
    wanted = {
        name: {"terms": {"field": name, "size": FACET_VALUES, "segment_size": _PER_SEGMENT}}
        for name in names
    }
    counted: dict[str, Any] = searcher.aggregate(query, wanted)
    return counted


def _values(counted: Mapping[str, Any]) -> tuple[Facet, ...]:
    found = (Facet(str(b["key"]), int(b["doc_count"])) for b in counted["buckets"])
    return tuple(sorted(found, key=lambda facet: (-facet.records, facet.value)))
