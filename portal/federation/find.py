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
from portal.federation.ranking import Ranked, Scores, by_relevance, rank
from portal.federation.sources import Source, Sources

if TYPE_CHECKING:
    from portal.index import Found, Index

#: Every source is asked for the first so many records, or a multiple of it: the pages of one query
#: are then cut from the same merged list, with the same total.
_DEPTH = 100

#: The number of texts for which the scores of records are kept.
_WORDS = 16

#: Seconds that are kept for merging what has come, so that all is done by the deadline.
_MERGING = 0.1

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
    found: tuple[int, Found] | None = None
    ranked: tuple[Found, int, Ranked] | None = None

    @property
    def late(self) -> float:
        """Seconds after which a catalog is not waited for."""
        return self.patience - min(_MERGING, self.patience / 10)

    @property
    def end(self) -> float:
        """The moment from which nothing is waited for."""
        return self.began + self.late

    @property
    def answers(self) -> list[Answer]:
        """What has come, in the order of the catalogs."""
        return [call.answer for call in self.calls.values() if call.answer is not None]

    @property
    def whole(self) -> Query:
        """The query from the first record on, as far as the page needs it."""
        depth = -(-(self.query.offset + self.query.limit) // _DEPTH) * _DEPTH
        return replace(self.query, offset=0, limit=min(max(depth, _DEPTH), MAX_LIMIT))

    @property
    def too_deep(self) -> bool:
        """Whether its page is beyond what live catalogs are asked for."""
        return self.query.offset + self.query.limit > MAX_LIMIT


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
        self._known: dict[tuple[object, ...], Scores] = {}

    def find(self, query: Query, visible: tuple[str, ...], wait: float) -> SearchResult:
        """Answer with what has come within ``wait`` seconds."""
        _check(wait)
        search = self._begin(query, visible, live=wait > 0, patience=max(wait, DEADLINE))
        until = search.began + wait
        shown = self._state(search)
        while self._wait(search, until, shown):
            shown = self._state(search)
            self._score(search)  # while others are waited for
        return self._result(search)

    def asks(self, query: Query, visible: tuple[str, ...]) -> bool:
        """Whether there are live catalogs that a search would ask."""
        return any(source.live is not None for source in self._wanted(query, visible))

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
        sources = self._wanted(query, visible)
        self._sources.refresh(sources)
        search = Search(query, sources, visible, live, patience)
        with self._changed:
            for source in sources if live else ():
                if source.begun is not None:
                    self._sources.then(source, lambda: self._ask(search))
            self._ask(search)
        return search

    def _wanted(self, query: Query, visible: tuple[str, ...]) -> list[Source]:
        wanted = [name for name in visible if not query.facilities or name in query.facilities]
        return self._sources.of(wanted)

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

    def _wait(self, search: Search, until: float, shown: tuple[object, ...] | None = None) -> bool:
        """Wait until nothing is pending or it is late, or, which is true, there is more to show."""
        with self._changed:
            while True:
                now = time.monotonic()
                coming = [moment for _, moment in self._coming(search) if moment > now]
                if not coming or now >= until:
                    return False
                if shown is not None and self._state(search) != shown:
                    return True
                self._changed.wait(min(until, *coming) - now)

    def _coming(self, search: Search) -> Iterator[tuple[Source, float]]:
        """Give what is under way, each with the moment from which it is not waited for."""
        for source in search.sources:
            if source.begun is not None:
                yield source, min(search.end, source.expiry(search.late))
            call = search.calls.get(source)
            if call is not None and call.ended is None:
                yield source, min(search.end, self._lanes.expiry(call, search.late))

    def _pending(self, search: Search) -> tuple[str, ...]:
        now = time.monotonic()
        coming = [source for source, moment in self._coming(search) if moment > now]
        found = [source.facility for source in coming if source.live is not None or source.awaited]
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
            answers = search.answers
        result = SearchResult(query, problems=problems, pending=pending)
        if search.calls:
            ranked = self._ranked(search, answers)
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

    def _ranked(self, search: Search, answers: list[Answer]) -> Ranked:
        """Return all that has come as one list; it is made again when there is more."""
        found = self._found(search)
        known = search.ranked
        if known is None or known[0] is not found or known[1] != len(answers):
            scores = self._scores(search.query)
            ranked = rank(search.query, found, scores, answers, self._index())
            known = search.ranked = (found, len(answers), ranked)
        return known[2]

    def _found(self, search: Search) -> Found:
        """Return the first hits of the index, asked again when catalogs were taken into it."""
        harvests = self._sources.harvests
        if search.found is None or search.found[0] != harvests:
            found = self._index().search(search.whole, visible=search.visible)
            search.found = (harvests, found)
        return search.found[1]

    def _score(self, search: Search) -> None:
        """Score the records that have come."""
        if not by_relevance(search.query):
            return
        scores = self._scores(search.query)
        for answer in search.answers:
            for item in answer.items:
                scores.of(item)

    def _scores(self, query: Query) -> Scores:
        """Return the scores known for the words of a query, as long as the index is the same."""
        key = (query.text, query.concepts, self._sources.harvests)
        with self._changed:
            scores = self._known.pop(key, None) or Scores(query, self._index())
            self._known[key] = scores
            if len(self._known) > _WORDS:
                del self._known[next(iter(self._known))]
        return scores

    def _problems(self, search: Search) -> Iterator[Problem]:
        now = time.monotonic()
        late = {source for source, moment in self._coming(search) if moment <= now}
        for source in search.sources:
            yield from source.problems
            call, said = search.calls.get(source), ""
            if call is not None and call.answer is not None:
                yield from call.answer.problems
            elif call is not None and call.begun is None and (source in late or call.lost):
                said = "It has not answered earlier searches yet, and was not asked again."
            elif call is not None and source in late:
                said = f"It did not answer within {search.patience:g} s."
            elif source.awaited and source in late:
                said = "It is still being read; what it had before is given."
            if said:
                yield Problem(source.facility, said, source.name)


def _check(wait: float) -> None:
    if not 0 <= wait <= LONGEST:
        raise InvalidQuery(
            f"A search waits for 0 to {LONGEST:g} seconds",
            found=repr(wait),
            advice="Ask the same again later for what has not come.",
        )
