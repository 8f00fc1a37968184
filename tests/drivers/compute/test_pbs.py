"""The PBS compute driver: the conformance suite over slurm-wlm-torque's qsub, and what is its own.

OpenPBS and Torque are not to be installed here: what they print is as their manuals show it.
"""

from __future__ import annotations

import pytest

from portal.core.job import JobAttributes, JobSpec, JobState, Resources
from portal.drivers.compute.pbs import PbsCompute, PbsDialect
from portal.errors import InvalidConfig, InvalidParameter
from portal.testing.compute import ComputeTests
from tests.drivers.compute.jobs import sleeping, spec, until
from tests.site import needs

OPENPBS = """user ana
Job Id: 1234.pbs01
    Job_Name = 20261121T101500-mean-1a2b3c4d
    Job_Owner = ana@login1.lab.example
    job_state = Q
    queue = workq
    qtime = Sat Nov 21 10:15:00 2026
    Resource_List.ncpus = 64
    Resource_List.nodect = 2
    estimated.start_time = Sat Nov 21 11:00:00 2026
    comment = Not Running: Insufficient amount of resource: ncpus (R: 64 A: 0 T:
\t 128)
    Variable_List = PBS_O_HOME=/home/ana,PORTAL_JOB=portal:abc,
\tPBS_O_WORKDIR=/home/ana

Job Id: 1235.pbs01
    Job_Name = running
    Job_Owner = ana@login1.lab.example
    job_state = R
    exec_host = node1/0*32+node2/0*32
    stime = Sat Nov 21 10:16:00 2026

Job Id: 1236.pbs01
    Job_Name = somebody's
    Job_Owner = bob@login1.lab.example
    job_state = R
"""

TORQUE = """user ana
Job Id: 77.torque.lab.example
    Job_Name = j20261121T101500-mean-1a2b3c4d
    Job_Owner = ana@login1
    job_state = C
    exec_host = n1/0-3+n2/0-3
    exit_status = 271

Job Id: 78.torque.lab.example
    Job_Name = good
    Job_Owner = ana@login1
    job_state = C
    exit_status = 0
"""

QUEUES = """Queue: workq
    queue_type = Execution
    state_count = Transit:0 Queued:3 Held:1 Waiting:0 Running:2 Exiting:0 Begun:0
    enabled = True
    started = True

Queue: old
    enabled = True
    started = False

== nodes
node1
     Mom = node1.lab.example
     state = free
     resources_available.mem = 131072kb
     resources_available.ncpus = 32

node2
     state = offline
     resources_available.ncpus = 64
"""


class TestPbs(ComputeTests):
    @pytest.fixture
    def compute(self, lab_a, tmp_path):
        needs("qsub", "qstat", "qdel")
        return PbsCompute(**lab_a.options, workspace=str(tmp_path / "two words"), style="torque")

    def test_what_is_asked_for_arrives(self, compute, lab_a):
        wanted = Resources(node_count=2, cpu_cores_per_process=2, memory=200 * 2**20)
        attributes = JobAttributes(duration=61, queue_name="long")
        job = sleeping(name="20261121T101500-a-1", resources=wanted, attributes=attributes)
        job_id = compute.submit(job)
        until(compute, job_id, JobState.ACTIVE)
        told = lab_a.cluster.run("scontrol", "show", "job", job_id)
        for part in ("Partition=long", "NumNodes=2", "NumCPUs=4", "TimeLimit=00:02:00"):
            assert part in told
        assert set(compute.status(job_id).nodes) == {"a1", "a2"}
        (listed,) = [job for job in compute.jobs() if job.id == job_id]
        assert listed.name == "20261121T101500-a-1"
        compute.cancel(job_id)
        assert compute.status(job_id).state is JobState.CANCELED

    def test_hostile_names_and_wishes(self, compute, tmp_path):
        name = "a b'\"$(touch injected)`touch injected`\n; rm -rf x"
        directory = self.directory(compute)
        job_id = compute.submit(spec("true", name=name, directory=directory))
        until(compute, job_id, JobState.COMPLETED)
        for attributes in (
            JobAttributes(queue_name="debug; touch injected"),
            JobAttributes(account="$(touch injected)"),
            JobAttributes(custom_attributes={"filesystems": "home touch"}),
            JobAttributes(custom_attributes={"a b": "c"}),
        ):
            with pytest.raises(InvalidParameter, match="cannot be given to qsub"):
                compute.submit(spec("true", attributes=attributes))
        assert not list(tmp_path.rglob("injected"))

    def test_unknown_queue_is_refused(self, compute):
        with pytest.raises(InvalidParameter, match="invalid partition"):
            compute.submit(spec("true", attributes=JobAttributes(queue_name="no-such-queue")))

    def test_standing(self, compute, lab_a, tmp_path):
        standing = compute.standing()
        assert (standing.up, standing.nodes) == (True, 2)
        assert "2 of 2 nodes" in standing.text
        nowhere = PbsCompute(**lab_a.options, workspace=str(tmp_path), queue="x", style="torque")
        assert nowhere.standing().up is False


def command(style: str, **more) -> str:
    job = JobSpec("true", name="20261121T101500-a-1", **more)
    return " ".join(PbsDialect(style).submission(job, "portal:abc"))


def test_machines_are_asked_for_in_each_style():
    wanted = Resources(
        node_count=2,
        processes_per_node=4,
        cpu_cores_per_process=8,
        gpu_cores_per_process=1,
        memory=2**30,
        exclusive_node_use=True,
    )
    attributes = JobAttributes(
        duration=3661, account="x", custom_attributes={"filesystems": "home:eagle"}
    )
    told = command("openpbs", resources=wanted, attributes=attributes)
    assert (
        "-A x -l select=2:ncpus=32:mpiprocs=4:ngpus=4:mem=512mb,place=scatter:excl,"
        "walltime=01:01:01,filesystems=home:eagle" in told
    )
    assert "-N 20261121T101500-a-1 " in told
    assert "-v PORTAL_JOB=portal:abc -V" in told
    torque = command("torque", resources=wanted, attributes=attributes)
    assert "-l nodes=2:ppn=32:gpus=4,mem=1024mb,naccesspolicy=singlejob,walltime" in torque
    assert "-N j20261121T101500-a-1 " in torque
    assert "select=1:ncpus=1:mpiprocs=1" in command("openpbs")
    assert " -V" not in command("openpbs", inherit_environment=False)
    assert "-q R7" in command("openpbs", attributes=JobAttributes(reservation_id="R7"))
    with pytest.raises(InvalidConfig, match="style"):
        PbsDialect("slurm")


def test_openpbs_is_read():
    entries = PbsDialect().entries(OPENPBS)
    assert set(entries) == {"1234.pbs01", "1235.pbs01"}
    waiting, running = entries["1234.pbs01"], entries["1235.pbs01"]
    assert waiting.state is JobState.QUEUED
    assert waiting.message == (
        "it waits for machines that are in use "
        "(Insufficient amount of resource: ncpus (R: 64 A: 0 T: 128))"
    )
    assert waiting.mark == "portal:abc"
    assert (waiting.start, waiting.submitted) == (1795258800.0, 1795256100.0)
    assert (waiting.node_count, waiting.cores) == (2, 64)
    assert running.nodes == ("node1", "node2")
    assert running.start == 1795256160.0


def test_ends_are_read():
    dialect = PbsDialect("torque")
    entries = dialect.entries(TORQUE)
    killed, good = entries["77.torque.lab.example"], entries["78.torque.lab.example"]
    assert killed.name == "20261121T101500-mean-1a2b3c4d"
    assert (killed.state, killed.exit_code) == (JobState.FAILED, -15)
    assert good.state is JobState.COMPLETED
    lines = ["Job Id: 5.pbs", "Job_Name = x", "job_state = F", "Exit_status = 3"]
    ended = PbsDialect().accounted(lines)
    assert (ended.state, ended.exit_code) == (JobState.FAILED, 3)
    assert PbsDialect().accounted(["qstat: Unknown Job Id 5.pbs"]) is None
    over = PbsDialect().logged("=>> PBS: job killed: walltime 75 exceeded limit 60\n")
    assert "wall time" in over.message
    assert dialect.is_id("12[].torque.lab.example")
    assert not dialect.is_id("12; touch x")


def test_queues_and_nodes_are_read():
    standing = PbsDialect().stands(QUEUES, "workq")
    assert (standing.up, standing.queued, standing.running) == (True, 3, 2)
    assert (standing.nodes, standing.cores_per_node) == (2, 64)
    assert standing.memory_per_node == 128 * 2**20
    assert "1 of 2 nodes" in standing.text
    old = PbsDialect().stands(QUEUES, "old")
    assert not old.up
    assert "closed or stopped: old" in old.text
