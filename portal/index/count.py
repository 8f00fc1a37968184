"""Count: how many records match, by facet and by year."""

from __future__ import annotations

import threading
from collections import Counter as CountOf
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from portal.core.found import Bin, Facet
from portal.index.ask import Asked
from portal.index.document import SLOTS, beyond, slots
from portal.index.tally import Tally

FACETS = ("facility", "variable", "keyword")
FACET_VALUES = 50
MAX_BINS = 120

_REMEMBERED = 64
_IN_SLOT = 1_000
_PER_SEGMENT = 10_000
_WIDTHS = (1, 2, 5, 10, 20, 50, 100)
_YEARS = {"min_doc_count": 1, "interval": 1}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records match, and those of each value of the facets."""

    total: int
    facets: Mapping[str, tuple[Facet, ...]]


class Counter:
    """Counts what matches, and remembers some of it: pages and orders change no count.

    Parameters
    ----------
    tally
        Counts records that are in hand.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._known: OrderedDict[Any, Counts] = OrderedDict()
        self._lock = threading.Lock()

    def counts(
        self,
        searcher: Any,
        asked: Asked,
        key: Any,
        *,
        relaxed: bool,
        all_of_them: Sequence[Any] | None = None,
    ) -> Counts:
        """Count, or recall what was counted for the same key.

        Parameters
        ----------
        all_of_them
            The addresses of all records that match, where they are known: it is faster with them.
        """
        key = (key, relaxed)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = self._counts(searcher, asked, relaxed, all_of_them)
        with self._lock:
            self._known[key] = found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _counts(
        self, searcher: Any, asked: Asked, relaxed: bool, all_of_them: Sequence[Any] | None
    ) -> Counts:
        free = {"facility", *(name for name in FACETS if name not in asked.filters)}
        told = None if all_of_them is None else self._tally.counts(searcher, all_of_them, free)
        if told is not None:
            counted = {name: _Counted(records, 0) for name, records in told.items()}
        else:
            counted = _aggregate(searcher, asked.plain(relaxed=relaxed), free)
        total = counted["facility"].total
        for name in FACETS:
            if name in asked.filters:
                alone = asked.plain(relaxed=relaxed, without=name)
                counted[name] = _aggregate(searcher, alone, {name})[name]
        return Counts(total, {name: counted[name].facets() for name in FACETS})


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


@dataclass(frozen=True, slots=True)
class _Counted:
    """The records of each value of a facet, and how many were counted for values left out."""

    records: Mapping[str, int]
    others: int

    @classmethod
    def of(cls, columns: Iterable[Mapping[str, Any]]) -> _Counted:
        """Put columns together; an empty value stands for none."""
        records: CountOf[str] = CountOf()
        others = 0
        for column in columns:
            others += int(column["sum_other_doc_count"])
            for bucket in column["buckets"]:
                records[str(bucket["key"])] += int(bucket["doc_count"])
        del records[""]
        return cls(records, others)

    @property
    def total(self) -> int:
        """The records, where each has one value."""
        return sum(self.records.values()) + self.others

    def facets(self) -> tuple[Facet, ...]:
        """Return the most frequent values."""
        found = sorted(self.records.items(), key=lambda one: (-one[1], one[0]))
        return tuple(Facet(value, records) for value, records in found[:FACET_VALUES])


def _aggregate(searcher: Any, query: Any, names: set[str]) -> dict[str, _Counted]:
    """Count the values of facets: in their slots, or in one column where there are too many."""
    columns = {name: (*slots(name), beyond(name)) if name in SLOTS else (name,) for name in names}
    wanted = {c: _terms(c, _IN_SLOT, _IN_SLOT) for name in names for c in columns[name]}
    told: dict[str, Any] = searcher.aggregate(query, wanted)
    found = {name: _Counted.of(told[c] for c in columns[name]) for name in names}
    many = {n: _terms(n, FACET_VALUES, _PER_SEGMENT) for n in names if found[n].others}
    if many:
        told = searcher.aggregate(query, many)
        found |= {name: _Counted.of([told[name]]) for name in many}
    return found


def _terms(column: str, size: int, per_segment: int) -> dict[str, Any]:
    return {"terms": {"field": column, "size": size, "segment_size": per_segment}}
