"""Check: one thing that was looked at, how it was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from portal.errors import PortalError


class Verdict(StrEnum):
    """How a thing was found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What was looked at, in a word or two: "login", "disk".
    found
        What was found.
    advice
        What to do about it; empty for what is well.
    blocks
        Whether nothing else of the resource can be looked at when this has failed.
    """

    name: str
    verdict: Verdict = Verdict.OK
    found: str = ""
    advice: str = ""
    blocks: bool = False

    @classmethod
    def of(cls, name: str, error: PortalError, *, blocks: bool = False) -> Self:
        """Return the check that failed with an error."""
        found = ". ".join(filter(None, (error.happened.rstrip("."), error.found)))
        return cls(name, Verdict.FAIL, found, error.advice or "", blocks)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "found": self.found,
            "advice": self.advice,
        }
