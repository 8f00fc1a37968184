"""Page: the records of a page, those of one dataset merged into one hit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from portal.core.query import Query
from portal.core.same import Groups
from portal.index.ask import Asked
from portal.index.document import MARKS

#: So many of the first records are merged; those after them are given as they come. By title they
#: are fewer, because each one's title is looked up.
WINDOW = 1_000
WINDOW_BY_TITLE = 100

_FIELDS = {"title": ("order", False), "newest": ("end", True), "oldest": ("start", False)}


@dataclass(frozen=True, slots=True)
class Place:
    """A hit of a page: the row of its record, those of its copies, and its score."""

    row: int
    copies: tuple[int, ...]
    score: float


class Pages:
    """The hits of a query, in order, of which pages are cut.

    Copies are merged among the first of the records, those of the window. All pages of a query are cut from one
    list: the merged ones, then the rest.
    """

    def __init__(self, searcher: Any, whole: Any, query: Query, asked: Asked) -> None:
        self._searcher = searcher
        self._ask = (searcher, whole, query, asked)
        self._query = query
        self._window = WINDOW_BY_TITLE if _sort(query, asked) == "title" else WINDOW
        self._first = _search(*self._ask, 0, self._window)
        self._groups = _merge(searcher, [address for _, address in self._first])

    @property
    def merged(self) -> int:
        """How many of the records are copies of others."""
        return len(self._first) - len(self._groups)

    @property
    def all_of_them(self) -> list[Any] | None:
        """The addresses of all records that match; None where there may be more than the window."""
        if len(self._first) < self._window:
            return [address for _, address in self._first]
        return None

    def page(self) -> list[Place]:
        """Return the hits of the query's page."""
        query, found = self._query, self._first
        wanted = self._groups[query.offset : query.offset + query.limit]
        missing = query.limit - len(wanted)
        if missing and len(found) == self._window:
            beyond = max(query.offset + self.merged, self._window)
            found = found + _search(*self._ask, beyond, missing)
            wanted = wanted + [[number] for number in range(self._window, len(found))]
        chosen = [found[number][1] for group in wanted for number in group]
        rows = iter(self._searcher.fast_field_values("row", chosen))
        return [
            Place(next(rows), tuple(next(rows) for _ in rest), found[first][0])
            for first, *rest in wanted
        ]


def _sort(query: Query, asked: Asked) -> str:
    return query.sort if asked.ranked or query.sort != "relevance" else "title"


def _search(
    searcher: Any, whole: Any, query: Query, asked: Asked, offset: int, limit: int
) -> list[tuple[float, Any]]:
    """Return scores and addresses, in order; the score is 0 where the order is another."""
    from tantivy import Order

    sort = _sort(query, asked)
    if sort == "relevance":
        hits = searcher.search(whole, limit=limit, offset=offset, count=False).hits
        return [(float(score), address) for score, address in hits]
    field, latest = _FIELDS[sort]
    order = Order.Desc if latest else Order.Asc
    hits = searcher.search(
        whole, limit=limit, offset=offset, count=False, order_by_field=field, order=order
    ).hits
    return [(0.0, address) for _, address in hits]


def _merge(searcher: Any, addresses: list[Any]) -> list[list[int]]:
    """Return the datasets among records, in order, each as the numbers of its records."""
    marks = [searcher.fast_field_values(name, addresses) for name in MARKS]
    shared = [
        {mark for mark, times in Counter(values).items() if times > 1 and mark is not None}
        for values in marks
    ]
    if not any(shared):
        return [[number] for number in range(len(addresses))]
    holders = searcher.fast_field_values("holder", addresses)
    groups = Groups()
    found: list[list[int]] = []
    for number, holder in enumerate(holders):
        known = [
            f"{name}:{values[number]}"
            for name, values, several in zip(MARKS, marks, shared, strict=True)
            if values[number] in several
        ]
        group = groups.place(str(holder), known)
        if group == len(found):
            found.append([])
        found[group].append(number)
    return found
