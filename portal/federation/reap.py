"""Jobs that are idle or forgotten: listed with what they cost, ended on request.

Only jobs of Portal's own runs are ever looked at: their name is the id of a run, and the run's
directory, in the same resource's workspace, names the job as its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from portal.core.contracts import Compute, SupportsJobs, SupportsStanding
from portal.core.found import Problem
from portal.core.job import JobState
from portal.core.policy import Action
from portal.core.run import is_run_id
from portal.core.standing import Job
from portal.errors import InvalidParameter, PortalError
from portal.federation.place import Placement
from portal.federation.running import Running
from portal.federation.runs import Run
from portal.federation.together import Asked, together

#: Seconds for which a job may outlive its run; without news of an interactive cluster, of a run.
OUTLIVES, IDLE, SILENT = 60.0, 600.0, 3600.0
#: How many times its estimate a run may take.
BEYOND = 10.0
DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A job of Portal's that nobody seems to need.

    Parameters
    ----------
    why
        Why it is listed.
    node_hours
        What it has taken so far; None where it is not known when it started.
    left
        What is left of the allocations there, in words; empty where that is not told.
    ended
        Whether it was ended now.
    fault
        Why it could not be ended.
    """

    at: str
    job: Job
    why: str
    node_hours: float | None = None
    left: str = ""
    ended: bool = False
    fault: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "at": self.at,
            "run": self.job.name,
            "job": self.job.id,
            "state": self.job.state.value,
            "nodes": self.job.nodes,
            "node_hours": self.node_hours,
            "left": self.left,
            "why": self.why,
            "ended": self.ended,
            "fault": self.fault,
        }

    def __str__(self) -> str:
        cost = "" if self.node_hours is None else f", {self.node_hours:.3g} node-hours so far"
        left = f" ({self.left} left)" if self.left else ""
        end = "; ended" if self.ended else f"; not ended: {self.fault}" if self.fault else ""
        return f"{self.job.name} at {self.at}, job {self.job.id}{cost}{left}: {self.why}{end}"


@dataclass(frozen=True, slots=True, repr=False)
class Reaped(Sequence[Forgotten]):
    """The jobs that were found, and the facilities that could not be asked."""

    jobs: tuple[Forgotten, ...]
    problems: tuple[Problem, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Forgotten: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Forgotten, ...]: ...
    def __getitem__(self, index: int | slice) -> Forgotten | tuple[Forgotten, ...]:
        return self.jobs[index]

    def __len__(self) -> int:
        return len(self.jobs)

    def __repr__(self) -> str:
        lines = [str(job) for job in self.jobs] or ["No job is idle or forgotten."]
        return "\n".join([*lines, *(f"! {problem}" for problem in self.problems)])


class Reaping(Running):
    """Find jobs that nobody needs any more."""

    def reap(self, end: str | Iterable[str] = (), *, all: bool = False) -> Reaped:
        """List the jobs of your runs that are idle or forgotten, with their cost; end those named.

        A job is listed whose run has ended, whose interactive cluster has been without news for ten
        minutes, or which is active far beyond its estimate or without a sign of life for an hour.
        Jobs that are not of Portal's runs are never touched.

        Parameters
        ----------
        end
            Ids of runs or jobs of the list that are to be ended.
        all
            Whether to end all that are listed.

        Raises
        ------
        InvalidParameter
            What is to be ended is not in the list.
        """
        wanted = {end} if isinstance(end, str) else set(end)
        names = tuple(n for n in self.registry.computes() if self._reapable(n))
        asked = together({name: self._question(name) for name in names}, DEADLINE)
        found = [job for name in names for job in asked.answers.get(name, ())]
        known = {i for f in found for i in (f.job.id, f.job.name)}
        if wanted - known:
            told = ", ".join(f.job.name for f in found) or "nothing is listed"
            raise InvalidParameter(
                f"{', '.join(sorted(wanted - known))} is not among what may be ended",
                found="; ".join((told, *_faults(asked, names))),
                advice="fed.reap() lists what is; run.cancel() ends a run that is needed no more.",
            )
        chosen = [f for f in found if all or f.job.id in wanted or f.job.name in wanted]
        done = {id(f): self._end(f) for f in chosen}
        problems = tuple(
            Problem(n, f"Its jobs are not known. {asked.reason(n, DEADLINE)}")
            for n in names
            if n not in asked.answers
        )
        return Reaped(tuple(done.get(id(f), f) for f in found), problems)

    def _reapable(self, name: str) -> bool:
        """Whether jobs are listed there; a driver that cannot be built is told when it is asked."""
        try:
            return isinstance(self.registry.compute(name)[1], SupportsJobs)
        except PortalError:
            return True

    def _question(self, name: str) -> Callable[[], list[Forgotten]]:
        def ask() -> list[Forgotten]:
            full, compute = self.registry.compute(name)
            found = []
            for job in compute.jobs() if isinstance(compute, SupportsJobs) else ():
                run = self._own(job, full, compute)
                why = "" if run is None else forgotten(run, job, time.time())
                if why:
                    found.append(Forgotten(full, job, why, _spent(job)))
            left = _left(compute) if found else ""
            return [replace(one, left=left) for one in found]

        return ask

    def _own(self, job: Job, at: str, compute: Compute) -> Run | None:
        """Return the run whose job it is; None for a job that is not Portal's, or cannot be told."""
        if job.state.final or not is_run_id(job.name):
            return None
        run = self._store().run(job.name, at, compute)
        try:
            known = run.directory.job()
            mine = run.spec.requested_by == self.gate.actor.id
        except (PortalError, OSError):
            return None
        return run if mine and known == (at, job.id) else None

    def _end(self, found: Forgotten) -> Forgotten:
        full, compute = self.registry.compute(found.at)
        run = self._store().run(found.job.name, full, compute)
        try:
            run.require(Action.CANCEL)
            if run.directory.status().state.final:
                compute.cancel(found.job.id)
                self.gate.write("reap", run=run.id, job=found.job.id)
            else:
                run.cancel()
        except (PortalError, OSError) as error:
            return replace(found, fault=str(error))
        return replace(found, ended=True)


def forgotten(run: Run, job: Job, now: float) -> str:
    """Say why a job of a run seems to be needed no more; empty where it is.

    Parameters
    ----------
    now
        Seconds since the epoch.
    """
    status, spec = run.directory.status(), run.spec
    if status.state.final:
        since = now - (status.ended or now)
        ended = f"its run is {status.state}"
        return f"{ended}, for {_words(since)}, and its job goes on" if since > OUTLIVES else ""
    if job.state is not JobState.ACTIVE:
        return ""
    silent = now - max(run.directory.last_event, job.started or 0.0)
    if spec.cluster is not None:
        return f"the cluster has had no task for {_words(silent)}" if silent > IDLE else ""
    if silent > SILENT:
        return f"nothing was heard of it for {_words(silent)}"
    best = Placement.from_dict(spec.placed).best if spec.placed else None
    took = now - job.started if job.started else 0.0
    if best is not None and took > max(SILENT, BEYOND * best.seconds):
        return f"it has run for {_words(took)}, where {_words(best.seconds)} were estimated"
    return ""


def _spent(job: Job) -> float | None:
    if job.started is None:
        return None
    return (job.nodes or 1) * max(0.0, time.time() - job.started) / 3600


def _left(compute: Compute) -> str:
    try:
        told = compute.standing().allocations if isinstance(compute, SupportsStanding) else ()
    except (PortalError, OSError):
        return ""
    return "; ".join(
        f"{a.left:,.6g} {a.unit.replace('_', '-')} in {a.account}"
        for a in told
        if a.left is not None
    )


def _faults(asked: Asked[Any], names: Iterable[str]) -> list[str]:
    return [f"{n}: {r}" for n in names if (r := asked.reason(n, DEADLINE))]


def _words(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
