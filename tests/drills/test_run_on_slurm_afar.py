"""Faults of the way to a Slurm cluster that is reached by SSH only, amid whole runs."""

from __future__ import annotations

import json
import threading
import time
import uuid

import numpy as np
import pytest

import portal
from portal.core.job import JobState
from portal.federation.patience import TRANSIENT
from tests.drills import slow
from tests.drivers.compute.servers.relay import Relay
from tests.helpers import wait_until
from tests.site import open_directory

CO2 = "ornl:mauna-loa-co2"


@pytest.fixture
def cluster(lab_b):
    yield lab_b.cluster
    lab_b.cluster.cancel_all()


@pytest.fixture
def relay(lab_b):
    """What the network between here and the laboratory does."""
    with Relay(lab_b.sshd.port, lab_b.sshd.host) as relay:
        yield relay


@pytest.fixture
def fed(home, lab_b, cluster, relay, tmp_path):
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{relay.port} {lab_b.sshd.host_key}\n")
    options = lab_b.options | {
        "host": "127.0.0.1",
        "port": relay.port,
        "known_hosts": str(known),
        "workspace": f"~/{uuid.uuid4().hex}",
    }
    (home / "facilities").mkdir(parents=True)
    (home / "facilities/lab.toml").write_text(
        'name = "Laboratory"\n[compute.debug]\ndriver = "slurm"\n'
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
    )
    with portal.connect(home=home) as federation:
        yield federation
        federation.registry.compute("lab.debug")[1].transport.close()


@pytest.fixture
def gate():
    """A file that is not there yet, and that every user would see."""
    with open_directory("gate") as directory:
        yield directory / "gate"


def ask(fed, gate, **more):
    return fed.run(slow.gated, data=CO2, gate=str(gate), at="lab.debug", **more)


def done(run) -> int:
    progress = run.status().progress
    return progress.done if progress else 0


def patiently(question):
    """Ask until the laboratory answers."""

    def asked():
        try:
            return (question(),)
        except TRANSIENT:
            return None

    (answer,) = wait_until(asked)
    return answer


def assert_right(run) -> None:
    assert run.wait(60).state is JobState.COMPLETED, run.log()
    np.testing.assert_array_equal(patiently(lambda: run.result().x.values), np.arange(8) + 1)


def test_cuts_while_runs_are_submitted(fed, gate, relay, cluster):
    """At any byte of it: of the run directory, the job, its number."""
    gate.touch()
    before = set(cluster.states())
    runs = [ask(fed, gate, key="first")]
    began = relay.sent
    runs.append(ask(fed, gate, key="whole"))
    whole = relay.sent - began
    for part in (0.1, 0.5, 0.8):
        began = relay.sent
        relay.sever_after(int(part * whole))
        runs.append(patiently(lambda part=part: ask(fed, gate, key=f"cut at {part}")))
        assert relay.sent - began > part * whole
    for run in runs:
        assert_right(run)
    assert set(cluster.states()) - before == {run.directory.job()[1] for run in runs}
    assert len({run.id for run in runs}) == 5


def test_cuts_and_restarts_while_it_runs_and_is_fetched(
    fed, gate, relay, cluster, lab_b, home, tmp_path
):
    """Two portals follow it: to each, what was missed is told when the way is there again."""
    before = set(cluster.states())
    run = ask(fed, gate)
    wait_until(lambda: done(run) >= 2)
    with portal.connect(home=home) as other:
        theirs = patiently(lambda: other.get_run(run.id))
        told: list[JobState] = []
        follow = threading.Thread(target=lambda: told.extend(s.state for s in theirs.follow()))
        follow.start()
        relay.sever()
        assert patiently(lambda: done(run)) >= 2
        with relay.frozen():
            time.sleep(1)
        lab_b.sshd.restart()
        cluster.stop_controller()
        try:
            gate.touch()
        finally:
            cluster.start_controller()
        assert_right(run)
        follow.join(60)
        assert told[-1] is JobState.COMPLETED
        other.registry.compute("lab.debug")[1].transport.close()
    relay.sever_after(relay.sent // 100 + 3_000)
    got = run.fetch(tmp_path / "mine.zarr")
    assert got.compared
    assert set(cluster.states()) - before == {run.directory.job()[1]}
    wait_until(lambda: not cluster.run("squeue", "-h").strip())


def test_cancel_is_heard_though_the_way_is_cut(fed, gate, relay, cluster):
    run = ask(fed, gate)
    wait_until(lambda: done(run) >= 2)
    relay.sever_after(1_000)
    patiently(run.cancel)
    assert run.state is JobState.CANCELED
    wait_until(lambda: not cluster.run("squeue", "-h").strip())
