"""One key starts one Slurm job, whatever is killed, cut or timed out meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portal.core.job import JobState
from portal.drivers.compute.slurm import SlurmCompute
from tests.drivers.compute.jobs import cluster, compute, sleeping, spec, until
from tests.helpers import wait_until

__all__ = ["cluster", "compute"]


def test_four_at_once_start_one_job(compute, cluster):
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: compute.submit(sleeping(key=key)), range(4)))
    assert len(found) == 1
    assert len(cluster.states()) - len({*cluster.states()} - found) == 1


def test_job_whose_submitter_died_is_found(lab_a, cluster, tmp_path):
    """Slurm has taken the job, and who asked was killed before it could note the id."""
    once = f'"$REAL" "$@" >/dev/null; [ -e {tmp_path}/died ] || {{ : >{tmp_path}/died; kill -9 $PPID; }}'
    options = lab_a.options | {"bin": str(cluster.commands("once", sbatch=once))}
    compute = SlurmCompute(**options, workspace=str(tmp_path / "runs"))
    before = set(cluster.states())
    job_id = compute.submit(sleeping(key="one"))
    assert set(cluster.states()) - before == {job_id}
    assert compute.submit(sleeping(key="one")) == job_id
    assert compute.status(job_id).state in (JobState.QUEUED, JobState.ACTIVE)


def test_answer_that_was_lost_is_asked_for_again(lab_a, cluster, tmp_path):
    """As when the controller takes a job and times out: sbatch fails, and the job is there."""
    lost = (
        '"$REAL" "$@" >/dev/null; echo "sbatch: error: Batch job submission failed: Socket timed '
        'out on send/recv operation" >&2; exit 1'
    )
    options = lab_a.options | {"bin": str(cluster.commands("lost", sbatch=lost))}
    compute = SlurmCompute(**options, workspace=str(tmp_path / "runs"))
    before = set(cluster.states())
    job_id = compute.submit(sleeping(key="one"))
    assert set(cluster.states()) - before == {job_id}


def test_second_job_of_a_key_does_not_run(compute, cluster, tmp_path):
    """Were one key's job submitted twice in spite of all, the second would not run the program."""
    job_id = compute.submit(spec("sh", "-c", "echo ran >>ran", key="one", directory=str(tmp_path)))
    until(compute, job_id, JobState.COMPLETED)
    record = Path(compute.workspace.root, ".jobs", "one")
    again = cluster.run("sbatch", "--parsable", "--output=/dev/null", f"{record}/claim.0/batch")
    wait_until(lambda: cluster.states()[again.strip()] == "FAILED")
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert compute.status(job_id).state is JobState.COMPLETED


def test_submission_outlives_who_waits_for_it(lab_a, cluster, tmp_path):
    """The one who waits is killed while sbatch is asked; the job is noted all the same."""
    slow = f': >{tmp_path}/asked; sleep 1; exec "$REAL" "$@"'
    options = lab_a.options | {"bin": str(cluster.commands("slow", sbatch=slow))}
    compute = SlurmCompute(**options, workspace=str(tmp_path / "runs"))
    code = f"""
from portal.core.job import JobSpec
from portal.drivers.compute.slurm import SlurmCompute
SlurmCompute(**{options!r}, workspace={str(tmp_path / "runs")!r}).submit(JobSpec("sleep", ("300",), key="one"))
"""
    before = set(cluster.states())
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    wait_until((tmp_path / "asked").exists)
    os.killpg(process.pid, 9)
    process.wait()
    job_id = compute.submit(sleeping(key="one"))
    assert set(cluster.states()) - before == {job_id}
