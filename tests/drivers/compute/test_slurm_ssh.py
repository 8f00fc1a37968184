"""A Slurm cluster behind SSH: cut connections, ports of nodes, other users of the log-in node."""

from __future__ import annotations

import socket
import subprocess
import threading
import uuid
from pathlib import Path

import pytest

from portal.core.job import JobSpec, JobState, Resources
from portal.drivers.compute.slurm import SlurmCompute
from tests.drivers.compute.jobs import sleeping
from tests.drivers.compute.servers.relay import Relay
from tests.helpers import wait_until


@pytest.fixture
def compute(lab_b):
    compute = SlurmCompute(**lab_b.options)
    yield compute
    compute.transport.close()
    lab_b.cluster.cancel_all()


@pytest.fixture
def relay(lab_b):
    """What the network between here and the lab does."""
    with Relay(lab_b.sshd.port, lab_b.sshd.host) as relay:
        yield relay
    lab_b.cluster.cancel_all()


@pytest.fixture
def cut(lab_b, relay, tmp_path):
    """Make a driver that reaches the lab through the relay."""
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{relay.port} {lab_b.sshd.host_key}\n")
    there = {"host": "127.0.0.1", "port": relay.port, "known_hosts": str(known)}
    made = []

    def make(**more) -> SlurmCompute:
        made.append(SlurmCompute(**lab_b.options | there | more))
        return made[-1]

    yield make
    for compute in made:
        compute.transport.close()


def test_nodes_and_a_port_of_one(compute):
    code = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
connection.sendall(b"hello from the node")
"""
    directory = f"{compute.workspace.root}/{uuid.uuid4().hex}"
    compute.workspace.fs.makedirs(directory)
    out = f"{directory}/out"
    job_id = compute.submit(
        JobSpec(
            compute.python,
            ("-c", code),
            stdout_path=out,
            resources=Resources(node_count=2, processes_per_node=1),
        )
    )

    def port() -> str:
        fs = compute.workspace.fs
        return fs.cat_file(out).decode().strip() if fs.exists(out) else ""

    number = int(wait_until(port))
    assert set(compute.status(job_id).nodes) == {"b1", "b2"}
    with (
        compute.forward("127.0.0.1", number) as (host, here),
        socket.create_connection((host, here), timeout=20) as client,
    ):
        assert client.recv(100) == b"hello from the node"
    wait_until(lambda: compute.status(job_id).state is JobState.COMPLETED)


@pytest.mark.parametrize("sent", [1, 2000, 6000])
def test_cut_during_the_question_starts_one_job(cut, relay, lab_b, sent):
    compute = cut()
    assert compute.workspace.root
    before = set(lab_b.cluster.states())
    relay.sever_after(sent)
    key = uuid.uuid4().hex
    job_id = compute.submit(sleeping(key=key))
    assert compute.submit(sleeping(key=key)) == job_id
    assert set(lab_b.cluster.states()) - before == {job_id}


def test_cut_before_the_answer_starts_one_job(cut, relay, lab_b):
    """Slurm has taken the job when the connection breaks; its id is noted all the same."""
    before = set(lab_b.cluster.states())
    slow = lab_b.cluster.commands("slow", sbatch='"$REAL" "$@"; code=$?; sleep 1; exit $code')
    compute = cut(bin=str(slow))
    found: list[str] = []
    key = uuid.uuid4().hex
    asking = threading.Thread(target=lambda: found.append(compute.submit(sleeping(key=key))))
    asking.start()
    wait_until(lambda: set(lab_b.cluster.states()) - before)
    relay.sever()
    asking.join(60)
    assert len(found) == 1
    assert set(found) == set(lab_b.cluster.states()) - before


def test_another_user_sees_nothing_of_it(compute, site_users, lab_b):
    """Neither the records, nor a secret of the environment in the list of processes or the queue."""
    secret = f"secret-{uuid.uuid4().hex}"
    job_id = compute.submit(sleeping(environment={"PORTAL_TEST_SECRET": secret}))
    wait_until(lambda: compute.status(job_id).state is JobState.ACTIVE)
    records = f"{compute.workspace.root}/.jobs"
    other = ["setpriv", "--init-groups", "--reuid", site_users[1], "--regid", site_users[1]]

    def seen(*command: str) -> str:
        done = subprocess.run([*other, *command], capture_output=True, text=True, check=False)
        return done.stdout

    assert Path(records).is_dir()
    assert seen("ls", records) == ""
    assert secret not in seen("ps", "-e", "-o", "args")
    assert secret not in seen(f"{lab_b.cluster.bin}/scontrol", "show", "job", "-dd", job_id)
    bare = Path(records, f"id-{job_id}").resolve()
    assert not [p for p in bare.rglob("*") if p.stat().st_mode & 0o077]
