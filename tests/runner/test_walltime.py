"""The end of a run's wall time, on real processes: told as what it is, and no cancel taken for it."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace

import pytest

from portal.core.job import JobAttributes, JobState
from portal.core.run import CANCEL, RESULT
from portal.drivers.compute.local import LocalCompute
from portal.runner.walltime import WallTime
from tests.drills import slow
from tests.helpers import wait_until
from tests.runner.make_run import StartedRun, job_of, make_spec, write_run


def start(root, *, duration=None, variables=None) -> StartedRun:
    """Start a run that takes minutes, in a job of a wall time."""
    spec = make_spec(slow.patient, parameters={"tasks": 3000})
    compute = LocalCompute(workspace=str(root))
    directory = write_run(root, replace(spec, duration=duration), slow.patient)
    attributes = JobAttributes(duration=duration)
    job = job_of(directory, compute, attributes=attributes, environment=variables or {})
    return StartedRun(directory, compute, compute.submit(job))


def leader(run: StartedRun) -> int:
    """The process of the runner; where there is a wall time it is started by `timeout`."""
    import psutil

    process = psutil.Process(run.pid)
    return process.pid if "portal.runner" in process.cmdline() else process.children()[0].pid


def slurm_says(*, began: float, left: float) -> dict[str, str]:
    now = time.time()
    return {
        "SLURM_JOB_START_TIME": f"{now - began:.0f}",
        "SLURM_JOB_END_TIME": f"{now + left:.0f}",
    }


def test_run_that_takes_too_long_is_warned_and_has_failed(tmp_path):
    run = start(tmp_path, duration=12)
    status = run.finish()
    assert status.state is JobState.FAILED
    assert status.error["type"] == "WallTimeReached"
    assert "wall time reached: the job may take 12 s" in status.message
    assert "longer `duration`" in status.message
    assert run.said("the wall time is over in 1 s")
    assert not (run.directory / RESULT).exists()


@pytest.fixture
def late(tmp_path):
    """A run that Slurm gives half a minute more, of an hour."""
    run = start(tmp_path, variables=slurm_says(began=3600, left=30))
    wait_until(lambda: run.said("computing"))
    yield run
    run.compute.cancel(run.job_id)


def test_forerunner_of_the_end_is_the_end(late):
    os.kill(leader(late), signal.SIGTERM)
    status = late.finish()
    assert status.state is JobState.FAILED
    assert "wall time reached: the job may take 60 min, and was told to end" in status.message


def test_cancel_near_the_end_is_one(late):
    (late.directory / CANCEL).write_text(json.dumps({"by": "tester"}))
    os.kill(leader(late), signal.SIGTERM)
    status = late.finish()
    assert status.state is JobState.CANCELED


def test_signal_long_before_the_end_is_a_cancel(tmp_path):
    run = start(tmp_path, variables=slurm_says(began=10, left=3590))
    wait_until(lambda: run.said("computing"))
    os.kill(leader(run), signal.SIGTERM)
    assert run.finish().state is JobState.CANCELED


def test_scheduler_knows_better_than_what_was_asked_for():
    told = WallTime.of_job(60, slurm_says(began=100, left=500), time.monotonic())
    assert told.duration == pytest.approx(600, abs=2)
    assert not told.near
    asked = WallTime.of_job(60, {}, time.monotonic() - 50)
    assert asked.duration == 60
    assert asked.near
    assert WallTime.of_job(None, {}, 0.0) is None


@pytest.mark.parametrize("off", [3600, -3600])
def test_clock_of_the_controller_may_be_another_one(off):
    told = slurm_says(began=10 + off, left=590 - off)
    wall = WallTime.of_job(None, told, time.monotonic() - 8)
    assert wall.duration == pytest.approx(600, abs=2)
    assert wall.end - time.monotonic() == pytest.approx(592, abs=2)
