"""The runs that there are, found from their directories alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from portal.core.contracts import Compute
from portal.core.found import Problem
from portal.core.run import JOB_JSON, RUN_JSON, is_run_id, key_suffix
from portal.errors import PortalError, UnknownRun
from portal.federation.directory import RunDirectory
from portal.federation.gate import Gate
from portal.federation.learn import Lessons
from portal.federation.listing import Found, Runs
from portal.federation.registry import Registry
from portal.federation.runs import Again, Run
from portal.federation.together import together

#: Seconds within which a compute resource lists its runs; one that is later is left out, and said.
DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class RunStore:
    """Every run directory of every compute resource.

    Parameters
    ----------
    again
        Starts a run once more; runs ask it.
    """

    registry: Registry
    gate: Gate
    lessons: Lessons
    again: Again | None = field(default=None, repr=False)

    def all(self, deadline: float = DEADLINE) -> Runs:
        """Find every run, newest first. All facilities are asked at once; only names are read.

        Parameters
        ----------
        deadline
            Seconds after which a facility that has not answered is left out, and named in
            ``problems`` as those are that failed.
        """
        names = self.registry.computes()
        asked = together({name: self._question(name) for name in names}, deadline)
        places: dict[str, list[str]] = {}
        for name in names:
            for run_id in asked.answers.get(name, ()):
                places.setdefault(run_id, []).append(name)
        found = [Found(i, tuple(places[i])) for i in sorted(places, reverse=True)]
        problems = tuple(
            Problem(name, f"Its runs are left out. {reason}")
            for name in names
            if (reason := asked.reason(name, deadline))
        )
        return Runs(tuple(found), self.hold, problems)

    def get(self, run_id: str) -> Run:
        """Return the run whose id is, or ends with, a text.

        Raises
        ------
        UnknownRun
            There is none, or more than one.
        """
        runs = self.all()
        found = [f for f in runs.found if run_id and f.id.endswith(run_id)]
        if len(found) != 1:
            told = ", ".join(f.id for f in found[:5]) or "no such run directory"
            raise UnknownRun(
                f"No single run is called {run_id!r}",
                found="; ".join((told, *map(str, runs.problems))),
                advice="fed.runs() lists the runs there are.",
            )
        return self.hold(found[0])

    def by_key(self, key: str, name: str) -> Run | None:
        """Return the run that was asked for with an idempotency key at a compute resource."""
        full, compute = self.registry.compute(name)
        for run_id in run_ids(compute):
            if run_id.endswith(f"-{key_suffix(key)}"):
                run = self.run(run_id, full, compute)
                spec = run.directory.spec()  # none where who asked died before it was written
                if spec is not None and (spec.key, spec.at) == (key, full):
                    return run
        return None

    def hold(self, found: Found) -> Run:
        """Return the handle of a run; where several resources see it, that which it ran at."""
        name = found.places[0]
        full, compute = self.registry.compute(name)
        directory = RunDirectory.of(compute.workspace, found.id)
        if len(found.places) > 1:
            at = _place(directory)
            if at in found.places:
                full, compute = self.registry.compute(at)
        return self.run(found.id, full, compute)

    def run(self, run_id: str, at: str, compute: Compute) -> Run:
        """Return the handle of a run at a compute resource."""
        directory = RunDirectory.of(compute.workspace, run_id)
        return Run(run_id, at, directory, compute, self.gate, self.again, self.lessons)

    def _question(self, name: str) -> Callable[[], list[str]]:
        return lambda: run_ids(self.registry.compute(name)[1])


def _place(directory: RunDirectory) -> str:
    """Return where a run was sent; empty where its directory does not say."""
    try:
        for name in (JOB_JSON, RUN_JSON):
            values = directory.read(name)
            if values is not None:
                return str(values.get("at", ""))
    except (PortalError, OSError, AttributeError):
        return ""
    return ""


def run_ids(compute: Compute) -> list[str]:
    """Return the names of the run directories of a compute resource."""
    fs, root = compute.workspace.fs, compute.workspace.root
    try:
        names = (str(path).rstrip("/").rpartition("/")[2] for path in fs.ls(root, detail=False))
        return [name for name in names if is_run_id(name)]
    except FileNotFoundError:
        return []
