"""Where to run: policy first, then the estimated time, each term of it as text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.core.item import Item
from portal.federation.config import LOCAL

#: Bytes a second between sites, until transfers have been measured.
BANDWIDTH = 100e6
#: Decoded bytes that one core reads and reduces a second (0.3e9 to 0.5e9 were measured).
DECODE = 0.4e9
#: Seconds until a runner's workers are ready (measured on this computer).
START = 2.5


@dataclass(frozen=True, slots=True)
class Term:
    """One term of an estimate.

    Parameters
    ----------
    seconds
        The time that it costs.
    """

    name: str
    seconds: float
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"name": self.name, "seconds": round(self.seconds, 3), "text": self.text}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost at one compute resource, or why it cannot run there."""

    at: str
    terms: tuple[Term, ...] = ()
    ruled_out: str = ""

    @property
    def seconds(self) -> float:
        """The sum of the terms."""
        return sum(term.seconds for term in self.terms)


@dataclass(frozen=True, slots=True)
class Placement:
    """The estimates, best first; those ruled out come last, with their reasons."""

    estimates: tuple[Estimate, ...]

    @property
    def best(self) -> Estimate | None:
        """The best estimate, or None when everything is ruled out."""
        first = self.estimates[0] if self.estimates else None
        return first if first is not None and not first.ruled_out else None

    def __str__(self) -> str:
        lines = []
        for estimate in self.estimates:
            if estimate.ruled_out:
                lines.append(f"{estimate.at}: ruled out: {estimate.ruled_out}")
            else:
                terms = "; ".join(f"{t.name} {t.seconds:.1f} s ({t.text})" for t in estimate.terms)
                lines.append(f"{estimate.at}: about {estimate.seconds:.1f} s: {terms}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<li>{escape(line)}" for line in str(self).splitlines())
        return f"<ol>{rows}</ol>"


def rank(estimates: Iterable[Estimate]) -> Placement:
    """Order estimates: the quickest first, those ruled out last; ties by name."""
    return Placement(tuple(sorted(estimates, key=lambda e: (bool(e.ruled_out), e.seconds, e.at))))


def estimate(at: str, inputs: Mapping[str, Item], cores: int | None) -> Estimate:
    """Estimate a run at one compute resource.

    What would be moved is the stored bytes of the inputs that do not lie there; what would be
    decoded is the size of their variables, by the shapes and types in their records.

    Parameters
    ----------
    cores
        The cores that the run would have; None for those of this machine.
    """
    facility = at.partition(".")[0]
    cores = cores or os.cpu_count() or 1
    moved = [item for item in inputs.values() if not _resident(item, facility)]
    stored = sum(item.stored_bytes or 0 for item in moved)
    decoded = sum(item.decoded_bytes or 0 for item in inputs.values())
    unknown = [item.id for item in inputs.values() if item.decoded_bytes is None]
    what = f"{_size(stored)} to move" if moved else "all inputs lie there"
    sized = f"{_size(decoded)} decoded by {cores} cores"
    if unknown:
        sized += f"; size unknown of {', '.join(unknown)}"
    return Estimate(
        at,
        (
            Term("start", START, "Python and its workers"),
            Term("data", stored / BANDWIDTH, what),
            Term("decode", decoded / (cores * DECODE), sized),
        ),
    )


def _resident(item: Item, facility: str) -> bool:
    """Whether the data lies at the facility; files named by a path lie on this computer."""
    if item.facility == facility:
        return True
    return facility == LOCAL and all("://" not in a.href for a in item.assets.values())


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
