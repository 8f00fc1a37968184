"""Interactive clusters on this machine: real processes, from the first client to the last."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import portal
from portal.core.cluster import CLUSTER, TLS, TLS_PEM, ClusterSpec, Contact
from portal.core.job import JobState, Resources
from portal.core.run import RUN_JSON
from portal.errors import InvalidParameter, RunFailed, RunNotFinished, Unavailable, UnknownRun
from tests.helpers import wait_until


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    with portal.connect(home=tmp_path_factory.mktemp("home")) as federation:
        yield federation
        for run in federation.runs():
            run.cancel()


@pytest.fixture(scope="module")
def cluster(fed):
    with fed.cluster(workers=2, resources=Resources(cpu_cores_per_process=1)) as cluster:
        yield cluster


def directory(cluster) -> Path:
    return Path(cluster.run.directory.path)


def workers(cluster) -> dict[str, int]:
    """The process ids of the workers, by address."""
    return cluster.client.run(os.getpid, on_error="ignore")


def all_there(cluster, count):
    wait_until(lambda: cluster.state()["workers"] == count)
    return True


def test_computes(cluster):
    client = cluster.client
    assert client.submit(sum, range(101)).result() == 5050
    assert len(workers(cluster)) == 2
    assert client.dashboard_link == cluster.dashboard
    assert cluster.dashboard.endswith(f"/portal/api/dashboards/{cluster.id}/status")
    assert cluster.dashboard in client._repr_html_()


def test_arrays_are_computed_there(cluster):
    import dask.array as da

    here = os.getpid()
    assert cluster.client.submit(os.getpid).result() != here
    assert da.ones((1000, 1000), chunks=(100, 1000)).sum().compute() == 1_000_000


def test_says_where_it_is(cluster):
    contact = Contact.from_dict(json.loads((directory(cluster) / CLUSTER).read_text()))
    assert contact.capacity == 2
    assert contact.host == "127.0.0.1"
    text = repr(cluster)
    assert f"tls://127.0.0.1:{contact.port}" in text
    assert "at: local.default" in text
    assert "workers: 2 of 2" in text
    assert cluster.dashboard in cluster._repr_html_()


def test_is_a_run_among_the_others(fed, cluster):
    assert cluster.id in [run.id for run in fed.runs()]
    run = fed.get_run(cluster.id)
    assert run.state is JobState.ACTIVE
    assert run.title == "Interactive cluster"
    values = json.loads((directory(cluster) / RUN_JSON).read_text())
    assert values["analysis"]["code"] == "none"
    assert values["cluster"] == {"idle": 1800.0, "linger": 300.0, "adapt": None}
    with pytest.raises(InvalidParameter, match=r"no result.*fed\.cluster"):
        run.result()


def test_is_found_again(fed, cluster):
    again = fed.cluster(run_id=cluster.id)
    try:
        assert again.client.submit(sum, [1, 2]).result() == 3
        assert again.client.scheduler.address == cluster.client.scheduler.address
    finally:
        again.disconnect()
    assert cluster.client.submit(sum, [3, 4]).result() == 7


def test_scales_within_its_job(cluster):
    cluster.scale(1)
    assert all_there(cluster, 1)
    cluster.scale(2)
    assert all_there(cluster, 2)
    with pytest.raises(InvalidParameter, match=r"at most 2 workers. Found: 3"):
        cluster.scale(3)
    with pytest.raises(InvalidParameter, match="the smaller one first"):
        cluster.adapt(2, 1)


def test_results_survive_fewer_workers(cluster):
    futures = cluster.client.map(lambda number: number * 2, range(20))
    cluster.client.gather(futures)
    cluster.scale(1)
    assert all_there(cluster, 1)
    assert cluster.client.gather(futures) == [number * 2 for number in range(20)]
    cluster.scale(2)
    assert all_there(cluster, 2)


def test_follows_the_load(cluster):
    cluster.adapt(1, 2)
    assert all_there(cluster, 1)
    naps = cluster.client.map(lambda _: time.sleep(0.2), range(100), pure=False)
    assert all_there(cluster, 2)
    cluster.client.cancel(naps)
    del naps
    assert all_there(cluster, 1)
    cluster.scale(2)
    assert all_there(cluster, 2)


def test_killed_worker_is_replaced(cluster):
    before = workers(cluster)
    victim = next(iter(before.values()))
    os.kill(victim, signal.SIGKILL)

    def replaced():
        now = set(workers(cluster).values())
        return len(now) == 2 and victim not in now

    wait_until(replaced)
    assert cluster.client.submit(sum, [1, 2, 3]).result() == 6


def test_retired_worker_is_replaced(cluster):
    """Its keeper ends as well, so that nothing restarts it but the cluster."""
    (address, *_) = workers(cluster)
    cluster.client.retire_workers([address])

    def replaced():
        now = workers(cluster)
        return len(now) == 2 and address not in now

    wait_until(replaced)


def test_key_is_closed_to_other_users(cluster):
    place = directory(cluster)
    for path, mode in ((place, 0o700), (place / TLS, 0o700), (place / TLS / TLS_PEM, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path
    holders = [p for p in place.rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
    assert holders == [place / TLS / TLS_PEM]
    leader = psutil.Process(int(cluster.run.directory.job()[1].partition("-")[0]))
    for process in (leader, *leader.children(recursive=True)):
        assert "PRIVATE KEY" not in " ".join(process.cmdline())
        assert "PRIVATE KEY" not in str(process.environ())


def test_another_user_cannot_read_the_key(cluster):
    """As nobody: neither the run directory nor, by its path, the key."""
    key = directory(cluster) / TLS / TLS_PEM
    program = "import os, sys; os.setgid(65534); os.setuid(65534); open(sys.argv[1]).read()"
    done = subprocess.run(
        ["/usr/bin/python3", "-c", program, str(key)], capture_output=True, text=True, check=False
    )
    assert "PermissionError" in done.stderr


def test_stranger_is_refused_at_every_port(cluster):
    from distributed.comm import connect
    from distributed.security import Security

    leader = psutil.Process(int(cluster.run.directory.job()[1].partition("-")[0]))
    family = [leader, *leader.children(recursive=True)]
    listening = {
        c.laddr
        for process in family
        for c in process.net_connections(kind="tcp")
        if c.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    contact = Contact.from_dict(json.loads((directory(cluster) / CLUSTER).read_text()))
    ports = {address.port for address in listening}
    assert {contact.port, contact.dashboard} < ports
    stranger = Security.temporary().get_connection_args("client")

    async def knock(port):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=stranger["ssl_context"]
        )
        writer.write(b"GET /status HTTP/1.0\r\n\r\n")
        try:
            return await reader.read(10)
        finally:
            writer.close()

    for port in ports:
        with pytest.raises(OSError):
            asyncio.run(connect(f"tls://127.0.0.1:{port}", timeout=3, **stranger))
        with pytest.raises((ssl.SSLError, OSError)):
            asyncio.run(knock(port))


def test_close_leaves_nothing_but_the_directory(fed):
    cluster = fed.cluster(workers=1)
    leader = psutil.Process(int(cluster.run.directory.job()[1].partition("-")[0]))
    cluster.wait()
    family = [leader, *leader.children(recursive=True)]
    cluster.close()
    assert cluster.run.state is JobState.COMPLETED
    assert cluster.run.status().message == "closed"
    psutil.wait_procs(family, timeout=10)
    assert not [process for process in family if process.is_running()]
    assert not (directory(cluster) / TLS).exists()
    assert not list(Path("/tmp").glob(f"portal-{cluster.id}-*"))
    with pytest.raises(RunFailed, match="has ended: closed"):
        cluster.client  # noqa: B018
    with pytest.raises(Unavailable, match=r"key .* has gone"):
        cluster.security()


def test_ends_when_idle(fed):
    cluster = fed.cluster(workers=1, idle=1.0)
    status = cluster.run.wait(60).status()
    assert status.state is JobState.COMPLETED
    assert status.message == "ended after 1 s without a task"
    assert not (directory(cluster) / TLS).exists()


def test_is_not_idle_while_tasks_run(fed):
    with fed.cluster(workers=1, idle=1.0) as cluster:
        slow = cluster.client.submit(time.sleep, 3)
        assert slow.result() is None
        assert cluster.run.state is JobState.ACTIVE
        wait_until(lambda: cluster.run.state.final)


ATTACH = """
import sys, time
import portal
fed = portal.connect(home=sys.argv[1])
cluster = fed.cluster(run_id=sys.argv[2])
print(cluster.client.submit(sum, [1, 2]).result(), flush=True)
time.sleep(600)
"""


def attached(fed, cluster) -> subprocess.Popen[str]:
    """Another process that has the cluster's client."""
    process = subprocess.Popen(
        [sys.executable, "-c", ATTACH, str(fed.home.path), cluster.id],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "3\n"
    return process


def test_outlives_a_killed_client_and_ends_when_none_comes_back(fed):
    cluster = fed.cluster(workers=1, linger=4.0)
    with attached(fed, cluster) as kernel:
        kernel.kill()
    assert cluster.client.submit(sum, [3, 4]).result() == 7, "it lingers, and is attached to again"
    cluster.disconnect()
    status = cluster.run.wait(60).status()
    assert status.state is JobState.COMPLETED
    assert status.message == "ended 4 s after its last client had gone"


def test_cancel_is_told_as_one(fed):
    cluster = fed.cluster(workers=1).wait(60)
    cluster.run.cancel()
    assert cluster.run.state is JobState.CANCELED
    assert not (directory(cluster) / TLS).exists()
    cluster.close()


def test_what_cannot_be_had_is_refused_before_anything_is_queued(fed):
    before = len(fed.runs())
    for wrong in ({"idle": 0}, {"linger": -1}, {"workers": 0}, {"adapt": (3, 2)}):
        with pytest.raises(InvalidParameter):
            fed.cluster(**wrong)
    with pytest.raises(UnknownRun):
        fed.cluster(run_id="no-such-run")
    assert len(fed.runs()) == before


def test_run_of_an_analysis_is_no_cluster(fed):
    from portal.sample.analyses import warming

    run = fed.run(warming, scenario="metoffice:a1b-north-america", at="local")
    with pytest.raises(InvalidParameter, match="no interactive cluster"):
        fed.cluster(run_id=run.id)
    run.cancel()


def test_waiting_has_an_end(fed):
    cluster = fed.cluster(workers=1)
    with pytest.raises(RunNotFinished, match="is not ready"):
        cluster.wait(0)
    cluster.close()
    assert cluster.run.state.final


def test_is_kept_in_run_json():
    spec = ClusterSpec(60, 30, (1, 4))
    assert ClusterSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
