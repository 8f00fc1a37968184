"""Records from a file: one STAC Item a line (NDJSON), taken in batches that can be gone on with."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from portal.core.contracts import Batch
from portal.core.item import Item
from portal.errors import InvalidInput, PortalError, Unavailable

#: Bytes of the longest line that is read, and those of the file's beginning that identify it.
LONGEST, HEAD = 16 * 2**20, 4096
#: Records of a batch.
PIECE = 1_000


@dataclass(frozen=True, slots=True)
class NdjsonFile:
    """A file of STAC Items, one a line.

    The cursor is a place in the file and a digest of its beginning: a file to which lines were added
    is gone on with, and one that is another begins anew.

    Parameters
    ----------
    facility
        The facility that the records belong to.
    path
        A regular file.
    """

    facility: str
    path: Path

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Give the records after a cursor, a broken line named with its number.

        Raises
        ------
        Unavailable
            The file cannot be read.
        InvalidInput
            It is no regular file.
        """
        if self.path.exists() and not self.path.is_file():
            raise InvalidInput(
                f"{self.path} is no regular file",
                found="a directory or a device",
                advice="Write the records to a file first: a harvest goes on in it after a fault.",
            )
        try:
            with self.path.open("rb") as file:
                place, line = self._begin(file, cursor)
                yield from self._read(file, place, line)
        except OSError as error:
            raise Unavailable(
                f"The file {self.path} cannot be read", found=str(error), advice="Check the path."
            ) from error

    def _begin(self, file: IO[bytes], cursor: str | None) -> tuple[int, int]:
        """Return the byte and the line at which to go on; the beginning, for another file."""
        state = json.loads(cursor) if cursor else {}
        place, line, length = (int(state.get(k, 0)) for k in ("place", "line", "head"))
        whole = os.fstat(file.fileno()).st_size
        same = place <= whole and _digest(file, length) == state.get("digest")
        return (place, line) if same else (0, 0)

    def _read(self, file: IO[bytes], place: int, line: int) -> Iterator[Batch]:
        length = min(HEAD, os.fstat(file.fileno()).st_size)
        mark = {"head": length, "digest": _digest(file, length)}
        file.seek(place)
        items: list[Item] = []
        faults: list[str] = []
        while text := file.readline(LONGEST + 1):
            line += 1
            if len(text) > LONGEST:
                faults.append(f"{self.path}, line {line}: it is longer than {LONGEST:,} bytes")
                while text and not text.endswith(b"\n"):
                    text = file.readline(LONGEST)
            elif text.strip():
                try:
                    items.append(self._item(text))
                except (PortalError, ValueError, RecursionError) as error:
                    said = str(error) if isinstance(error, PortalError) else _json(error)
                    faults.append(f"{self.path}, line {line}: {said}")
            if len(items) + len(faults) >= PIECE:
                yield self._batch(items, faults, mark | {"place": file.tell(), "line": line})
                items, faults = [], []
        yield self._batch(items, faults, mark | {"place": file.tell(), "line": line})

    def _item(self, text: bytes) -> Item:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise InvalidInput(
                "It is not a STAC Item",
                found=f"a {type(document).__name__}",
                advice="Leave it out.",
            )
        return Item.from_stac(document, self.facility)

    def _batch(self, items: list[Item], faults: list[str], state: dict[str, object]) -> Batch:
        return Batch(tuple(items), json.dumps(state), faults=tuple(faults))


def _digest(file: IO[bytes], length: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(length)).hexdigest()


def _json(error: Exception) -> str:
    return f"it is not JSON ({error})"
