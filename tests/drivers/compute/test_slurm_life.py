"""Jobs on a real Slurm cluster: why they wait, how they end, and what cannot be trusted."""

from __future__ import annotations

import stat
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.core.job import JobAttributes, JobState, Resources
from portal.drivers.compute import _slurm_words
from portal.drivers.compute.slurm import SlurmCompute
from portal.errors import InvalidParameter, Unavailable
from tests.drivers.compute.jobs import cluster, compute, sleeping, spec, until
from tests.drivers.compute.servers.slurm import Slurm
from tests.helpers import wait_until
from tests.site import open_directory

__all__ = ["cluster", "compute"]

WHOLE = Resources(node_count=2, exclusive_node_use=True)
HOSTILE = "a b'\"$(touch injected)`touch injected`\n; rm -rf x | \x1e7\x1fRUNNING\x1f%j %"


def test_waiting_is_explained(compute):
    first = compute.submit(sleeping(resources=WHOLE, attributes=JobAttributes(duration=600)))
    until(compute, first, JobState.ACTIVE)
    second = compute.submit(sleeping(resources=WHOLE))
    third = compute.submit(sleeping(resources=WHOLE))
    status = wait_until(
        lambda: (s := compute.status(second)).start and "Resources" in s.message and s
    )
    assert status.state is JobState.QUEUED
    assert "waits for machines" in status.message
    assert status.position == 1
    assert 0 < status.start - time.time() < 1200
    after = wait_until(lambda: (s := compute.status(third)) and "Priority" in s.message and s)
    assert (after.state, after.position) == (JobState.QUEUED, 2)
    assert set(compute.status(first).nodes) == {"a1", "a2"}
    compute.cancel(second)
    assert compute.status(second).state is JobState.CANCELED
    assert compute.status(third).position == 1


def test_reason_that_is_none_is_left_out():
    assert _slurm_words.why("None") == "the scheduler has not yet looked at it"
    assert _slurm_words.why("Resources").endswith("(Resources)")


def test_what_will_not_start_says_so(compute, cluster):
    held = compute.submit(sleeping(attributes=JobAttributes(custom_attributes={"hold": ""})))
    assert compute.status(held).state is JobState.HELD
    assert "its user holds it back" in compute.status(held).message
    after = JobAttributes(custom_attributes={"dependency": f"afterok:{held}"})
    dependent = compute.submit(sleeping(attributes=after))
    wait_until(lambda: "another job" in compute.status(dependent).message)
    many = compute.submit(sleeping(resources=Resources(node_count=99)))
    wait_until(lambda: "more than its queue has" in compute.status(many).message)
    long = compute.submit(sleeping(attributes=JobAttributes(duration=10**7)))
    wait_until(lambda: "more time than its queue gives" in compute.status(long).message)
    compute.cancel(held)
    assert compute.status(held).state is JobState.CANCELED


def test_job_that_another_cancelled(compute, cluster):
    job_id = compute.submit(sleeping())
    until(compute, job_id, JobState.ACTIVE)
    cluster.run("scancel", job_id)
    assert until(compute, job_id, JobState.CANCELED).message == "canceled"


def test_canceled_job_may_end_by_itself(compute, tmp_path):
    """It is asked to first; what it then writes is there."""
    script = "trap 'echo ended >last; exit 0' TERM; echo >ready; while :; do sleep 0.1; done"
    job_id = compute.submit(spec("sh", "-c", script, directory=str(tmp_path)))
    wait_until((tmp_path / "ready").exists)
    compute.cancel(job_id)
    assert (tmp_path / "last").read_text() == "ended\n"
    assert compute.status(job_id).state is JobState.CANCELED


def test_cancel_kills_what_does_not_listen(compute, tmp_path):
    script = "trap '' TERM; echo >ready; while :; do date >beat; sleep 0.1; done"
    job_id = compute.submit(spec("sh", "-c", script, directory=str(tmp_path)))
    wait_until((tmp_path / "ready").exists)
    compute.cancel(job_id)
    status = compute.status(job_id)
    assert (status.state, status.exit_code) == (JobState.CANCELED, -9)


def test_wrong_wishes_are_refused(compute):
    for more in (
        {"attributes": JobAttributes(queue_name="no-such-queue")},
        {"resources": Resources(memory=10**15)},
        {"attributes": JobAttributes(custom_attributes={"wrap": "touch injected"})},
        {"attributes": JobAttributes(custom_attributes={"no such": "x"})},
    ):
        with pytest.raises(InvalidParameter):
            compute.submit(sleeping(**more))
    assert compute.jobs() == []


def test_refused_key_may_be_used_again(compute):
    key = uuid.uuid4().hex
    with pytest.raises(InvalidParameter, match="partition"):
        compute.submit(sleeping(key=key, attributes=JobAttributes(queue_name="no-such-queue")))
    job_id = compute.submit(spec("true", key=key))
    until(compute, job_id, JobState.COMPLETED)


def test_resources_arrive(compute, cluster):
    wanted = Resources(
        node_count=2, processes_per_node=1, cpu_cores_per_process=2, memory=600 * 2**20
    )
    attributes = JobAttributes(duration=61, queue_name="long")
    job_id = compute.submit(sleeping(name="plain-name", resources=wanted, attributes=attributes))
    until(compute, job_id, JobState.ACTIVE)
    told = cluster.run("scontrol", "show", "job", job_id)
    for part in (
        "JobName=plain-name",
        "Partition=long",
        "NumNodes=2",
        "CPUs/Task=2",
        "MinMemoryNode=300M",
        "TimeLimit=00:02:00",
        "Requeue=0",
    ):
        assert part in told
    job = next(job for job in compute.jobs() if job.id == job_id)
    assert (job.name, job.nodes, job.cores, job.state) == ("plain-name", 2, 4, JobState.ACTIVE)
    assert job.submitted <= job.started <= time.time()


def test_hostile_names_do_no_harm(compute, cluster, tmp_path):
    ours = compute.submit(sleeping(name=HOSTILE, directory=str(tmp_path)))
    other = cluster.run(
        "sbatch", "--parsable", f"--job-name={HOSTILE}", "--output=/dev/null", "--wrap=sleep 300"
    ).strip()
    listed = {job.id: job for job in compute.jobs()}
    assert {ours, other} <= set(listed)
    assert listed[other].name.startswith("a b'\"$(touch injected)`touch injected`\n; rm -rf x | ")
    until(compute, ours, JobState.ACTIVE)
    assert not list(tmp_path.rglob("injected"))


def test_many_questions_are_one(lab_a, cluster, tmp_path):
    count = tmp_path / "count"
    counted = cluster.commands("counted", squeue=f'echo >>{count}; exec "$REAL" "$@"')
    options = lab_a.options | {"bin": str(counted)}
    compute = SlurmCompute(**options, workspace=str(tmp_path / "runs"))
    job_id = compute.submit(sleeping())
    until(compute, job_id, JobState.ACTIVE)
    count.unlink()
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: compute.status(job_id), range(200)))
    asked = len(count.read_text()) if count.exists() else 0
    assert asked <= 1 + (time.monotonic() - began) / 0.4


def test_setup_environment_and_files(compute, tmp_path, lab_a):
    compute = SlurmCompute(
        **lab_a.options,
        workspace=str(tmp_path / "runs"),
        setup="export FROM_SETUP='a b'\necho hello",
    )
    job = spec(
        "sh",
        "-c",
        'env >names; umask >mask; echo "$FROM_SETUP"',
        directory=str(tmp_path),
        stdout_path=str(tmp_path / "out %j %% 'x'"),
        environment={"MINE": "1"},
        inherit_environment=False,
    )
    until(compute, compute.submit(job), JobState.COMPLETED)
    out = tmp_path / "out %j %% 'x'"
    assert out.read_text() == "hello\na b\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    names = (tmp_path / "names").read_text()
    assert "MINE=1" in names
    assert "SLURM_JOB_ID=" in names
    assert "PYTEST_CURRENT_TEST" not in names
    record = Path(compute.workspace.root, ".jobs")
    assert stat.S_IMODE(record.stat().st_mode) == 0o700


def test_directory_that_is_not_there(compute):
    job_id = compute.submit(spec("true", directory="/no/such/directory"))
    status = until(compute, job_id, JobState.FAILED)
    assert "does not see /no/such/directory" in status.message


def test_controller_that_is_away_is_waited_for(lab_a, compute, cluster):
    job_id = compute.submit(sleeping())
    until(compute, job_id, JobState.ACTIVE)
    cluster.stop_controller()
    found = []
    fresh = SlurmCompute(**lab_a.options, workspace=compute.workspace.root)
    asking = threading.Thread(target=lambda: found.append(fresh.status(job_id)))
    try:
        asking.start()
        asking.join(0.5)
        assert asking.is_alive(), "an answer without a controller"
    finally:
        cluster.start_controller()
    asking.join(60)
    assert found[0].state is JobState.ACTIVE
    wait_until(lambda: cluster.states()[job_id] == "RUNNING")


def test_controller_that_stays_away_is_unavailable(lab_a, compute, tmp_path):
    """Its state is never guessed, and nothing is said to have been submitted."""
    job_id = compute.submit(sleeping())
    hasty = SlurmCompute(**lab_a.options, workspace=str(tmp_path / "runs"))
    hasty._site.patience = 0.1
    lab_a.cluster.stop_controller()
    try:
        with ThreadPoolExecutor(8) as pool:
            for asked in [pool.submit(hasty.status, job_id) for _ in range(8)]:
                with pytest.raises(Unavailable, match="does not answer"):
                    asked.result()
        with pytest.raises(Unavailable, match="did not take the job|does not answer"):
            hasty.submit(spec("true", key="later"))
    finally:
        lab_a.cluster.start_controller()
        lab_a.cluster.wait_idle()
    later = compute.submit(spec("true", key="later"))
    assert until(compute, later, JobState.COMPLETED)


def test_commands_that_are_not_there(lab_a, tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    for name in ("sbatch", "squeue"):
        (empty / name).write_text("#!/bin/sh\nexec no-such-program\n")
        (empty / name).chmod(0o755)
    compute = SlurmCompute(bin=str(empty), workspace=str(tmp_path / "runs"))
    with pytest.raises(Unavailable, match="`bin`"):
        compute.status("1")


def test_wall_time_and_a_scheduler_that_forgets(tmp_path):
    """How a job ended was noted by the job itself; where nothing was noted, nothing is claimed."""
    with open_directory("lab-m") as directory, Slurm(directory, "m") as cluster:
        compute = SlurmCompute(bin=str(cluster.bin), workspace=str(tmp_path / "runs"))
        late = compute.submit(sleeping(attributes=JobAttributes(duration=90)))
        script = "trap 'echo told >signal; exit 9' TERM; while :; do sleep 0.1; done"
        attributes = JobAttributes(duration=900)
        warned = compute.submit(
            spec("sh", "-c", script, directory=str(tmp_path), attributes=attributes)
        )
        gone = compute.submit(spec("sh", "-c", "kill -KILL $PPID"))
        for job_id in (late, warned):
            until(compute, job_id, JobState.ACTIVE)
        assert "TimeLimit=00:02:00" in cluster.run("scontrol", "show", "job", late)
        cluster.run("scontrol", "update", f"JobId={late}", "EndTime=now+1")
        cluster.run("scontrol", "update", f"JobId={warned}", "EndTime=now+50")
        good, bad = (compute.submit(spec("sh", "-c", f"exit {n}")) for n in (0, 3))
        until(compute, good, JobState.COMPLETED)
        until(compute, bad, JobState.FAILED)
        status = until(compute, warned, JobState.FAILED)
        assert (tmp_path / "signal").exists()
        assert status.exit_code == 9
        assert "wall time" in until(compute, late, JobState.FAILED).message

        until(compute, gone, JobState.FAILED)
        cluster.stop_controller()
        cluster.start_controller(forgetful=True)
        assert cluster.states() == {}
        assert compute.status(good).state is JobState.COMPLETED
        failed = compute.status(bad)
        assert (failed.state, failed.exit_code) == (JobState.FAILED, 3)
        assert "wall time" in compute.status(late).message
        killed = compute.status(gone)
        assert killed.state is JobState.FAILED
        assert "it started on m" in killed.message
        assert "was not noted" in killed.message
        never = compute.status("424242")
        assert never.state is JobState.FAILED
        assert "knows no job" in never.message


def test_standing(tmp_path):
    with open_directory("lab-s") as directory, Slurm(directory, "s") as cluster:
        compute = SlurmCompute(
            bin=str(cluster.bin), workspace=str(tmp_path / "runs"), queue="debug"
        )
        standing = compute.standing()
        assert (standing.up, standing.nodes, standing.cores_per_node) == (True, 2, 2)
        assert standing.memory_per_node == 4000 * 2**20
        assert (standing.queued, standing.running, standing.outages) == (0, 0, ())
        running = compute.submit(sleeping(resources=WHOLE))
        until(compute, running, JobState.ACTIVE)
        compute.submit(sleeping(resources=WHOLE))
        standing = compute.standing()
        assert (standing.queued, standing.running) == (1, 1)
        cluster.cancel_all()
        cluster.run(
            *("scontrol", "create", "reservation", "ReservationName=upgrade", "Users=root"),
            *("StartTime=now+1800", "Duration=60", "Nodes=ALL", "Flags=MAINT"),
        )
        cluster.run("scontrol", "update", "NodeName=s1", "State=DRAIN", "Reason=test")
        standing = compute.standing()
        assert standing.up
        assert "1 of 2 nodes" in standing.text
        assert "drain" in standing.text
        (outage,) = standing.outages
        assert outage.planned
        assert outage.down
        assert "upgrade" in outage.text
        assert 1700 < outage.start - time.time() < 1900
        assert outage.end - outage.start == 3600
        over = compute.submit(sleeping(attributes=JobAttributes(duration=3000)))
        wait_until(lambda: "for a maintenance" in compute.status(over).message)
        assert compute.status(over).state is JobState.QUEUED
        cluster.run("scontrol", "update", "PartitionName=debug", "State=DOWN")
        down = compute.standing()
        assert not down.up
        assert "not up" in down.text
        shares = "printf 'root||cpu=9\\n a|node=6000,cpu=9|cpu=240,node=120\\n b||cpu=1\\n'"
        with_shares = SlurmCompute(
            bin=str(cluster.commands("shares", sshare=shares)), workspace=str(tmp_path / "runs")
        )
        (allocation,) = with_shares.standing().allocations
        assert (allocation.account, allocation.unit) == ("a", "node_hours")
        assert (allocation.granted, allocation.used, allocation.left) == (100, 2, 98)
        nowhere = SlurmCompute(bin=str(cluster.bin), workspace=str(tmp_path / "runs"), queue="x")
        assert nowhere.standing().up is False
