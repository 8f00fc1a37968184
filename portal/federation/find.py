"""Find: one query to the index and the live catalogs, side by side.

Every live catalog is asked in a thread of its own until the deadline; what fails, is late or is
no answer is named in the result's problems and changes nothing for the rest.

Merging: a live catalog gives an order and no score that another's could be compared with, so
records are ranked by their places (reciprocal rank fusion, Cormack et al. 2009: the sum over the
sources of 1 / (60 + place)), the index before the live catalogs where places are equal. A record
that several sources give counts once, and ranks higher for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from portal.core.contracts import Catalog, SupportsSearch
from portal.core.found import Facet, Problem, SearchResult
from portal.core.item import Item
from portal.core.query import MAX_LIMIT, Query
from portal.core.variable import variable_names
from portal.errors import InvalidQuery, PortalError

if TYPE_CHECKING:
    from portal.index import Found, Index

DEADLINE = 5.0

_FUSION = 60
#: Every source is asked for the first so many records, or a multiple of it: the pages of one query
#: are then cut from the same merged list, with the same total.
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class _Answer:
    facility: str
    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


def find(
    query: Query,
    index: Index,
    live: Mapping[str, Catalog],
    *,
    visible: Collection[str] | None = None,
    deadline: float = DEADLINE,
    problems: Iterable[Problem] = (),
) -> SearchResult:
    """Answer a query from the index and the live catalogs.

    Parameters
    ----------
    live
        The catalogs that search by themselves, by facility.
    visible
        The facilities whose records may be shown; None for all.
    deadline
        Seconds after which a live catalog is not waited for.
    problems
        What is known to be wrong already, given along.

    Raises
    ------
    InvalidQuery
        A page beyond the first ``MAX_LIMIT`` records, with live catalogs.
    """
    began = time.monotonic()
    asked = {
        facility: catalog
        for facility, catalog in live.items()
        if isinstance(catalog, SupportsSearch)
        and (visible is None or facility in visible)
        and (not query.facilities or facility in query.facilities)
    }
    if not asked:
        found = index.search(query, visible=visible)
        return _result(query, found, began, problems)
    if query.offset + query.limit > MAX_LIMIT:
        raise InvalidQuery(
            f"With live catalogs, only the first {MAX_LIMIT} records can be paged through",
            found=f"offset={query.offset}, limit={query.limit}; live: {', '.join(asked)}",
            advice="Narrow the search with more words, a box, a time or a facility.",
        )
    depth = -(-(query.offset + query.limit) // _DEPTH) * _DEPTH
    whole = replace(query, offset=0, limit=max(depth, _DEPTH))
    waiting = _ask(asked, whole)
    found = index.search(whole, visible=visible)
    answers = list(_collect(waiting, tuple(asked), began + deadline, deadline))
    return _merge(query, found, answers, began, problems)


def matches(item: Item, query: Query) -> bool:
    """Whether a record fits the place, the time and the facets of a query (not its text).

    Raises
    ------
    InvalidQuery, ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        The record's own fields are not as STAC has them.
    """
    box, interval = item.bbox, item.interval
    return (
        (query.bbox is None or (box is not None and query.bbox.intersects(box)))
        and (query.time is None or (interval is not None and query.time.intersects(interval)))
        and (not query.facilities or item.facility in query.facilities)
        and (not query.variables or not set(query.variables).isdisjoint(_names(item)))
        and (not query.keywords or not set(query.keywords).isdisjoint(item.keywords))
    )


def _names(item: Item) -> tuple[str, ...]:
    return variable_names(item.variables)


def _ask(live: Mapping[str, Catalog], query: Query) -> queue.SimpleQueue[_Answer]:
    """Start a thread for each catalog; daemons, for one that hangs must not hold up the exit."""
    answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    for facility, catalog in live.items():
        threading.Thread(
            target=lambda f, c: answers.put(_search(f, c, query)),
            args=(facility, catalog),
            name=f"portal-find-{facility}",
            daemon=True,
        ).start()
    return answers


def _search(facility: str, catalog: Catalog, query: Query) -> _Answer:
    assert isinstance(catalog, SupportsSearch)
    try:
        given = list(islice(catalog.search(query), query.limit))
    except Exception as error:  # noqa: BLE001 - a catalog is a plug-in: any fault of it is named
        said = str(error) if isinstance(error, PortalError) else f"{type(error).__name__}: {error}"
        return _Answer(facility, (), (Problem(facility, f"It could not be searched. {said}"),))
    kept: dict[str, Item] = {}
    faults: Counter[str] = Counter()
    for item in given:
        fault = _fault(item, facility, query)
        if fault:
            faults[fault] += 1
        else:
            kept.setdefault(item.id, item)
    problems = [
        Problem(facility, f"{count} of the {len(given)} records it gave were left out: {fault}.")
        for fault, count in faults.items()
    ]
    return _Answer(facility, tuple(kept.values()), tuple(problems))


def _fault(item: object, facility: str, query: Query) -> str:
    """Say why something that a catalog gave is no hit; empty for a hit."""
    if not isinstance(item, Item):
        return f"{type(item).__name__} instead of Item"
    try:
        if item.facility != facility:
            return f"records of another facility ({item.facility})"
        return "" if matches(item, query) else "they do not match the place, time or facets"
    except (
        PortalError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        return f"they cannot be read ({type(error).__name__})"


def _collect(
    waiting: queue.SimpleQueue[_Answer], facilities: tuple[str, ...], until: float, deadline: float
) -> Iterable[_Answer]:
    """Give the answers that come in time, in the order of the facilities; name those that do not."""
    came: dict[str, _Answer] = {}
    while len(came) < len(facilities):
        try:
            answer = waiting.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        came[answer.facility] = answer
    for facility in facilities:
        late = Problem(facility, f"It did not answer within {deadline:g} s.")
        yield came.get(facility) or _Answer(facility, (), (late,))


def _merge(
    query: Query,
    found: Found,
    answers: list[_Answer],
    began: float,
    problems: Iterable[Problem],
) -> SearchResult:
    items: dict[str, Item] = {}
    scores: dict[str, float] = {}
    for source in ((hit.item for hit in found.hits), *(answer.items for answer in answers)):
        for place, item in enumerate(source):
            items.setdefault(item.id, item)
            scores[item.id] = scores.get(item.id, 0.0) + 1 / (_FUSION + place)
    ranked = sorted(items, key=lambda item_id: -scores[item_id])
    page = ranked[query.offset : query.offset + query.limit]
    indexed = {hit.item.id for hit in found.hits}
    extra = [item for item_id, item in items.items() if item_id not in indexed]
    return SearchResult(
        query=query,
        items=tuple(items[item_id] for item_id in page),
        scores=tuple(scores[item_id] for item_id in page),
        total=found.total + len(extra),
        facets=_add(found.facets, extra),
        problems=(*problems, *(p for answer in answers for p in answer.problems)),
        took=time.monotonic() - began,
        relaxed=found.relaxed and not extra,
    )


def _add(
    facets: Mapping[str, tuple[Facet, ...]], items: list[Item]
) -> dict[str, tuple[Facet, ...]]:
    """Count further records into the facets."""
    counts = {name: Counter(dict(values)) for name, values in facets.items()}
    for item in items:
        counts["facility"][item.facility] += 1
        counts["variable"].update(_names(item))
        counts["keyword"].update(set(item.keywords))
    return {
        name: tuple(Facet(*pair) for pair in sorted(c.items(), key=lambda p: (-p[1], p[0])))
        for name, c in counts.items()
    }


def _result(query: Query, found: Found, began: float, problems: Iterable[Problem]) -> SearchResult:
    return SearchResult(
        query=query,
        items=tuple(hit.item for hit in found.hits),
        scores=tuple(hit.score for hit in found.hits),
        total=found.total,
        facets=found.facets,
        problems=tuple(problems),
        took=time.monotonic() - began,
        relaxed=found.relaxed,
    )
