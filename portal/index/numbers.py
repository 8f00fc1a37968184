"""Numbers: what stands for all values that a record has of a facet, and what it stands for.

A number is a hash of 64 bits. Those of a large write are kept in a file beside the search files, so
that a search need not read records to learn them. A number that is not in it is learned from a
record: the file is a help, not a truth.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from portal.index.document import NUMBERS, number

FILE = "numbers.ndjson"
#: So many numbers of a facet are kept.
MOST = 20_000


class Numbers:
    """The numbers of one large write.

    Parameters
    ----------
    path
        The directory of the search files; what is in its file already is not written again.
    """

    def __init__(self, path: Path) -> None:
        self._file = path / FILE
        self._known: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in NUMBERS}
        self._new: dict[str, dict[int, list[str]]] = {name: {} for name in NUMBERS}
        for facet, known, values in numbers(path):
            self._known[facet][tuple(sorted(values))] = known

    def __call__(self, facet: str, values: Sequence[str]) -> int:
        """Return the number of some values, and keep it while there is room."""
        key = tuple(sorted(values))
        known = self._known[facet]
        found = known.get(key)
        if found is None:
            found = number(key)
            if len(known) < MOST:
                known[key] = found
                self._new[facet][found] = list(key)
        return found

    def write(self) -> None:
        """Add the new ones to the file."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(self._new)}\n")
        self._new = {name: {} for name in NUMBERS}


def numbers(path: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Give the facets, numbers and values of a directory's file, as far as it can be read."""
    try:
        with (path / FILE).open(encoding="utf-8") as file:
            for line in file:
                for facet, known in json.loads(line).items():
                    for text, values in known.items():
                        yield facet, int(text), values
    except (OSError, ValueError):
        return
