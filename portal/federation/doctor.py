"""The verb that looks whether facilities can be used, and says what to mend: doctor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from portal.core.check import Check, Verdict
from portal.core.facility import Facility
from portal.core.policy import Action
from portal.errors import PortalError
from portal.federation import examine
from portal.federation.config import read_facility
from portal.federation.door import Door

_MARKS = {Verdict.OK: "ok", Verdict.WARN: "warn", Verdict.FAIL: "FAIL", Verdict.SKIPPED: "-"}


@dataclass(frozen=True, slots=True)
class Looked:
    """A check of one facility, or of a part of it.

    Parameters
    ----------
    of
        A facility, ``facility.compute`` or ``facility:catalog``.
    seconds
        How long it took to look.
    """

    of: str
    check: Check
    seconds: float

    def __str__(self) -> str:
        check = self.check
        told = [*check.found.splitlines(), *check.advice.splitlines()] or [""]
        first = f"{_MARKS[check.verdict]:5}{self.of:24} {check.name:12} {told[0]}"
        return "\n".join([first.rstrip(), *(f"{'':5}{line}" for line in told[1:])])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"of": self.of, **self.check.to_dict(), "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at, in the order in which it was."""

    looked: tuple[Looked, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing has failed; what was warned of may still be in the way."""
        return not any(one.check.verdict is Verdict.FAIL for one in self.looked)

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.looked)

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{_MARKS[one.check.verdict]}<td>{escape(one.of)}<td>{escape(one.check.name)}"
            f"<td>{escape(one.check.found)}<br>{escape(one.check.advice)}"
            for one in self.looked
        )
        return f"<table><tr><th><th>of<th>what<th>found{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"ok": self.ok, "checks": [one.to_dict() for one in self.looked]}


class Examining(Door):
    """Look whether facilities can be used."""

    def doctor(
        self,
        what: str | None = None,
        *,
        job: bool = False,
        wait: float = 300.0,
        tell: Callable[[Looked], None] | None = None,
    ) -> Diagnosis:
        """Look at facilities, their catalogs and compute resources; raises nothing of what it finds.

        Parameters
        ----------
        what
            A facility, or ``facility.compute``; by default all facilities.
        job
            Whether a tiny job is submitted to each compute resource that is looked at.
        wait
            Seconds for which such a job is waited for; then it is cancelled.
        tell
            Called with each thing as soon as it was looked at.
        """
        looked = []
        for one in self._examine(what, job, wait):
            looked.append(one)
            if tell is not None:
                tell(one)
        return Diagnosis(tuple(looked))

    def _examine(self, what: str | None, job: bool, wait: float) -> Iterator[Looked]:
        named, _, part = (what or "").partition(".")
        for path in sorted(self.home.facilities.glob("*.toml")):
            if what is None or path.stem == named:
                yield from _timed(path.stem, _file(partial(read_facility, path)))
        if what is None:
            facilities = list(self.facilities.values())
        elif named in self.facilities:
            facilities = [self.facilities[named]]
        else:
            yield from _timed(named, _file(partial(self.registry.facility, named)))
            return
        for facility in facilities:
            yield from self._facility(facility, part, job, wait)

    def _facility(self, facility: Facility, part: str, job: bool, wait: float) -> Iterator[Looked]:
        try:
            self.gate.require(Action.DISCOVER, self.gate.site(facility))
        except PortalError as error:
            yield Looked(facility.id, Check.of("policy", error), 0.0)
            return
        for name in facility.catalogs if not part else ():
            yield from _timed(f"{facility.id}:{name}", self._catalog(facility.id, name))
        for name in (part,) if part else facility.computes:
            at = f"{facility.id}.{name}"
            yield from _timed(at, self._compute(at, job, wait))

    def _catalog(self, facility_id: str, name: str) -> Iterator[Check]:
        try:
            held = self.registry.catalog(facility_id, name)
        except PortalError as error:
            yield Check.of("driver", error)
        else:
            yield examine.catalog(held)

    def _compute(self, at: str, job: bool, wait: float) -> Iterator[Check]:
        try:
            _, machine = self.registry.compute(at)
            self.gate.require(Action.RUN, self.gate.machine(at))
        except PortalError as error:
            yield Check.of("driver", error)
        else:
            yield from examine.compute(machine, at, job=job, wait=wait)


def _file(read: Callable[[], Facility]) -> Iterator[Check]:
    try:
        yield Check("file", found=read().source)
    except PortalError as error:
        yield Check.of("file", error)


def _timed(of: str, checks: Iterator[Check]) -> Iterator[Looked]:
    begun = time.monotonic()
    for check in checks:
        yield Looked(of, check, time.monotonic() - begun)
        begun = time.monotonic()
