"""Runs and clusters on several machines of a job, on a real Slurm cluster."""

from __future__ import annotations

import json
import stat
import tempfile
from pathlib import Path

import pytest
import xarray as xr

import portal
from portal.core.analysis import analysis
from portal.core.cluster import CLUSTER, TLS, TLS_PEM, Contact
from portal.core.job import JobState, Resources
from portal.core.run import RESULT
from portal.errors import PortalError
from portal.runner.nodes import Nodes, address, allotted
from tests.helpers import wait_until

TWO = Resources(node_count=2, processes_per_node=1, cpu_cores_per_process=1)
PBS = {"PBS_NODEFILE": "", "PATH": "/usr/bin", "PORTAL_INTERFACE": "hsn0", "SECRET": "x"}


def test_without_a_job_there_is_this_machine_alone():
    nodes = Nodes.of_job({})
    assert nodes.others == ()
    assert address({}, nodes) == "127.0.0.1"
    assert allotted({}, 8, 100) == (8, 100)


def test_job_has_what_its_scheduler_says():
    assert allotted({"SLURM_CPUS_ON_NODE": "4", "SLURM_MEM_PER_NODE": "2"}, 8, 2**30) == (4, 2**21)
    assert allotted({"NCPUS": "16"}, 8, 2**30) == (8, 2**30)
    assert allotted({"SLURM_CPUS_ON_NODE": "odd", "SLURM_MEM_PER_NODE": "0"}, 8, 9) == (8, 9)


def test_command_on_another_machine_of_pbs(tmp_path):
    """No words of it are read by a shell, and it is given what it needs to find Python."""
    listed = tmp_path / "nodes"
    listed.write_text("n1\nn1\nn2\nn2\n")
    environ = PBS | {"PBS_NODEFILE": str(listed)}
    nodes = Nodes("n1", ("n2",), "pbsdsh")
    command = nodes.command("n2", ["python", "a b"], environ)
    assert command[:4] == ["pbsdsh", "-n", "2", "--"]
    assert command[4:] == [
        "/usr/bin/env",
        "PATH=/usr/bin",
        "PORTAL_INTERFACE=hsn0",
        "python",
        "a b",
    ]


def test_command_on_another_machine_of_slurm():
    nodes = Nodes("n1", ("n2",), "srun")
    command = nodes.command("n2", ["python", "a b"], {})
    assert command[0] == "srun"
    assert "--nodelist=n2" in command
    assert command[-2:] == ["python", "a b"]
    kept = nodes.environment({"SLURM_MEM_PER_CPU": "1", "SLURM_JOB_ID": "2", "SLURM_NTASKS": "3"})
    assert kept == {"SLURM_JOB_ID": "2"}


@analysis
def where(data: xr.Dataset, *, gate: str) -> xr.Dataset:
    """The machines on which its tasks ran, once a file is there."""
    import os
    import time

    import dask.array as da

    def node(block):
        while not Path(gate).exists():
            time.sleep(0.1)
        time.sleep(0.1)
        return block * 0 + int(os.environ["SLURMD_NODENAME"][-1])

    return xr.Dataset({"node": ("n", da.arange(60, chunks=1).map_blocks(node, dtype=int))})


@pytest.fixture
def slurm(lab_a):
    yield lab_a.cluster
    lab_a.cluster.cancel_all()


@pytest.fixture
def fed(home, lab_a, slurm):
    """A federation with the cluster as a facility."""
    home.joinpath("facilities").mkdir(parents=True)
    (home / "facilities/lab.toml").write_text(
        f"""\
name = "Laboratory"
[compute.debug]
driver = "slurm"
workspace = "{home}/there"
python = "{lab_a.options["python"]}"
bin = "{lab_a.options["bin"]}"
"""
    )
    with portal.connect(home=home) as federation:
        yield federation


def steps(slurm) -> list[str]:
    """The steps of jobs, but for that of the batch script."""
    told = slurm.run("squeue", "-hs", "-o%i", check=False).split()
    return [step for step in told if step.rpartition(".")[2].isdecimal()]


class TestAnalysis:
    def test_tasks_run_on_every_machine_and_a_lost_step_is_replaced(self, fed, slurm, tmp_path):
        gate = tmp_path / "gate"
        run = fed.run(
            where, data="ornl:mauna-loa-co2", gate=str(gate), at="lab.debug", resources=TWO
        )
        directory = Path(run.directory.path)

        def workers():
            progress = run.status().progress
            return progress.workers if progress else 0

        wait_until(lambda: workers() == 2)
        key = directory / TLS / TLS_PEM
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        (step,) = wait_until(lambda: steps(slurm))
        slurm.run("scancel", step)
        wait_until(lambda: workers() == 1)
        wait_until(lambda: workers() == 2)
        gate.touch()
        with run.result(timeout=120) as found:
            assert set(found.node.values) == {1, 2}
        assert "started anew" in (directory / "events.jsonl").read_text()
        assert not (directory / TLS).exists()
        assert not (directory / CLUSTER).exists()
        assert not list(Path(tempfile.gettempdir()).glob(f"portal-{run.id}-*"))
        wait_until(lambda: not slurm.run("squeue", "-h").strip())


class TestCluster:
    def test_workers_on_two_machines_are_scaled_and_replaced(self, fed, slurm):
        cluster = fed.cluster(at="lab.debug", resources=TWO)
        client = cluster.client
        wait_until(lambda: cluster.state()["workers"] == 2)
        contact = Contact.from_dict(
            json.loads((Path(cluster.run.directory.path) / CLUSTER).read_text())
        )
        assert contact.capacity == 2
        assert set(contact.nodes) == {"a1", "a2"}
        cluster.scale(1)
        wait_until(lambda: cluster.state()["workers"] == 1)
        cluster.scale(2)
        wait_until(lambda: cluster.state()["workers"] == 2)

        (step,) = steps(slurm)
        slurm.run("scancel", step)
        wait_until(lambda: cluster.state()["workers"] == 1)
        wait_until(lambda: cluster.state()["workers"] == 2)
        assert client.submit(sum, [1, 2]).result() == 3

        job = cluster.run.directory.job()[1]
        cluster.close()
        assert cluster.run.state is JobState.COMPLETED
        wait_until(lambda: fed.registry.compute("lab.debug")[1].status(job).state.final)
        wait_until(lambda: not slurm.run("squeue", "-h").strip())

    def test_scancelled_job_is_told(self, fed, slurm):
        cluster = fed.cluster(at="lab.debug", workers=1).wait(60)
        slurm.cancel_all()
        with pytest.raises(PortalError, match="has ended"):
            wait_until(lambda: cluster.wait(1) and False)


def test_more_machines_than_there_are_is_said(tmp_path):
    """Outside a batch job nothing starts workers elsewhere: the run says so, and goes on."""
    from tests.runner.make_run import start

    run = start(tmp_path, where_here, resources=Resources(node_count=2, process_count=2))
    assert run.finish().state is JobState.COMPLETED
    assert run.said("2 machines were asked for")
    assert (run.directory / RESULT).exists()


@analysis
def where_here(data: xr.Dataset) -> xr.Dataset:
    """Takes a mean."""
    return data.mean()
