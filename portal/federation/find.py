"""Find: one query to the index and the live catalogs, side by side.

Every live catalog is asked in a thread of its own. What fails, is late or is no answer is named in
the result's problems, and changes nothing for the rest. Answers are kept for a minute: the next
page of a query, or the same query asked again for what had not come, costs no catalog anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from portal.core.contracts import SupportsSearch
from portal.core.found import Problem, SearchResult
from portal.core.query import MAX_LIMIT, Query
from portal.errors import InvalidQuery
from portal.federation import asking
from portal.federation.asking import Answer
from portal.federation.lanes import DEADLINE, Call, Lanes
from portal.federation.ranking import Scores, rank
from portal.federation.sources import Source, Sources

if TYPE_CHECKING:
    from portal.index import Found, Index

#: Every source is asked for the first so many records, or a multiple of it: the pages of one query
#: are then cut from the same merged list, with the same total.
_DEPTH = 100

#: The most seconds to wait.
LONGEST = 300.0


@dataclass(slots=True)
class Search:
    """One search that is under way.

    Parameters
    ----------
    query
        What was asked.
    sources
        The catalogs it is asked of.
    visible
        The facilities whose records may be shown.
    live
        Whether live catalogs are asked.
    patience
        Seconds after which a catalog is late.
    """

    query: Query
    sources: list[Source]
    visible: tuple[str, ...]
    live: bool
    patience: float
    began: float = field(default_factory=time.monotonic)
    calls: dict[Source, Call] = field(default_factory=dict)
    _known: tuple[int, Found, Scores] | None = None

    @property
    def whole(self) -> Query:
        """The query from the first record on, as far as the page needs it."""
        depth = -(-(self.query.offset + self.query.limit) // _DEPTH) * _DEPTH
        return replace(self.query, offset=0, limit=min(max(depth, _DEPTH), MAX_LIMIT))

    @property
    def too_deep(self) -> bool:
        """Whether its page is beyond what live catalogs are asked for."""
        return self.query.offset + self.query.limit > MAX_LIMIT

    def known(self, index: Index, harvests: int) -> tuple[Found, Scores]:
        """Return the first hits of the index, asked again when catalogs were taken into it."""
        if self._known is None or self._known[0] != harvests:
            found = index.search(self.whole, visible=self.visible)
            self._known = (harvests, found, Scores(self.query, index))
        return self._known[1:]


class Finder:
    """Finds records in the index and in live catalogs.

    Parameters
    ----------
    sources, lanes
        The catalogs, and the calls to them; both notify ``changed``.
    index
        Gives the index, opened when first needed.
    seen
        Told of every answer that comes.
    """

    def __init__(
        self,
        sources: Sources,
        lanes: Lanes,
        index: Callable[[], Index],
        changed: threading.Condition,
        seen: Callable[[Answer], None],
    ) -> None:
        self._sources = sources
        self._lanes = lanes
        self._index = index
        self._changed = changed
        self._seen = seen

    def find(self, query: Query, visible: tuple[str, ...], wait: float) -> SearchResult:
        """Answer with what has come within ``wait`` seconds."""
        _check(wait)
        search = self._begin(query, visible, live=wait > 0, patience=max(wait, DEADLINE))
        self._wait(search, search.began + wait)
        return self._result(search)

    def settle(self, query: Query, visible: tuple[str, ...]) -> None:
        """Wait for catalogs that have not been in the index before, until they are late."""
        search = self._begin(query, visible, live=False, patience=DEADLINE)
        self._wait(search, search.began + DEADLINE)

    def watch(
        self, query: Query, visible: tuple[str, ...], deadline: float
    ) -> Iterator[SearchResult]:
        """Answer again whenever something has come; the last answer has nothing pending."""
        _check(deadline)
        search = self._begin(query, visible, live=deadline > 0, patience=deadline)
        while True:
            shown = self._state(search)
            result = self._result(search)
            yield result
            if not result.pending:
                return
            self._wait(search, search.began + deadline, shown)

    def _begin(
        self, query: Query, visible: tuple[str, ...], *, live: bool, patience: float
    ) -> Search:
        wanted = [name for name in visible if not query.facilities or name in query.facilities]
        sources = self._sources.of(wanted)
        self._sources.refresh(sources)
        search = Search(query, sources, visible, live, patience)
        with self._changed:
            for source in sources if live else ():
                if source.begun is not None:
                    self._sources.then(source, lambda: self._ask(search))
            self._ask(search)
        return search

    def _ask(self, search: Search) -> None:
        """Ask every live catalog that has not been asked."""
        if not search.live or search.too_deep:
            return
        whole = search.whole
        for source in search.sources:
            catalog = source.live
            if catalog is not None and source not in search.calls:
                search.calls[source] = self._lanes.call(
                    source.lane, whole, self._work(source, catalog, whole)
                )

    def _work(self, source: Source, catalog: SupportsSearch, query: Query) -> Callable[[], Answer]:
        def work() -> Answer:
            answer = asking.search(source.facility, source.name, catalog, query)
            self._seen(answer)
            return answer

        return work

    def _wait(self, search: Search, until: float, shown: tuple[object, ...] | None = None) -> None:
        """Wait until nothing is pending, or it is late, or there is more than what is shown."""
        with self._changed:
            while True:
                now = time.monotonic()
                coming = [moment for _, moment in self._coming(search) if moment > now]
                if not coming or now >= until:
                    return
                if shown is not None and self._state(search) != shown:
                    return
                self._changed.wait(min(until, *coming) - now)

    def _coming(self, search: Search) -> Iterator[tuple[Source, float]]:
        """Give what is under way, each with the moment from which it is not waited for."""
        for source in search.sources:
            moment = source.expiry(search.patience)
            if moment is not None:
                yield source, moment
        for source, call in search.calls.items():
            if call.ended is None:
                yield source, self._lanes.expiry(call, search.patience)

    def _pending(self, search: Search) -> tuple[str, ...]:
        now = time.monotonic()
        coming = [source for source, moment in self._coming(search) if moment > now]
        found = [source.facility for source in coming if source.live or source.awaited]
        return tuple(dict.fromkeys(found))

    def _state(self, search: Search) -> tuple[object, ...]:
        """Return what differs when another answer would."""
        with self._changed:
            ended = sum(call.ended is not None for call in search.calls.values())
            return self._pending(search), ended, self._sources.harvests

    def _result(self, search: Search) -> SearchResult:
        index, query = self._index(), search.query
        live = [source.facility for source in search.sources if source.live is not None]
        if live and search.live and search.too_deep:
            raise InvalidQuery(
                f"With live catalogs, only the first {MAX_LIMIT} records can be paged through",
                found=f"offset={query.offset}, limit={query.limit}; live: {', '.join(live)}",
                advice="Narrow the search with more words, a box, a time or a facility.",
            )
        with self._changed:
            pending, problems = self._pending(search), tuple(self._problems(search))
            answers = [c.answer for c in search.calls.values() if c.answer is not None]
            harvests = self._sources.harvests
        result = SearchResult(query, problems=problems, pending=pending)
        if search.calls:
            ranked = rank(query, *search.known(index, harvests), answers, index)
            page = slice(query.offset, query.offset + query.limit)
            items = ranked.items[page]
            result = replace(
                result,
                items=items,
                scores=ranked.scores[page],
                total=ranked.total,
                facets=ranked.facets,
                relaxed=ranked.relaxed,
                copies={i.id: ranked.copies[i.id] for i in items if i.id in ranked.copies},
            )
        else:
            found = index.search(query, visible=search.visible)
            result = replace(
                result,
                items=tuple(hit.item for hit in found.hits),
                scores=tuple(hit.score for hit in found.hits),
                total=found.total,
                facets=found.facets,
                relaxed=found.relaxed,
                copies={hit.item.id: hit.copies for hit in found.hits if hit.copies},
            )
        return replace(result, took=time.monotonic() - search.began)

    def _problems(self, search: Search) -> Iterator[Problem]:
        now = time.monotonic()
        for source in search.sources:
            yield from source.problems
            if source.awaited and (source.expiry(search.patience) or now) <= now:
                said = "It is still being read; what it had before is given."
                yield Problem(source.facility, said, source.name)
            call = search.calls.get(source)
            if call is None:
                continue
            if call.answer is not None:
                yield from call.answer.problems
            elif call.ended is not None or self._lanes.expiry(call, search.patience) <= now:
                said = (
                    f"It did not answer within {search.patience:g} s."
                    if call.begun is not None
                    else "It has not answered earlier searches yet, and was not asked again."
                )
                yield Problem(source.facility, said, source.name)


def _check(wait: float) -> None:
    if not 0 <= wait <= LONGEST:
        raise InvalidQuery(
            f"A search waits for 0 to {LONGEST:g} seconds",
            found=repr(wait),
            advice="Ask the same again later for what has not come.",
        )
