"""An interactive cluster at a laboratory that is reached by SSH only, as an ordinary user."""

from __future__ import annotations

import json
import shlex
import ssl
import subprocess

import pytest

import portal
from portal.core.cluster import CLUSTER, TLS, TLS_PEM, Contact
from portal.core.job import JobState, Resources
from tests.helpers import wait_until


@pytest.fixture(scope="module")
def fed(tmp_path_factory, lab_b):
    home = tmp_path_factory.mktemp("home")
    (home / "facilities").mkdir()
    options = "\n".join(f"{name} = {json.dumps(value)}" for name, value in lab_b.options.items())
    (home / "facilities/labb.toml").write_text(
        f'name = "Laboratory B"\n[compute.debug]\ndriver = "slurm"\n{options}\n'
    )
    with portal.connect(home=home) as federation:
        yield federation
    lab_b.cluster.cancel_all()
    federation.registry.compute("labb.debug")[1].transport.close()


@pytest.fixture(scope="module")
def cluster(fed):
    asked = Resources(node_count=2, processes_per_node=1, cpu_cores_per_process=1)
    with fed.cluster(at="labb.debug", resources=asked) as cluster:
        yield cluster


def test_computes_there(cluster, lab_b):
    import getpass

    wait_until(lambda: cluster.state()["workers"] == 2)
    assert cluster.client.submit(getpass.getuser).result() == lab_b.user
    told = Contact.from_dict(cluster.run.directory.read(CLUSTER))
    assert set(told.nodes) == {"b1", "b2"}
    assert f":{told.port}" not in cluster.client.scheduler.address, "the port is a forwarded one"


def test_dashboard_is_reached(cluster):
    import http.client

    with cluster.dashboard_server() as (host, port, context):
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=30)
        connection.request("GET", "/status")
        assert connection.getresponse().status == 200
        connection.close()
        stranger = ssl.create_default_context()
        stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, context=stranger, timeout=30)
        with pytest.raises((ssl.SSLError, OSError)):  # noqa: PT012
            connection.request("GET", "/status")
            connection.getresponse()
        connection.close()


def test_another_user_there_can_neither_read_the_key_nor_see_it(cluster, site_users):
    key = cluster.run.directory.file(f"{TLS}/{TLS_PEM}")
    assert cluster.run.directory.fs.cat_file(key)
    other = site_users[1]
    done = subprocess.run(
        ["runuser", "-u", other, "--", "sh", "-c", f"cat {shlex.quote(key)}; ps -ef -ww"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Permission denied" in done.stderr
    assert cluster.id in done.stdout, "the job's processes are in the list"
    assert "PRIVATE KEY" not in done.stdout


def test_is_found_again_and_closed(fed, cluster, lab_b):
    again = fed.cluster(run_id=cluster.id)
    assert again.client.submit(sum, [1, 2]).result() == 3
    again.close()
    assert cluster.run.state is JobState.COMPLETED
    wait_until(lambda: not lab_b.cluster.run("squeue", "-h").strip())
    assert not cluster.run.directory.fs.exists(cluster.run.directory.file(TLS))
