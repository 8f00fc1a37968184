"""Page: the records of a page, those of one dataset merged into one hit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from portal.core.query import Query
from portal.core.same import Groups
from portal.index.ask import Asked
from portal.index.document import MARKS

#: So many of the first records are merged; those after them are given as they come.
WINDOW = 1_000

_FIELDS = {"title": ("order", False), "newest": ("end", True), "oldest": ("start", False)}


@dataclass(frozen=True, slots=True)
class Place:
    """A hit of a page: the row of its record, those of its copies, and its score."""

    row: int
    copies: tuple[int, ...]
    score: float


def page(
    searcher: Any, whole: Any, query: Query, asked: Asked, total: int
) -> tuple[list[Place], int]:
    """Return the hits of a page, and how many of the matches are copies of others.

    Copies are merged among the first ``WINDOW`` records of an order. The pages of a query are cut
    from one list: those of the window, merged, then the rest.
    """
    if not total:
        return [], 0
    found = _search(searcher, whole, query, asked, 0, min(WINDOW, total))
    groups = _merge(searcher, [address for _, address in found])
    merged = len(found) - len(groups)
    wanted = groups[query.offset : query.offset + query.limit]
    beyond = max(query.offset, len(groups)) + merged
    missing = min(query.offset + query.limit + merged, total) - beyond
    if missing > 0:
        start = len(found)
        found += _search(searcher, whole, query, asked, beyond, missing)
        wanted += [[number] for number in range(start, len(found))]
    chosen = [found[number] for group in wanted for number in group]
    rows = iter(searcher.fast_field_values("row", [address for _, address in chosen]))
    places = []
    for group in wanted:
        row, *copies = (next(rows) for _ in group)
        places.append(Place(row, tuple(copies), found[group[0]][0]))
    return places, merged


def _search(
    searcher: Any, whole: Any, query: Query, asked: Asked, offset: int, limit: int
) -> list[tuple[float, Any]]:
    """Return scores and addresses, in order; the score is 0 where the order is another."""
    from tantivy import Order

    sort = query.sort if asked.ranked or query.sort != "relevance" else "title"
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
