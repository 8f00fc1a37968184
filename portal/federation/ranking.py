"""Ranking: the answers of the index and of live catalogs, as one list of datasets.

A live catalog gives an order, and no score that another's could be compared with. So every record,
of whatever source, is scored by one measure (:meth:`portal.index.Index.relevance`), and the place
at which its source had it adds a little: ``PRIOR`` at the first place, less after it as in
reciprocal rank fusion (Cormack et al. 2009: 1 / (60 + place)). So records are ranked by what they
say, whoever gives them and whenever; what a catalog found in texts that its records do not show
keeps that catalog's order, after what is seen to be relevant.

Each record is scored by itself: its score is of the record, the query and the index, and not of
which others have come. So the order of what is shown stays when there is more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.core.found import Facet
from portal.core.item import Item
from portal.core.query import Query
from portal.core.same import Groups, keys
from portal.federation.asking import Answer

if TYPE_CHECKING:
    from portal.index import Found, Index

#: What the first place of a source's own order adds to a relevance, and how slowly it fades.
PRIOR, _FADE = 0.1, 60


@dataclass(frozen=True, slots=True)
class Ranked:
    """Datasets, best first.

    Parameters
    ----------
    items, scores
        One record of each dataset, and its relevance; 0 where the order is another.
    copies
        By the id of an item, the records of the same dataset elsewhere.
    total
        Number of datasets: those that the index counts, and those that it does not have.
    """

    items: tuple[Item, ...] = ()
    scores: tuple[float, ...] = ()
    copies: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    total: int = 0
    facets: Mapping[str, tuple[Facet, ...]] = field(default_factory=dict)
    relaxed: bool = False


class Scores:
    """The relevance of records to the words and concepts of one query, each computed once."""

    def __init__(self, query: Query, index: Index) -> None:
        self._query = query
        self._index = index
        self._known: dict[tuple[str, int], float] = {}

    def of(self, item: Item) -> float:
        """Return the relevance of a record."""
        key = (item.id, hash(item.text))
        if key not in self._known:
            (self._known[key],) = self._index.relevance(self._query, [item])
        return self._known[key]


def rank(
    query: Query, found: Found, relevance: Scores, answers: Sequence[Answer], index: Index
) -> Ranked:
    """Merge the first hits of the index with the answers of live catalogs.

    A record that several sources give counts once; a live catalog's document is the newer one.
    Where live catalogs have what was asked for, hits of the index that are not quite it
    (``found.relaxed``) are left out.
    """
    loose = found.relaxed and any(answer.items for answer in answers)
    hits = () if loose else found.hits
    items: dict[str, Item] = {}
    places: dict[str, int] = {}
    for place, hit in enumerate(hits):
        for item in (hit.item, *hit.copies):
            items[item.id], places[item.id] = item, place
    counted = set(items)
    for answer in answers:
        for place, item in enumerate(answer.items):
            items[item.id], places[item.id] = item, min(place, places.get(item.id, place))
    if not loose:
        counted |= {name for name in items if name not in counted and index.get(name)}
    extra = [item for name, item in items.items() if name not in counted]
    scores = dict.fromkeys(items, 0.0)
    if by_relevance(query):
        for name, item in items.items():
            scores[name] = relevance.of(item) + PRIOR * _FADE / (_FADE + places[name])
    datasets = _datasets(sorted(items.values(), key=_order(query, scores)))
    known = sum(any(item.id in counted for item in dataset) for dataset in datasets)
    beyond = max(0, (0 if loose else found.total) - known)
    return Ranked(
        items=tuple(first for first, *_ in datasets),
        scores=tuple(scores[first.id] for first, *_ in datasets),
        copies={first.id: tuple(rest) for first, *rest in datasets if rest},
        total=len(datasets) + beyond,
        facets=_facets({} if loose else found.facets, extra),
        relaxed=found.relaxed and not loose,
    )


def by_relevance(query: Query) -> bool:
    """Whether hits come by relevance: where there are no words, they come by title."""
    return query.sort == "relevance" and bool(query.text.strip() or query.concepts)


def _order(query: Query, scores: Mapping[str, float]) -> Callable[[Item], tuple[object, ...]]:
    """Return the key that sorts records; where two are equal, the id decides."""
    from portal.index.document import ALWAYS, EVER
    from portal.index.entry import Entry, microseconds

    sort = query.sort
    if by_relevance(query):
        return lambda item: (-scores[item.id], item.id)
    if sort in ("relevance", "title"):
        return lambda item: (item.title.strip().casefold(), item.id)

    def when(item: Item) -> tuple[object, ...]:
        interval = Entry.of(item).interval
        if interval is None:
            return (True, 0, item.id)
        if sort == "oldest":
            return (False, microseconds(interval.start) if interval.start else ALWAYS, item.id)
        return (False, -microseconds(interval.end) if interval.end else -EVER, item.id)

    return when


def _datasets(items: Sequence[Item]) -> list[list[Item]]:
    """Sort records, best first, into datasets, as the index does.

    Two datasets that a later record shows to be one, by a mark of each, become one as well, unless
    a facility has a record of both.
    """
    groups = Groups()
    datasets: list[list[int]] = []
    marks = [keys(item) for item in items]
    for number, item in enumerate(items):
        group = groups.place(item.facility, marks[number])
        if group == len(datasets):
            datasets.append([])
        datasets[group].append(number)
    first: dict[str, list[int]] = {}
    for dataset in datasets:
        own = {mark for number in dataset for mark in marks[number]}
        into = next((first[mark] for mark in sorted(own) if mark in first), dataset)
        if into is not dataset and _disjoint(items, into, dataset):
            into += dataset
            dataset.clear()
        for mark in own:
            first.setdefault(mark, into)
    return [[items[number] for number in sorted(dataset)] for dataset in datasets if dataset]


def _disjoint(items: Sequence[Item], one: list[int], other: list[int]) -> bool:
    return {items[n].facility for n in one}.isdisjoint(items[n].facility for n in other)


def _facets(
    counted: Mapping[str, tuple[Facet, ...]], extra: Iterable[Item]
) -> dict[str, tuple[Facet, ...]]:
    """Count further records into the facets."""
    from portal.index.entry import Entry

    counts = {
        name: Counter(dict(counted.get(name, ()))) for name in ("facility", "variable", "keyword")
    }
    for item in extra:
        entry = Entry.of(item)
        counts["facility"][entry.facility] += 1
        counts["variable"].update(entry.names)
        counts["keyword"].update(entry.keywords)
    return {
        name: tuple(Facet(*pair) for pair in sorted(c.items(), key=lambda p: (-p[1], p[0])))
        for name, c in counts.items()
    }
