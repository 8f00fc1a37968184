"""What every compute resource tells of itself, and its past runs of it, asked side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from portal.core.contracts import Compute, SupportsStanding
from portal.errors import Denied, PortalError, Unavailable
from portal.federation.directory import RunDirectory
from portal.federation.estimating import Known
from portal.federation.learn import LOOKED_AT, Lessons, history, lesson_of
from portal.federation.registry import Registry
from portal.federation.store import run_ids
from portal.federation.together import together

#: Seconds within which a compute resource says how it stands; one that is later is not waited for.
DEADLINE = 5.0
#: Runs that have not ended yet of which the scheduler is asked when it expects them to start.
_WAITING = 2


Lesson = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Told:
    known: Known
    lessons: tuple[Lesson, ...]


def survey(
    registry: Registry, names: tuple[str, ...], lessons: Lessons, deadline: float = DEADLINE
) -> Mapping[str, Known]:
    """Ask each compute resource how it stands, and learn from its runs that have ended.

    One that cannot be reached, or refuses, is at fault; one that does not answer in time is not
    known, which rules it out from nothing.

    Parameters
    ----------
    deadline
        Seconds.
    """
    kept = lessons.all()
    seen = frozenset(str(lesson["run"]) for lesson in kept if "run" in lesson)

    def question(name: str) -> Callable[[], _Told]:
        return lambda: _ask(registry, name, seen)

    asked = together({name: question(name) for name in names}, deadline)
    new = [lesson for told in asked.answers.values() for lesson in told.lessons]
    lessons.add(new)
    found = {}
    for name in names:
        told = asked.answers.get(name)
        if told is None:
            known = _silent(name, asked.faults.get(name), asked.reason(name, deadline))
        else:
            known = told.known
        found[name] = replace(known, history=history((*kept, *new), name))
    return found


def _silent(name: str, error: Exception | None, reason: str) -> Known:
    if isinstance(error, Unavailable | Denied):
        return Known(name, queues=True, fault=reason)
    return Known(name, queues=True, unknown=reason)


def _ask(registry: Registry, name: str, seen: frozenset[str]) -> _Told:
    full, compute = registry.compute(name)
    queues = isinstance(compute, SupportsStanding)
    standing = compute.standing() if isinstance(compute, SupportsStanding) else None
    facility, _, local = full.partition(".")
    options = registry.facility(facility).computes[local].options
    try:
        lessons, start = _learn(full, compute, seen)
    except (PortalError, OSError):
        if standing is None:
            raise
        lessons, start = (), None
    known = Known(
        full,
        queues=queues,
        standing=standing,
        start=start,
        account=str(options.get("account") or ""),
    )
    return _Told(known, lessons)


def _learn(
    at: str, compute: Compute, seen: frozenset[str]
) -> tuple[tuple[Lesson, ...], float | None]:
    """Read the newest runs that are not known yet, and ask when those that wait should start."""
    newest = sorted(run_ids(compute), reverse=True)[:LOOKED_AT]
    lessons: list[Lesson] = []
    starts: list[float] = []
    waiting = 0
    for run_id in newest:
        if run_id in seen:
            continue
        directory = RunDirectory.of(compute.workspace, run_id)
        lesson = lesson_of(run_id, directory)
        if lesson is not None:
            lessons.append(lesson)
        elif waiting < _WAITING:
            waiting += 1
            starts += _start(at, compute, directory)
    return tuple(lessons), max(starts, default=None)


def _start(at: str, compute: Compute, directory: RunDirectory) -> list[float]:
    """Seconds from now at which the scheduler expects a run to start, where it waits and says so."""
    job = directory.job()
    if job is None or job[0] != at:
        return []
    status = compute.status(job[1])
    waits = not status.state.final and status.start is not None
    ahead = status.start - time.time() if waits and status.start is not None else 0.0
    return [ahead] if ahead > 0 else []
