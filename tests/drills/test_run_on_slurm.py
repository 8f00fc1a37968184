"""Faults of whole runs on a real Slurm cluster: nothing lies, is lost, done twice or left behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import portal
from portal.core.job import JobState, Resources
from portal.core.run import JOB_JSON, PARTIAL, RESERVE, RESULT, RUN_JSON, STATUS
from portal.errors import RunFailed, Unavailable
from tests.drills import slow
from tests.drills.conftest import fill
from tests.helpers import wait_until

CO2 = "ornl:mauna-loa-co2"
TIMES = "export SLURM_JOB_START_TIME=$(date +%s) SLURM_JOB_END_TIME=$(($(date +%s) + {seconds}))"


def job_of(run) -> str:
    return run.directory.job()[1]


def processes(cluster, job_id: str) -> list[psutil.Process]:
    """What runs of a job, by the variables that every process of it has."""
    signs = {f"SLURM_JOB_ID={job_id}".encode(), f"SLURM_CLUSTER_NAME={cluster.name}".encode()}
    found = []
    for process in psutil.process_iter():
        try:
            environ = Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            continue
        if signs <= set(environ.split(b"\0")):
            found.append(process)
    return found


def runner(cluster, job_id: str) -> psutil.Process:
    return next(p for p in processes(cluster, job_id) if "portal.runner" in p.cmdline())


def scratch(run_id: str) -> list[Path]:
    return list(Path("/tmp").glob(f"portal-{run_id}-*"))


def assert_nothing_runs(run, cluster) -> None:
    wait_until(lambda: not cluster.run("squeue", "-h", "-o%i").strip())
    wait_until(lambda: not processes(cluster, job_of(run)))


def assert_tidy(run, cluster, *, result: bool = False) -> None:
    """Neither a job, nor a process, nor half a result, nor spilled data."""
    assert_nothing_runs(run, cluster)
    found = {path.name for path in Path(run.directory.path).iterdir()}
    assert found & {RESULT, PARTIAL, RESERVE} == ({RESULT} if result else set())
    assert not scratch(run.id)


@pytest.fixture
def cluster(lab_a):
    yield lab_a.cluster
    lab_a.cluster.cancel_all()


@pytest.fixture
def door(home, lab_a, cluster, tmp_path):
    """Open portals that have the cluster as a facility, with other options where they are given."""
    portals = []

    def door(**options):
        lines = lab_a.options | {"workspace": str(tmp_path / "there")} | options
        (home / "facilities").mkdir(parents=True, exist_ok=True)
        (home / "facilities/lab.toml").write_text(
            'name = "Laboratory"\n[compute.debug]\ndriver = "slurm"\n'
            + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
        )
        portals.append(portal.connect(home=home))
        return portals[-1]

    yield door
    for one in portals:
        one.close()
    for directory in (tmp_path / "there").glob("2*"):  # of those that were killed
        for path in scratch(directory.name):
            shutil.rmtree(path)


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


def start(fed, gate: Path, **more):
    """Start a run, and wait until some of its tasks are done and the others wait for the gate."""
    run = fed.run(slow.gated, data=CO2, gate=str(gate), at="lab.debug", **more)
    wait_until(lambda: (p := run.status().progress) and p.done >= 2)
    return run


def assert_right(run) -> None:
    with run.result(timeout=60) as found:
        np.testing.assert_array_equal(found.x, np.arange(8) + 1)


def test_job_that_another_scancels(door, gate, cluster):
    run = start(door(), gate)
    cluster.run("scancel", job_of(run))
    status = run.wait(60).status()
    assert status.state is JobState.CANCELED
    assert "SIGTERM" in status.message
    assert_tidy(run, cluster)


def test_killed_runner_has_failed_with_what_is_known(door, gate, cluster):
    fed = door()
    run = start(fed, gate)
    family = processes(cluster, job_of(run))
    assert len(family) >= 4
    runner(cluster, job_of(run)).kill()
    status = run.wait(60).status()
    assert status.state is JobState.FAILED
    for part in ("without a status", "SIGKILL", "Last seen: computing"):
        assert part in status.message
    with pytest.raises(RunFailed, match="SIGKILL"):
        run.result()
    assert_nothing_runs(run, cluster)
    assert not {STATUS, RESULT} & {path.name for path in Path(run.directory.path).iterdir()}


def test_scheduler_that_has_forgotten_a_killed_run(door, gate, cluster):
    """Nobody looked while Slurm still knew of it; of one that waited as little is claimed."""
    fed = door()
    run = start(fed, gate)
    cluster.run("scontrol", "update", "PartitionName=debug", "State=DOWN")
    try:
        waits = fed.run(slow.gated, data=CO2, gate=str(gate), at="lab.debug")
        runner(cluster, job_of(run)).kill()
        wait_until(lambda: cluster.states()[job_of(run)] == "FAILED")
        cluster.stop_controller()
    finally:
        cluster.start_controller(forgetful=True)
        cluster.wait_idle()
    assert cluster.states() == {}
    other = door()
    status = other.get_run(run.id).wait(60).status()
    assert status.state is JobState.FAILED
    assert "SIGKILL" in status.message
    never = other.get_run(waits.id).wait(60).status()
    assert never.state is JobState.FAILED
    assert "has left the queue" in never.message
    assert_nothing_runs(run, cluster)


def test_controller_that_is_restarted(door, gate, cluster):
    fed = door()
    run = start(fed, gate)
    job_id = job_of(run)
    cluster.stop_controller()
    try:
        gate.touch()
        wait_until((Path(run.directory.path) / STATUS).exists)
    finally:
        cluster.start_controller()
    assert_right(run)
    wait_until(lambda: cluster.states()[job_id] == "COMPLETED")
    assert_tidy(run, cluster, result=True)
    assert len(fed.runs()) == 1


def test_task_that_takes_more_memory_than_there_is(door, cluster):
    asked = Resources(process_count=1, cpu_cores_per_process=1, memory=700 * 2**20)
    run = door().run(slow.hungry, data=CO2, at="lab.debug", resources=asked)
    status = run.wait(120).status()
    assert status.state is JobState.FAILED
    assert status.error["type"] == "KilledWorker"
    assert "more memory than a worker has" in status.error["message"]
    assert "memory" in run.log()
    assert_tidy(run, cluster)


def test_wall_time_that_slurm_gave(door, gate, cluster):
    """As Slurm says it to a job when it begins; its shortest is a minute, this one is shorter."""
    run = door(setup=TIMES.format(seconds=12)).run(
        slow.gated, data=CO2, gate=str(gate), at="lab.debug"
    )
    status = run.wait(60).status()
    assert status.state is JobState.FAILED
    assert status.error["type"] == "WallTimeReached"
    assert "wall time reached" in status.message
    assert "the wall time is over in" in (Path(run.directory.path) / "events.jsonl").read_text()
    assert_tidy(run, cluster)


def test_limit_that_the_run_was_not_told(door, gate, cluster):
    """Slurm ends it, by a signal as that of a cancel; which it was is asked for."""
    run = start(door(), gate)
    cluster.run("scontrol", "update", f"JobId={job_of(run)}", "EndTime=now+1")
    status = run.wait(100).status()
    assert status.state is JobState.FAILED, status.message
    assert status.error["type"] == "WallTimeReached"
    assert_tidy(run, cluster)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_clock_of_the_site_that_is_an_hour_off(door, gate, cluster, lab_a, tmp_path, seconds):
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(
        f"import time\nright = time.time\ntime.time = lambda: right() + {seconds}\n"
    )
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH={tmp_path}/clock exec {lab_a.options["python"]} "$@"\n'
    )
    python.chmod(0o755)
    fed = door(python=str(python), setup=TIMES.format(seconds=600))
    run = start(fed, gate)
    told = run.status()
    assert told.state is JobState.ACTIVE
    assert abs(told.started - run.directory.fs.info(run.directory.path)["created"]) > 3000
    assert list(fed.reap()) == []
    gate.touch()
    assert_right(run)
    assert run.status().ended >= run.status().started
    assert_tidy(run, cluster, result=True)


KILLED = """
import os, sys
import portal
from portal.federation.directory import RunDirectory
from tests.drills import slow
write = RunDirectory.write
def killed(self, name, values):
    if name == sys.argv[3]:
        os.kill(os.getpid(), 9)
    write(self, name, values)
RunDirectory.write = killed
fed = portal.connect(home=sys.argv[1])
fed.run(slow.gated, data="ornl:mauna-loa-co2", gate=sys.argv[2], at="lab.debug", key="one")
"""


def killed_kernel(home: Path, gate: Path, name: str) -> None:
    """Ask for a run in a process that is killed when it would write a file."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(gate), name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_kernel_that_is_killed_before_anything_is_asked_for(door, gate, cluster, home):
    """What it has begun of a run is none; asked again with its key, one starts."""
    fed = door()
    before = set(cluster.states())
    killed_kernel(home, gate, RUN_JSON)
    assert set(cluster.states()) == before
    gate.touch()
    asked = [
        fed.run(slow.gated, data=CO2, gate=str(gate), at="lab.debug", key="one") for _ in range(2)
    ]
    run = asked[0]
    assert run.id == asked[1].id
    assert_right(run)
    assert {job_of(run)} == set(cluster.states()) - before
    directories = [*Path(run.directory.path).parent.glob("2*")]
    half = len(directories) == 2  # within the same second what was begun is taken on
    assert ("run.json" in str(fed.runs())) is half


def test_kernel_that_is_killed_before_it_notes_the_job(door, gate, cluster, home):
    fed = door()
    before = set(cluster.states())
    killed_kernel(home, gate, JOB_JSON)
    (run,) = fed.runs()
    assert run.directory.job() is None
    wait_until(lambda: run.state is JobState.ACTIVE)
    again = fed.run(slow.gated, data=CO2, gate=str(gate), at="lab.debug", key="one")
    assert again.id == run.id
    assert {job_of(run)} == set(cluster.states()) - before
    gate.touch()
    assert_right(run)
    assert_tidy(run, cluster, result=True)


def test_two_portals_follow_and_cancel_one_run(door, gate, cluster):
    run = start(door(), gate)
    (theirs,) = door().runs()
    assert theirs.status().progress.done >= 2
    theirs.cancel()
    assert [run.wait(60).state, theirs.state] == [JobState.CANCELED] * 2
    run.cancel()
    assert_tidy(run, cluster)


def test_disk_that_is_full(door, cluster, small_disk):
    fed = door(workspace=str(small_disk))
    run = fed.run(slow.bulky, data=CO2, at="lab.debug")
    status = run.wait(60).status()
    assert status.state is JobState.FAILED
    assert "No space left on device" in status.error["message"]
    assert_tidy(run, cluster)
    before = set(cluster.states())
    fill(small_disk)
    with pytest.raises(Unavailable, match="No space left on device"):
        fed.run(slow.bulky, data=CO2, at="lab.debug")
    assert set(cluster.states()) == before
    assert [one.id for one in fed.runs()] == [run.id]
