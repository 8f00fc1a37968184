"""Frozen, versioned events: lines of a run's events.jsonl and of the journal.

An event is one JSON object a line: ``{"v": 1, "time": …, "kind": …, …fields}``. Readers pass over
kinds and fields that they do not know, so that old portals can follow new runners.
"""

from __future__ import annotations

import json
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    kind
        In a run: "state", "progress", "message", "error". In the journal: the verb.
    data
        The fields of this kind, JSON values only, never a secret.
    time
        Seconds since the epoch, UTC, by the clock of the writer.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0
    v: int = VERSION

    @classmethod
    def now(cls, kind: str, **data: Any) -> Event:
        """Make an event that happens now."""
        return cls(kind, data, clock.time())

    def to_line(self) -> str:
        """Return the event as one line of JSON with its newline."""
        head = {"v": self.v, "time": round(self.time, 3), "kind": self.kind}
        return json.dumps(head | {k: v for k, v in self.data.items() if k not in head}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Event | None:
        """Read one line; None for a line that is not a whole event (cut off, or not ours)."""
        try:
            values = json.loads(line)
            kind, moment, version = values.pop("kind"), values.pop("time"), values.pop("v")
        except (ValueError, KeyError, AttributeError):
            return None
        return cls(str(kind), values, float(moment), int(version))
