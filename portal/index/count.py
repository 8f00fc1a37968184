"""Count: how many records match, by facet and by year."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from portal.core.found import Bin, Facet
from portal.index.ask import Asked

FACETS = ("facility", "variable", "keyword")
FACET_VALUES = 50
MAX_BINS = 120

_REMEMBERED = 64
_PER_SEGMENT = 10_000
_WIDTHS = (1, 2, 5, 10, 20, 50, 100)
_YEARS = {"min_doc_count": 1, "interval": 1}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records match, and those of each value of the facets."""

    total: int
    facets: Mapping[str, tuple[Facet, ...]]


class Counter:
    """Counts what matches, and remembers some of it: pages and orders change no count."""

    def __init__(self) -> None:
        self._known: OrderedDict[Any, Counts] = OrderedDict()
        self._lock = threading.Lock()

    def counts(self, searcher: Any, asked: Asked, key: Any, *, relaxed: bool) -> Counts:
        """Count, or recall what was counted for the same key."""
        key = (key, relaxed)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = _counts(searcher, asked, relaxed=relaxed)
        with self._lock:
            self._known[key] = found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def _counts(searcher: Any, asked: Asked, *, relaxed: bool) -> Counts:
    free = [name for name in FACETS if name not in asked.filters]
    counted = _aggregate(searcher, asked.plain(relaxed=relaxed), {*free, "facility"})
    buckets = counted["facility"]
    total = sum(int(b["doc_count"]) for b in buckets["buckets"])
    total += int(buckets["sum_other_doc_count"])
    for name in FACETS:
        if name not in free:
            alone = asked.plain(relaxed=relaxed, without=name)
            counted[name] = _aggregate(searcher, alone, {name})[name]
    return Counts(total, {name: _values(counted[name]) for name in FACETS})


def years(searcher: Any, asked: Asked, *, relaxed: bool) -> tuple[Bin, ...]:
    """Return the matches per span of years, whatever time is asked for.

    The records whose time touches the years from a to b are those that start by b, less those that
    end before a: two counts of years, cumulated, are exact.
    """
    wanted = {
        "first": {"histogram": {"field": "first", **_YEARS}},
        "last": {"histogram": {"field": "last", **_YEARS}},
        "timed": {"value_count": {"field": "start"}},
    }
    counted = searcher.aggregate(asked.plain(relaxed=relaxed, without="time"), wanted)
    starts, ends = _by_year(counted["first"]), _by_year(counted["last"])
    known = starts.keys() | ends.keys()
    if not known:
        return ()
    width, low, high = _spans(min(known), max(known))
    always = int(counted["timed"]["value"]) - sum(starts.values())
    lows = range(low, high + 1, width)
    started = accumulate((_within(starts, a, width) for a in lows), initial=always)
    ended = accumulate((_within(ends, a, width) for a in lows), initial=0)
    next(started)
    return tuple(
        Bin(a, a + width - 1, s - e) for a, s, e in zip(lows, started, ended, strict=False)
    )


def _by_year(histogram: Mapping[str, Any]) -> dict[int, int]:
    return {int(b["key"]): int(b["doc_count"]) for b in histogram["buckets"]}


def _within(counts: Mapping[int, int], low: int, width: int) -> int:
    return sum(counts.get(year, 0) for year in range(low, low + width))


def _spans(first: int, last: int) -> tuple[int, int, int]:
    """Return the width of the bins, the first year of the first and of the last of them."""
    for width in _WIDTHS:
        low, high = first // width * width, last // width * width
        if (high - low) // width < MAX_BINS:
            break
    return width, low, high


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
