"""The schedule in the server: what was harvested once is kept fresh, by one server at a time."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import threading

import pytest

import portal
from portal.federation.federation import Federation
from portal.ui.server.schedule import Schedule
from tests.helpers import wait_until

LAB = 'name = "Lab"\naccess = "public"\n[catalog.data]\ndriver = "folder"\npath = "{}"\n'


@pytest.fixture
def data(home, tmp_path):
    import xarray as xr

    path = tmp_path / "data"
    path.mkdir()
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "lab.toml").write_text(LAB.format(path))
    xr.Dataset({"x": ("t", [1.0])}, attrs={"title": "First muon"}).to_netcdf(path / "first.nc")
    return path


@pytest.fixture
def jp_server_config(home, data):
    return {
        "ServerApp": {"jpserver_extensions": {"portal.ui.server": True}},
        "PortalExtension": {"harvest_every": 0.2},
    }


def add(path):
    import xarray as xr

    made = xr.Dataset({"x": ("t", [1.0])}, attrs={"title": "Second muon"})
    made.to_netcdf(path / "second.nc")


def ids(index) -> set[str]:
    return index.local_ids("lab", "data")


async def test_what_was_harvested_is_kept_fresh(home, data, jp_serverapp, ask):
    fed = jp_serverapp.web_app.settings["portal_door"].open()
    fed.harvest("lab")
    add(data)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, lambda: wait_until(lambda: "second" in ids(fed.records.index)))


def schedule(fed: Federation) -> Schedule:
    return Schedule(lambda: fed, 0.01, logging.getLogger("test"))


def test_what_was_never_harvested_is_left_alone(home, data):
    with portal.connect(home=home) as fed:
        schedule(fed).round()
        assert ids(fed.records.index) == set()


def test_one_server_at_a_time(home, data):
    with portal.connect(home=home) as fed:
        fed.harvest("lab")
        add(data)
        with (home / "harvest.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            schedule(fed).round()
        assert ids(fed.records.index) == {"first"}
        schedule(fed).round()
        assert ids(fed.records.index) == {"first", "second"}


def test_a_fault_is_not_the_end(home, data, caplog):
    rounds = threading.Semaphore(0)

    def broken() -> Federation:
        rounds.release()
        raise RuntimeError("no federation today")

    runs = Schedule(broken, 0.01, logging.getLogger("test"))
    runs.start()
    for _ in range(3):
        assert rounds.acquire(timeout=60)
    runs.stop()
    assert "no federation today" in caplog.text


def test_zero_is_never():
    never = Schedule(lambda: pytest.fail("asked"), 0, logging.getLogger("test"))
    never.start()
    assert not never._thread.is_alive()
    never.stop()
