"""Tally: the facets of records that are in hand, without another way through the index.

All values that a record has of a facet stand in a column as one number, see
:func:`portal.index.document.number`. What a number stands for is known from the file beside the
search files, or read once from a record that has it, and remembered.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from portal.core.item import Item
from portal.index.document import NUMBERS, number
from portal.index.entry import Worded
from portal.index.numbers import MOST

#: Gives facets, numbers and values that were kept with the search files.
Kept = Callable[[], Iterable[tuple[str, int, Sequence[str]]]]

#: So many records are read for one search.
_READ = 100


class Tally:
    """Counts the values of facets of records in hand.

    Parameters
    ----------
    records
        Reads records by their rows.
    kept
        Gives facets, numbers and values that were kept with the search files.
    """

    def __init__(
        self,
        records: Callable[[Sequence[int]], Mapping[int, Item]],
        kept: Kept,
    ) -> None:
        self._records = records
        self._kept: Kept | None = kept
        self._known: dict[str, dict[int, tuple[str, ...]]] = {name: {} for name in NUMBERS}
        self._lock = threading.Lock()

    def counts(
        self, searcher: Any, addresses: Sequence[Any], names: Collection[str]
    ) -> dict[str, Counter[str]] | None:
        """Return the records of each value; None where too much would have to be read for it."""
        columns = {n: searcher.fast_field_values(NUMBERS[n], addresses) for n in names}
        told = {name: self._told(name, values) for name, values in columns.items()}
        if self._kept and any(None in values for values in told.values()):
            self._recall(self._kept)
            told = {name: self._told(name, values) for name, values in columns.items()}
        if any(None in values for values in told.values()):
            strange = [None in row for row in zip(*told.values(), strict=True)]
            self._read(searcher, addresses, columns, strange)
            told = {name: self._told(name, values) for name, values in columns.items()}
        found: dict[str, Counter[str]] = {}
        for name, several in told.items():
            found[name] = Counter()
            for values, times in Counter(several).items():
                if values is None:
                    return None
                for value in values:
                    found[name][value] += times
        return found

    def _recall(self, kept: Kept) -> None:
        """Learn, once, the numbers that were kept with the search files."""
        with self._lock:
            self._kept = None
            for facet, known, values in kept():
                self._known[facet][known] = tuple(sys.intern(value) for value in values if value)

    def _told(self, name: str, numbers: Sequence[int]) -> list[tuple[str, ...] | None]:
        """Return the values that numbers stand for; None for one that is not known."""
        return list(map(self._known[name].get, numbers))

    def _read(
        self,
        searcher: Any,
        addresses: Sequence[Any],
        columns: Mapping[str, Sequence[int]],
        strange: Sequence[bool],
    ) -> None:
        """Learn numbers from records that have some that are not known."""
        seen: set[tuple[str, int]] = set()
        wanted: list[Any] = []
        for place, address in enumerate(addresses):
            if not strange[place]:
                continue
            new = {(n, values[place]) for n, values in columns.items()} - seen
            if any(one not in self._known[name] for name, one in new):
                wanted.append(address)
                if len(wanted) == _READ:
                    break
            seen |= new
        for item in self._records(searcher.fast_field_values("row", wanted)).values():
            words = Worded.of(item, [])
            self._learn("facility", (item.facility,))
            self._learn("variable", words.names)
            self._learn("keyword", words.keywords)

    def _learn(self, name: str, values: tuple[str, ...]) -> None:
        known = self._known[name]
        with self._lock:
            known[number(values)] = tuple(sys.intern(value) for value in values if value)
            while len(known) > MOST:
                del known[next(iter(known))]
