"""A run on a machine over SSH, through the door: cuts, a restarted sshd, a portal that starts anew."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray as xr

import portal
from portal.core.job import JobState
from portal.errors import Unavailable
from tests.drivers.compute.servers.relay import Relay
from tests.drivers.compute.servers.sshd import Sshd
from tests.helpers import wait_until
from tests.site import open_directory


@portal.analysis
def doubled(data: xr.Dataset, *, naps: int = 0) -> xr.Dataset:
    """Twice the data, slowly."""
    import time

    import dask.array as da

    def nap(block):
        time.sleep(0.2)
        return block

    lazy = da.arange(naps, chunks=1).map_blocks(nap, dtype=int)
    return xr.Dataset({"x": data.x * 2, "naps": ("n", lazy)})


@pytest.fixture(scope="module")
def sshd():
    with open_directory("sshd") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture
def relay(sshd):
    with Relay(sshd.port) as relay:
        yield relay


@pytest.fixture
def make(home, sshd, relay, site_users, site_python):
    """Open portals with a facility whose data and machine lie behind the SSH connection."""
    options = sshd.options(site_users[0], relay.port)
    options |= {"workspace": f"~/{uuid.uuid4().hex}", "python": site_python}
    with open_directory("data") as data:
        made = xr.Dataset({"x": (("t", "y"), np.arange(20_000.0).reshape(4, -1))})
        made.to_netcdf(data / "numbers.nc", engine="h5netcdf")
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        (home / "facilities").mkdir(parents=True)
        (home / "facilities" / "there.toml").write_text(
            f'name = "There"\n[catalog.data]\ndriver = "folder"\npath = "{data}"\n'
            '[compute.host]\ndriver = "ssh"\n' + "\n".join(lines) + "\n"
        )
        portals = []

        def make():
            portals.append(portal.connect(home=home))
            return portals[-1]

        yield make
        for one in portals:
            one.close()


def start(fed, **parameters):
    (item,) = fed.search("numbers")
    return fed.run(doubled, data=item, at="there.host", **parameters)


def done(run):
    progress = run.status().progress
    return progress.done if progress else 0


def patiently(ask):
    """Ask until the machine answers."""

    def asked():
        try:
            return (ask(),)
        except Unavailable:
            return None

    (answer,) = wait_until(asked)
    return answer


def test_a_run_over_ssh_from_search_to_result(make):
    run = start(make())
    found = run.result(timeout=120)
    assert found.x.chunks is not None, "the result is read where it lies"
    np.testing.assert_array_equal(found.x.values.ravel(), 2 * np.arange(20_000.0))
    (again,) = make().runs()
    assert again.id == run.id
    assert again.state is JobState.COMPLETED


def test_cuts_and_a_restarted_sshd_lose_nothing(make, relay, sshd):
    run = start(make(), naps=60)
    patiently(lambda: wait_until(lambda: done(run) > 2))
    relay.sever()
    before = patiently(lambda: done(run))
    with relay.frozen():
        time.sleep(1)
    sshd.restart()
    wait_until(lambda: patiently(lambda: done(run)) > before)
    patiently(lambda: run.wait(120))
    assert patiently(run.result).naps.sum() == sum(range(60))
    assert len(list(Path(run.directory.path).parent.glob(".jobs/*-*-*"))) == 1


def test_network_that_is_away_for_half_a_minute(make, relay):
    """During progress, a fetch and a submission, at the keepalives of daily use."""
    fed = make()
    before = start(fed)
    whole = before.result(timeout=120)
    run = start(fed, naps=120)
    wait_until(lambda: done(run) > 2)
    with ThreadPoolExecutor(3) as threads:
        relay.freeze()
        tried = [
            threads.submit(run.status),
            threads.submit(whole.x.compute),
            threads.submit(start, fed, naps=1),
        ]
        time.sleep(31)
        relay.heal()
        failed = [one.exception(120) for one in tried]
    assert {type(one) for one in failed} <= {type(None), Unavailable}
    np.testing.assert_array_equal(whole.x.values.ravel(), 2 * np.arange(20_000.0))
    for one in (run, *(patiently(fed.runs))):
        patiently(lambda one=one: one.wait(120))
        assert one.state is JobState.COMPLETED, one
    jobs = len(list(Path(run.directory.path).parent.glob(".jobs/*-*-*")))
    assert jobs == len(fed.runs()) <= 3


def test_cancel_over_ssh_leaves_no_process(make, site_users):
    run = start(make(), naps=2_000)
    wait_until(lambda: done(run) > 2)
    mine = [p for p in psutil.process_iter(["username"]) if p.info["username"] == site_users[0]]
    running = [p for p in mine if "portal.runner" in " ".join(p.cmdline())]
    assert running
    run.cancel()
    assert run.state is JobState.CANCELED
    assert not [p for p in running if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
