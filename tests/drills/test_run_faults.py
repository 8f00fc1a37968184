"""Faults of a run, on real processes: whatever dies, nothing lies and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import xarray as xr

from portal.core.job import JobState, Resources
from portal.core.run import CRATE, PARTIAL, RESERVE, RESULT, STATUS
from portal.drivers.compute import processes
from portal.drivers.compute.local import LocalCompute
from tests.drills import slow
from tests.drills.conftest import fill
from tests.helpers import wait_until
from tests.runner.make_run import StartedRun, job_of, make_spec, start, write_run


def below(run: StartedRun) -> list[psutil.Process]:
    return [p for p in psutil.Process(run.pid).children(recursive=True) if p.is_running()]


def workers(run: StartedRun) -> list[psutil.Process]:
    """The processes forked by the run's fork server."""
    servers = [
        p for p in psutil.Process(run.pid).children() if "forkserver" in " ".join(p.cmdline())
    ]
    return [child for server in servers for child in server.children()]


def done_tasks(run: StartedRun) -> int:
    told = [e.data["done"] for e in run.events if e.kind == "progress"]
    return told[-1] if told else 0


def assert_all_ended(these: list[psutil.Process]) -> None:
    wait_until(lambda: all(processes.has_ended(p.pid) for p in these if p.is_running()))


def assert_no_result(run: StartedRun) -> None:
    assert {RESULT, PARTIAL} & {p.name for p in run.directory.iterdir()} == set()


def test_killed_worker_is_survived(tmp_path):
    run = start(tmp_path, slow.patient)
    wait_until(lambda: done_tasks(run) >= 4)
    (worker,) = workers(run)
    worker.kill()
    status = run.finish()
    assert status.state is JobState.COMPLETED, run.log()
    with xr.open_zarr(run.directory / RESULT) as found:
        np.testing.assert_array_equal(found.x, np.arange(40) + 1)
    assert status.progress.done == status.progress.total


def test_killed_runner_has_failed_and_leaves_no_process(tmp_path):
    run = start(tmp_path, slow.patient, parameters={"tasks": 500})
    wait_until(lambda: done_tasks(run) >= 2)
    family = below(run)
    assert len(family) >= 2
    os.kill(run.pid, signal.SIGKILL)
    wait_until(lambda: run.state.final)
    status = run.compute.status(run.job_id)
    assert status.state is JobState.FAILED
    assert "SIGKILL" in status.message
    assert_all_ended(family)
    assert not (run.directory / STATUS).exists()
    assert not (run.directory / RESULT).exists()
    assert "ActiveActionStatus" in (run.directory / CRATE).read_text()


def test_workers_without_memory_are_told_of(tmp_path):
    gate, limit = tmp_path / "gate", 1_200_000_000
    run = start(
        tmp_path,
        slow.hoarding,
        parameters={"gate": str(gate), "memory": int(0.87 * limit)},
        resources=Resources(process_count=1, cpu_cores_per_process=1, memory=limit),
    )
    wait_until(lambda: run.said("used up their memory, 1.2 GB each"), seconds=60)
    gate.touch()
    assert run.finish().state is JobState.COMPLETED, run.log()


def test_run_outlives_its_submitter(tmp_path):
    directory = write_run(tmp_path, make_spec(slow.patient), slow.patient)
    program = """
import os, signal, sys
from pathlib import Path
from portal.drivers.compute.local import LocalCompute
from tests.runner.make_run import job_of
compute = LocalCompute(workspace=sys.argv[1])
print(compute.submit(job_of(Path(sys.argv[2]), compute)), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = StartedRun(directory, LocalCompute(workspace=str(tmp_path)), done.stdout.strip())
    assert run.state is JobState.ACTIVE
    assert run.finish().state is JobState.COMPLETED, run.log()
    assert (directory / RESULT).exists()


def test_cancel_ends_what_catches_everything_and_leaves_no_process(tmp_path):
    run = start(tmp_path, slow.stubborn)
    wait_until(lambda: "begun" in (run.directory / "stdout.log").read_text())
    family = [psutil.Process(run.pid), *below(run)]
    run.compute.cancel(run.job_id)
    assert all(processes.has_ended(p.pid) for p in family)
    assert run.state is JobState.CANCELED
    status = run.finish()
    assert status.state is JobState.CANCELED
    assert "SIGTERM" in status.message
    assert_no_result(run)
    assert "FailedActionStatus" in (run.directory / CRATE).read_text()
    assert not list(Path("/tmp").glob(f"portal-{run.directory.name}-*"))


def test_cancel_while_it_starts(tmp_path):
    run = start(tmp_path, slow.patient)
    wait_until((run.directory / RESERVE).exists)
    run.compute.cancel(run.job_id)
    assert run.state is JobState.CANCELED
    assert_no_result(run)


def test_task_that_kills_every_worker_is_told(tmp_path):
    status = start(tmp_path, slow.poisonous).finish()
    assert status.state is JobState.FAILED
    assert status.error["type"] == "KilledWorker"
    assert "4 times" in status.error["message"]
    assert "memory" in status.error["message"]


def test_full_disk_leaves_no_result(small_disk):
    run = start(small_disk, slow.bulky)
    status = run.finish()
    assert status.state is JobState.FAILED
    assert "No space left on device" in status.error["message"]
    assert_no_result(run)
    assert "FailedActionStatus" in (run.directory / CRATE).read_text()


def test_disk_that_is_full_from_elsewhere_still_gets_the_status(small_disk):
    """Everything is taken by another while the run computes: its last words have their room."""
    run = start(small_disk, slow.bulky)
    wait_until((run.directory / CRATE).exists)
    fill(small_disk)
    status = run.finish()
    assert status.state is JobState.FAILED
    assert "No space left on device" in status.error["message"]
    assert shutil.disk_usage(small_disk).free < 2**20
    assert_no_result(run)


def test_limited_file_size_leaves_no_result(tmp_path):
    compute = LocalCompute(workspace=str(tmp_path))
    directory = write_run(tmp_path, make_spec(slow.bulky), slow.bulky)
    job = job_of(directory, compute)
    limited = (
        "import os, resource, sys; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, 2**21)); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    job = replace(job, arguments=("-c", limited, *job.arguments))
    run = StartedRun(directory, compute, compute.submit(job))
    status = run.finish()
    assert status.state is JobState.FAILED
    assert "File too large" in status.error["message"]
    assert_no_result(run)
