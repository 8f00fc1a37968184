"""What past runs and transfers have taught: waits, rates of compute, bandwidths.

It is kept in Portal's home, one JSON line each. The file may be deleted: what runs have taught is
read from their directories again; what transfers have taught comes with the next transfers.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.job import JobState
from portal.core.run import JOB_JSON, RUN_JSON, STATUS
from portal.errors import PortalError
from portal.federation.directory import RunDirectory

#: Lessons that are kept in the file, and those of one compute resource that count.
_KEPT, _COUNTED = 4_000, 50
#: The newest runs of a compute resource that are looked at.
LOOKED_AT = 30
#: Seconds, and bytes, below which a measurement says nothing.
_LEAST_SECONDS, _LEAST_BYTES = 0.2, 1_000_000
#: A wait that three runs in four did not exceed.
_QUANTILE = 0.75


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one compute resource, oldest first.

    Parameters
    ----------
    waits
        Seconds from the request of a run to its start.
    rates
        Bytes that one core decoded and reduced a second.
    bandwidths
        Bytes a second, from elsewhere or to here.
    """

    waits: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    bandwidths: tuple[float, ...] = ()

    @property
    def wait(self) -> float | None:
        """The wait that three runs in four did not exceed; None without runs."""
        if not self.waits:
            return None
        ordered = sorted(self.waits)
        return ordered[math.ceil(_QUANTILE * len(ordered)) - 1]

    @property
    def rate(self) -> float | None:
        """The median rate."""
        return _median(self.rates)

    @property
    def bandwidth(self) -> float | None:
        """The median bandwidth."""
        return _median(self.bandwidths)


def _median(values: tuple[float, ...]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


@dataclass(frozen=True, slots=True)
class Lessons:
    """The file of lessons. Several processes may add to it; a line that is none is passed over."""

    path: Path

    def add(self, lessons: Iterable[Mapping[str, Any]]) -> None:
        """Add lessons; where they cannot be kept, they are learnt another time."""
        text = "".join(json.dumps(dict(lesson)) + "\n" for lesson in lessons)
        if not text:
            return
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            return
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            lines = file.read().splitlines(keepends=True)
            if len(lines) > _KEPT:
                file.truncate(0)
                file.write(b"".join(lines[-_KEPT // 2 :]))
            file.write(text.encode())

    def transfer(self, at: str, count: int, seconds: float) -> None:
        """Add what the transfer of some bytes to or from a compute resource has taken."""
        if count >= _LEAST_BYTES and seconds > 0:
            self.add([{"at": at, "time": time.time(), "bandwidth": count / seconds}])

    def all(self) -> tuple[dict[str, Any], ...]:
        """Return every lesson, oldest first."""
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return ()
        found = []
        for line in lines:
            try:
                lesson = json.loads(line)
            except ValueError:
                continue
            if isinstance(lesson, dict) and isinstance(lesson.get("at"), str):
                found.append(lesson)
        return tuple(found)


def history(lessons: Iterable[Mapping[str, Any]], at: str) -> History:
    """Return what lessons say of one compute resource."""
    held = [lesson for lesson in lessons if lesson["at"] == at]
    # One run may have been looked at by two processes at once.
    once = {lesson.get("run") or number: lesson for number, lesson in enumerate(held)}
    newest = sorted(once.values(), key=lambda lesson: _number(lesson.get("time")) or 0.0)

    def of(name: str) -> tuple[float, ...]:
        values = (_number(lesson.get(name)) for lesson in newest)
        return tuple(v for v in values if v is not None)[-_COUNTED:]

    return History(of("wait"), of("rate"), of("bandwidth"))


def _number(value: object) -> float | None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and 0 <= float(value) < 1e15 else None  # type: ignore[arg-type]


def lesson_of(run_id: str, directory: RunDirectory) -> dict[str, Any] | None:
    """Return what a run that has ended teaches of where it ran; None for one that has not.

    Its wait is measured by the clocks of the facility alone where its file system tells when
    run.json was written: that of this machine may differ.
    """
    try:
        spec, status = directory.read(RUN_JSON), directory.read(STATUS)
        job = directory.read(JOB_JSON)
        if spec is None or status is None:
            return None
        at = str((job or spec)["at"])
        started, ended = _number(status.get("started")), _number(status.get("ended"))
        lesson: dict[str, Any] = {"run": run_id, "at": at, "time": ended or time.time()}
        asked = _written(directory, spec)
        if started is not None and asked is not None:
            lesson["wait"] = max(0.0, started - asked)
        if started is not None and ended is not None:
            lesson |= _speeds(spec, status, ended - started)
    except (PortalError, OSError, KeyError, TypeError, AttributeError, ValueError):
        return None
    return lesson


def _written(directory: RunDirectory, spec: Mapping[str, Any]) -> float | None:
    from datetime import datetime

    moment = directory.fs.info(directory.file(RUN_JSON)).get("mtime")
    if moment is None:
        moment = datetime.fromisoformat(spec["created"])
    return _number(moment.timestamp() if isinstance(moment, datetime) else moment)


def _speeds(spec: Mapping[str, Any], status: Mapping[str, Any], elapsed: float) -> dict[str, float]:
    """Return the rate of a run whose data lay there, or the bandwidth of one whose did not."""
    if status.get("state") != JobState.COMPLETED:
        return {}
    terms = {term["name"]: term for term in spec["placement"]}
    decode, data = terms.get("decode", {}), terms.get("data", {})
    start = float(terms.get("start", {}).get("seconds", 0.0))
    decoded, moved = int(decode.get("bytes") or 0), int(data.get("bytes") or 0)
    left = elapsed - start
    if moved:
        left -= float(decode.get("seconds", 0.0))
        measured = moved >= _LEAST_BYTES and left >= _LEAST_SECONDS
        return {"bandwidth": moved / left} if measured else {}
    placed = (spec.get("placed") or {}).get("estimates", ())
    cores = next((int(e.get("cores") or 0) for e in placed if e.get("at") == spec["at"]), 0)
    measured = bool(cores) and decoded >= _LEAST_BYTES and left >= _LEAST_SECONDS
    return {"rate": decoded / (left * cores)} if measured else {}
