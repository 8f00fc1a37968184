"""Run directories for tests: written through RunSpec, started as the portal starts them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from portal.core.analysis import Analysis
from portal.core.environment import Environment, local_environment
from portal.core.events import Event
from portal.core.facility import DriverConfig
from portal.core.job import JobSpec, JobState, Resources
from portal.core.plugins import CATALOGS, build_driver
from portal.core.run import (
    CODE,
    EVENTS,
    RUN_JSON,
    STATUS,
    STDERR,
    STDOUT,
    AnalysisRef,
    InputRef,
    RunSpec,
    RunStatus,
    new_run_id,
)
from portal.drivers.compute.local import LocalCompute
from tests.helpers import wait_until

CO2 = "ornl:mauna-loa-co2"


@dataclass
class StartedRun:
    """A run of a test: its directory and its job."""

    directory: Path
    compute: LocalCompute
    job_id: str

    @property
    def pid(self) -> int:
        return int(self.job_id.partition("-")[0])

    @property
    def events(self) -> list[Event]:
        path = self.directory / EVENTS
        lines = path.read_text().splitlines() if path.exists() else []
        return [event for event in map(Event.from_line, lines) if event is not None]

    @property
    def state(self) -> JobState:
        return self.compute.status(self.job_id).state

    def said(self, text: str) -> bool:
        return any(e.kind == "message" and text in e.data["text"] for e in self.events)

    def finish(self, seconds: float = 120) -> RunStatus:
        """Wait for the job's end, and return status.json."""
        wait_until(lambda: self.state.final, seconds=seconds)
        path = self.directory / STATUS
        assert path.exists(), self.log()
        return RunStatus.from_dict(json.loads(path.read_text()))

    def log(self) -> str:
        return (self.directory / STDERR).read_text()


def item_of(item_id: str) -> tuple[Any, DriverConfig]:
    """Find a sample dataset's record and its opener."""
    facility, _, local_id = item_id.partition(":")
    opener = DriverConfig("sample", {"collection": facility})
    items = build_driver(CATALOGS, opener, facility).items()
    return next(item for item in items if item.local_id == local_id), opener


def make_spec(
    analysis: Analysis,
    inputs: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    code: str = "pickle",
    resources: Resources | None = None,
    environment: Environment | None = None,
) -> RunSpec:
    """Describe a run of sample datasets; by default one small input, one worker."""
    given = inputs or {analysis.inputs[0]: CO2}
    run_id = new_run_id(analysis.name)
    return RunSpec(
        id=run_id,
        analysis=AnalysisRef(
            name=analysis.name,
            version=analysis.version,
            digest=analysis.digest,
            reference=analysis.reference,
            code=code,
            title=analysis.title,
            source=analysis.source,
        ),
        inputs={name: InputRef(*item_of(item_id)) for name, item_id in given.items()},
        parameters=dict(parameters or {}),
        at="here.local",
        environment=environment or local_environment(),
        requested_by="tester",
        key=run_id,
        created="2026-11-21T00:00:00Z",
        resources=resources or Resources(process_count=1, cpu_cores_per_process=2),
    )


def write_run(root: Path, spec: RunSpec, analysis: Analysis) -> Path:
    """Write the run directory."""
    directory = root / spec.id
    directory.mkdir(mode=0o700, parents=True)
    if spec.analysis.code == "pickle":
        (directory / CODE).write_bytes(by_value(analysis))
    (directory / RUN_JSON).write_text(json.dumps(spec.to_dict()))
    return directory


def by_value(analysis: Analysis) -> bytes:
    """Pickle an analysis of a test module, which is not installed where the run is."""
    import sys

    module = sys.modules[analysis.function.__module__]
    cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(analysis)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def job_of(directory: Path, compute: LocalCompute, **more: Any) -> JobSpec:
    """Return the job that executes a run directory."""
    return JobSpec(
        executable=compute.python,
        arguments=("-m", "portal.runner", str(directory)),
        directory=str(directory),
        name=directory.name,
        stdout_path=str(directory / STDOUT),
        stderr_path=str(directory / STDERR),
        **more,
    )


def start(
    root: Path,
    analysis: Analysis,
    *args: Any,
    variables: Mapping[str, str] | None = None,
    **kwargs: Any,
) -> StartedRun:
    """Write a run and start it; the other arguments are those of :func:`make_spec`."""
    compute = LocalCompute(workspace=str(root))
    directory = write_run(root, make_spec(analysis, *args, **kwargs), analysis)
    job = job_of(directory, compute, environment=variables or {})
    return StartedRun(directory, compute, compute.submit(job))
