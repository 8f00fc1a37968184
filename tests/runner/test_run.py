"""Runs from their directory alone: real processes, real data, every ending Python can see."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import xarray as xr

import portal.sample.analyses
from portal.core.analysis import analysis
from portal.core.job import JobState
from portal.core.run import EVENTS, PARTIAL, RESERVE, RESULT, RUN_JSON, STATUS, Progress, RunStatus
from portal.drivers.compute.local import LocalCompute
from portal.errors import EnvironmentMismatch
from portal.runner.execute import load_analysis, require_environment
from portal.sample.catalog import SampleCatalog
from tests.helpers import wait_until
from tests.runner.make_run import (
    CO2,
    StartedRun,
    item_of,
    job_of,
    make_spec,
    start,
    write_run,
)


@analysis(version="3")
def yearly(data: xr.Dataset, *, factor: float = 1.0, label: str = "none") -> xr.Dataset:
    """Mean and range, from work they have in common."""
    scaled = data.co2.chunk(time=100) * factor
    print("told to stdout", label)
    return xr.Dataset({"mean": scaled.mean(), "scaled": scaled}, attrs={"label": label})


@analysis
def gives_array(data: xr.Dataset) -> xr.Dataset:
    """Forgets to make a Dataset."""
    return data.co2.mean()


@analysis
def raises(data: xr.Dataset) -> xr.Dataset:
    """Raises in a task on a worker."""

    def broken(block):
        raise ValueError("the station was closed")

    return xr.Dataset(
        {"x": xr.apply_ufunc(broken, data.co2, dask="parallelized", output_dtypes=[float])}
    )


@analysis
def exits(data: xr.Dataset) -> xr.Dataset:
    """Calls sys.exit."""
    sys.exit("enough")


@analysis
def vanishes(data: xr.Dataset) -> xr.Dataset:
    """Ends its own process."""
    os._exit(0)


@analysis
def runs_out(data: xr.Dataset) -> xr.Dataset:
    """Asks for more memory than there is."""
    raise MemoryError("Unable to allocate 7.3 TiB")


@analysis
def two(data: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Takes two inputs."""
    return data.mean()


def left(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def done(tmp_path_factory, scratch):
    run = start(
        tmp_path_factory.mktemp("runs"),
        yearly,
        parameters={"factor": 2.0, "label": "two $(x) 'y'"},
        variables={"TMPDIR": str(scratch)},
    )
    status = run.finish()
    assert status.state is JobState.COMPLETED, run.log()
    return run


class TestCompleted:
    def test_result_is_right(self, done):
        item, _ = item_of(CO2)
        source = SampleCatalog("ornl", collection="ornl").open(item).co2.load() * 2
        with xr.open_zarr(done.directory / RESULT) as found:
            xr.testing.assert_allclose(found["scaled"], source)
            xr.testing.assert_allclose(found["mean"], source.mean())
            assert found.attrs["label"] == "two $(x) 'y'"

    def test_nothing_else_is_left(self, done, scratch):
        assert {PARTIAL, RESERVE} & left(done.directory) == set()
        assert not [name for name in left(done.directory) if name.startswith(".")]
        assert list(scratch.iterdir()) == []

    def test_states_come_in_order(self, done):
        states = [e.data["state"] for e in done.events if e.kind == "state"]
        assert states == ["active", "completed"]
        assert done.events[-1].data["state"] == "completed"

    def test_progress_only_grows_and_ends_complete(self, done):
        told = [Progress.from_dict(e.data) for e in done.events if e.kind == "progress"]
        assert told
        for before, after in itertools.pairwise(told):
            assert before.done <= after.done
            assert before.total <= after.total
            assert before.bytes_read <= after.bytes_read
        assert told[-1].done == told[-1].total > 0
        assert told[-1].workers == 1
        assert told[-1].memory > 0

    def test_events_folded_agree_with_the_status(self, done):
        folded = RunStatus().follow(done.events)
        status = RunStatus.from_dict(json.loads((done.directory / STATUS).read_text()))
        assert replace(folded, started=None, ended=None) == replace(
            status, started=None, ended=None
        )

    def test_output_is_kept(self, done):
        assert "told to stdout two $(x) 'y'" in (done.directory / "stdout.log").read_text()

    def test_log_is_free_of_noise(self, done):
        assert done.log() == ""


def test_by_reference(tmp_path):
    run = start(
        tmp_path,
        portal.sample.analyses.warming,
        {"scenario": "metoffice:a1b-north-america"},
        {"years": 10},
        code="reference",
    )
    assert run.finish().state is JobState.COMPLETED, run.log()
    with xr.open_zarr(run.directory / RESULT) as found:
        assert float(found.warming) == pytest.approx(4.89, rel=0.005)


@pytest.mark.parametrize(
    ("function", "kind", "says"),
    [
        (gives_array, "InvalidAnalysis", "to_dataset"),
        (raises, "ValueError", "the station was closed"),
        (exits, "SystemExit", "sys.exit('enough')"),
        (runs_out, "MemoryError", "7.3 TiB"),
    ],
)
def test_failures_are_told(tmp_path, function, kind, says):
    run = start(tmp_path, function)
    status = run.finish()
    assert status.state is JobState.FAILED
    assert status.error["type"] == kind
    assert says in status.error["message"]
    assert {RESULT, PARTIAL, RESERVE} & left(run.directory) == set()
    if function is raises:
        text = status.error["traceback"]
        assert 'raise ValueError("the station was closed")' in text
        assert "portal/runner" not in text
        assert "distributed/" not in text
    assert "Traceback" not in run.log().replace(status.error["traceback"], "") or function is raises


def test_inputs_of_other_grids_are_refused(tmp_path):
    inputs = {"data": "metoffice:a1b-north-america", "other": "metoffice:ostia-monthly"}
    status = start(tmp_path, two, inputs).finish()
    assert status.error["type"] == "GridMismatch"
    assert "'data' and 'other'" in status.error["message"]


def test_process_that_vanishes_has_failed(tmp_path):
    """Nothing in Python sees os._exit: the scheduler's word, without a status.json, is failed."""
    run = start(tmp_path, vanishes)
    wait_until(lambda: run.said("computing"))
    wait_until(lambda: run.state.final)
    assert not (run.directory / STATUS).exists()
    assert not (run.directory / RESULT).exists()

    def alone():
        return not [
            p
            for p in psutil.process_iter(["cmdline"])
            if run.directory.name in str(p.info["cmdline"])
        ]

    wait_until(alone)


def test_other_environment_is_refused_before_anything_runs(tmp_path):
    spec = make_spec(yearly)
    packages = dict(spec.environment.packages) | {"dask": "2019.1.0"}
    other = replace(spec, environment=replace(spec.environment, packages=packages))
    with pytest.raises(EnvironmentMismatch, match=r"dask 2019.1.0 .* and .* at here.local"):
        require_environment(other)
    compute = LocalCompute(workspace=str(tmp_path))
    directory = write_run(tmp_path, other, yearly)
    run = StartedRun(directory, compute, compute.submit(job_of(directory, compute)))
    status = run.finish()
    assert status.error["type"] == "EnvironmentMismatch"
    assert "pip install" in status.error["message"]
    assert not run.said("computing")


def test_other_source_of_the_same_name_is_refused(tmp_path):
    warming = portal.sample.analyses.warming
    spec = make_spec(warming, {"scenario": "metoffice:a1b-north-america"}, code="reference")
    other = replace(spec, analysis=replace(spec.analysis, digest="0" * 64))
    with pytest.raises(EnvironmentMismatch, match="another one at this facility"):
        load_analysis(other.analysis, tmp_path)


def test_directory_without_a_spec_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "portal.runner", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert RUN_JSON in done.stderr
    assert left(tmp_path) == set()


def test_damaged_spec_is_told(tmp_path):
    (tmp_path / RUN_JSON).write_text('{"format": 1}')
    subprocess.run([sys.executable, "-m", "portal.runner", str(tmp_path)], check=False)
    status = json.loads((tmp_path / STATUS).read_text())
    assert status["state"] == "failed"
    assert "does not describe a run" in status["message"]
    assert (tmp_path / EVENTS).exists()
