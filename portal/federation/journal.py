"""Journal: who did what to which data. Lines are chained by SHA-256, so that a change shows."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.events import Event
from portal.errors import Unreadable

_START = "0" * 64
_TAIL = 65_536


@dataclass(frozen=True, slots=True)
class Journal:
    """An append-only file of events; each line carries the hash of the one before as ``prev``."""

    path: Path

    def append(self, kind: str, actor: str, **data: Any) -> None:
        """Add an event: the verb, who did it, and to what. Several processes may append."""
        import hashlib

        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _TAIL))
            tail = file.read()
            lines = tail.splitlines()
            if tail and not tail.endswith(b"\n"):
                file.write(b"\n")
            previous = hashlib.sha256(lines[-1]).hexdigest() if lines else _START
            event = Event.now(kind, actor=actor, **data, prev=previous)
            file.write(event.to_line().encode())
            file.flush()
            os.fsync(file.fileno())

    def events(self) -> Iterator[Event]:
        """Give the events, oldest first."""
        for line in self._lines():
            event = Event.from_line(line.decode())
            if event is not None:
                yield event

    def verify(self) -> int:
        """Check the chain and return the number of events.

        Raises
        ------
        Unreadable
            A line was changed, removed or cut off; its number is named.
        """
        import hashlib

        previous, count = _START, 0
        for count, line in enumerate(self._lines(), 1):
            event = Event.from_line(line.decode(errors="replace"))
            if event is None or event.data.get("prev") != previous:
                raise Unreadable(
                    f"The journal {self.path} was changed at line {count}",
                    found="a line that does not follow from the one before",
                    advice="Compare it with a copy; events from there on are not to be trusted.",
                )
            previous = hashlib.sha256(line).hexdigest()
        return count

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines() if self.path.exists() else []
