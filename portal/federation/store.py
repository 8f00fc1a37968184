"""The runs that there are, found from their directories alone."""

from __future__ import annotations

import warnings

from portal.core.contracts import Compute
from portal.core.run import is_run_id, key_suffix
from portal.errors import PortalError, PortalWarning, UnknownRun
from portal.federation.directory import RunDirectory
from portal.federation.gate import Gate
from portal.federation.registry import Registry
from portal.federation.runs import Run, Runs


def list_runs(registry: Registry, gate: Gate) -> Runs:
    """Find every run on every compute resource, newest first; nothing but names is read.

    Warns
    -----
    PortalWarning
        A compute resource does not answer; its runs are left out.
    """
    found: list[Run] = []
    for at in registry.computes():
        try:
            full, compute = registry.compute(at)
            found += [held(i, full, compute, gate) for i in _ids(compute)]
        except (PortalError, OSError) as error:
            warnings.warn(PortalWarning(f"The runs at {at} are left out. {error}"), stacklevel=3)
    return Runs(sorted(found, key=lambda run: run.id, reverse=True))


def get_run(registry: Registry, gate: Gate, run_id: str) -> Run:
    """Return the run whose id is, or ends with, a text.

    Raises
    ------
    UnknownRun
        There is none, or more than one.
    """
    found = [run for run in list_runs(registry, gate) if run_id and run.id.endswith(run_id)]
    if len(found) != 1:
        raise UnknownRun(
            f"No single run is called {run_id!r}",
            found=", ".join(run.id for run in found[:5]) or "no such run directory",
            advice="fed.runs() lists the runs there are.",
        )
    return found[0]


def find_by_key(key: str, at: str, compute: Compute, gate: Gate) -> Run | None:
    """Return the run that was asked for with this idempotency key, if there is one."""
    for run_id in _ids(compute):
        if run_id.endswith(f"-{key_suffix(key)}"):
            run = held(run_id, at, compute, gate)
            if run.spec.key == key:
                return run
    return None


def held(run_id: str, at: str, compute: Compute, gate: Gate) -> Run:
    """Return the handle of a run by its id."""
    return Run(run_id, at, RunDirectory.of(compute.workspace, run_id), compute, gate)


def _ids(compute: Compute) -> list[str]:
    fs, root = compute.workspace.fs, compute.workspace.root
    if not fs.isdir(root):
        return []
    names = (str(path).rstrip("/").rpartition("/")[2] for path in fs.ls(root, detail=False))
    return [name for name in names if is_run_id(name)]
