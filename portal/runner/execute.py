"""One run, from run.json to result.zarr."""

from __future__ import annotations

import importlib
import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.analysis import Analysis
from portal.core.cluster import ClusterSpec
from portal.core.environment import CHECKED, Environment
from portal.core.job import JobState
from portal.core.plugins import CATALOGS, build_driver
from portal.core.run import CODE, PARTIAL, RESULT, RUN_JSON, AnalysisRef, Progress, RunSpec
from portal.errors import EnvironmentMismatch, InvalidAnalysis
from portal.runner.cluster import Cluster
from portal.runner.crate import write_crate
from portal.runner.crew import Layout
from portal.runner.failure import remember_source
from portal.runner.nodes import allotted
from portal.runner.trap import Trap
from portal.runner.walltime import WallTime
from portal.runner.wide import Wide

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Scheduler

    from portal.runner.progress import ProgressPlugin


def execute(trap: Trap) -> None:
    """Execute the run of a trap's directory, and end it as completed.

    Raises
    ------
    BaseException
        Whatever ends the run otherwise; the caller ends it as failed.
    """
    directory = trap.directory
    spec = RunSpec.from_dict(json.loads((directory / RUN_JSON).read_text(encoding="utf-8")))
    trap.at_end(lambda status: write_crate(directory, spec, status))
    trap.event("state", state=str(JobState.ACTIVE), message="starting")
    write_crate(directory, spec, trap.status)
    trap.limit(WallTime.of_job(spec.duration, os.environ, trap.began))
    require_environment(spec)
    run = _Run(trap, spec)
    if spec.cluster is None:
        run.compute()
    else:
        run.serve(spec.cluster)


class _Run:
    """The parts of a run that live as long as it does."""

    def __init__(self, trap: Trap, spec: RunSpec) -> None:
        from dask.system import CPU_COUNT
        from distributed.system import MEMORY_LIMIT

        self.trap, self.spec = trap, spec
        self.progress: ProgressPlugin | None = None
        self.wide = Wide.of_job(trap.directory, spec.resources, spec.cluster, self._say)
        cores, memory = allotted(os.environ, CPU_COUNT, MEMORY_LIMIT)
        nodes = 1 + len(self.wide.nodes.others) if self.wide else 1
        layout = Layout.choose(spec.resources, cores=cores, memory=memory, nodes=nodes)
        self.cluster = Cluster(layout, trap.scratch(spec.id), self._follow, self.wide)
        trap.before_end(self.cluster.abandon)

    def compute(self) -> None:
        """Open, check, call, write, commit."""
        from portal.runner import grids, result

        trap, spec, directory = self.trap, self.spec, self.trap.directory
        analysis = load_analysis(spec.analysis, directory)
        inputs = open_inputs(spec)
        if analysis.grids == "match":
            grids.require_match(inputs)
        arguments = analysis.arguments(spec.parameters)
        client = self.cluster.client()
        trap.event("message", text="computing")
        returned = analysis.function(**inputs, **arguments)
        dataset = result.require_dataset(returned, analysis.name)
        partial, final = directory / PARTIAL, directory / RESULT
        result.write(dataset, partial, client)
        trap.event("message", text="committing the result")
        stored = result.seal(partial)
        self.cluster.call(self._sample)
        with trap.lock:
            result.commit(partial, final)
            trap.at_end(lambda status: write_crate(directory, spec, status, stored))
            trap.end(JobState.COMPLETED)

    def serve(self, cluster: ClusterSpec) -> None:
        """Be an interactive cluster until nobody needs it."""
        from portal.runner.interactive import serve

        assert self.wide is not None
        serve(self.trap, cluster, self.cluster, self.wide)

    def _say(self, text: str) -> None:
        self.trap.event("message", text=text)

    def _follow(self, scheduler: Scheduler) -> None:
        from portal.runner.progress import ProgressPlugin

        seconds = 0.5 if self.spec.cluster is None else 5.0
        self.progress = ProgressPlugin(scheduler, self._tell, self._say, every=seconds)
        self.progress.begin()

    def _tell(self, progress: Progress) -> None:
        self.trap.event("progress", **progress.to_dict())

    def _sample(self) -> None:
        if self.progress is not None:
            self.progress.sample()


def require_environment(spec: RunSpec) -> None:
    """Refuse to run where Python, Dask, xarray, zarr or cloudpickle are not those of the spec.

    Raises
    ------
    EnvironmentMismatch
        Both sides are named, and the command that mends it.
    """
    here = Environment(
        ".".join(platform.python_version_tuple()[:2]),
        {name: _version(name) for name in CHECKED},
    )
    spec.environment.require_same(here, here="where the run was asked for", there=f"at {spec.at}")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def load_analysis(ref: AnalysisRef, directory: Path) -> Analysis:
    """Load the analysis of a run: imported by its reference, or from analysis.pkl.

    Raises
    ------
    InvalidAnalysis
        There is no such analysis at this facility.
    EnvironmentMismatch
        There is, but its source is not the one that was asked for.
    """
    importlib.import_module("xarray")
    found = _unpickle(directory / CODE) if ref.code == "pickle" else _import(ref.reference)
    if not isinstance(found, Analysis):
        raise InvalidAnalysis(
            f"{ref.reference} is not an analysis at this facility",
            found=f"{type(found).__name__}",
            advice="Decorate the function with @portal.analysis.",
        )
    if ref.code != "pickle" and found.digest != ref.digest:
        raise EnvironmentMismatch(
            f"The source of {ref.reference} is another one at this facility",
            found=f"sha256 {found.digest[:12]} here, {ref.digest[:12]} where the run was asked for",
            advice=f"Install the same version of {ref.reference.partition('.')[0]} on both sides.",
        )
    remember_source(found.function.__code__, ref.source)
    return found


def _unpickle(path: Path) -> Any:
    import cloudpickle

    with path.open("rb") as file:
        return cloudpickle.load(file)


def _import(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidAnalysis(
            f"The analysis {reference} is not installed at this facility",
            found=f"{type(error).__name__}: {error}",
            advice="Install its package there, or define it in the notebook: it then travels along.",
        ) from error
    return found


def open_inputs(spec: RunSpec) -> dict[str, xr.Dataset]:
    """Open every input lazily, each by the driver that its run.json names."""
    return {
        name: build_driver(CATALOGS, ref.opener, ref.item.facility).open(ref.item)
        for name, ref in spec.inputs.items()
    }
