"""Idle and forgotten jobs: Portal's own only, listed with their cost, ended on request only."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import xarray as xr

import portal
from portal.core.job import JobState
from portal.core.standing import Allocation, Job, Standing
from portal.errors import InvalidParameter, Unavailable
from portal.federation.reap import Forgotten
from tests.federation.labs import Lab, add_lab
from tests.helpers import wait_until

CO2 = "ornl:mauna-loa-co2"


@portal.analysis
def endless(co2: xr.Dataset) -> xr.Dataset:
    """Wait for a cancel."""
    import time

    time.sleep(600)
    return co2


@pytest.fixture
def lab(fed: portal.Federation, tmp_path: Path) -> Lab:
    """A laboratory with an allocation."""
    told = Standing(up=True, allocations=(Allocation("abc", granted=100, used=40),))
    return add_lab(fed, "lab", tmp_path, standing=told)


def write_run(root: Path, number: int, job: str, user: str, **more: object) -> str:
    """A run directory, as far as its job is judged by it."""
    run_id = f"20260101T000000-x-{number:08x}"
    directory = root / run_id
    directory.mkdir(parents=True)
    spec: dict[str, object] = {
        "format": 1,
        "id": run_id,
        "title": "",
        "analysis": {"name": "x", "version": "", "digest": "", "reference": "a:x", "code": "none"},
        "inputs": {},
        "parameters": {},
        "at": "lab.debug",
        "environment": {"python": "3.11", "packages": {}},
        "requested_by": user,
        "key": run_id,
        "created": "2026-01-01T00:00:00Z",
        "resources": {},
        "placement": [],
    }
    status = more.pop("status", None)
    event = more.pop("event", None)
    (directory / "run.json").write_text(json.dumps(spec | more))
    (directory / "job.json").write_text(json.dumps({"at": "lab.debug", "job_id": job}))
    if status is not None:
        (directory / "status.json").write_text(json.dumps(status))
    if event is not None:
        line = {"v": 1, "time": event, "kind": "state", "state": "active"}
        (directory / "events.jsonl").write_text(json.dumps(line) + "\n")
    return run_id


def job(job_id: str, name: str, hours: float = 2.0, **more: object) -> Job:
    values = {"started": time.time() - hours * 3600, "nodes": 4, "state": JobState.ACTIVE} | more
    return Job(job_id, name, **values)  # type: ignore[arg-type]


CLUSTER = {"cluster": {"idle": 7200.0, "linger": 7200.0, "adapt": None}}


@pytest.mark.parametrize(
    ("what", "more", "why"),
    [
        (
            {"status": {"state": "canceled", "ended": -3605}},
            {},
            "its run is canceled, for 60 min, and its job goes on",
        ),
        ({"status": {"state": "canceled", "ended": -5}}, {}, ""),
        ({"event": -60}, {}, ""),
        ({"event": -7000}, {}, "nothing was heard of it for 117 min"),
        ({"event": -7000}, {"state": JobState.QUEUED, "started": None}, ""),
        ({"event": -7000, **CLUSTER}, {}, "the cluster has had no task for 117 min"),
        ({"event": -700, **CLUSTER}, {"hours": 2}, "the cluster has had no task for 12 min"),
        ({"event": -60, **CLUSTER}, {}, ""),
        (
            {
                "event": -60,
                "placed": {
                    "estimates": [
                        {
                            "at": "lab.debug", "ruled_out": "", "node_hours": 1, "cores": 1,
                            "left": "", "notes": [],
                            "terms": [{"name": "data", "seconds": 600.0, "text": ""}],
                        }
                    ],
                    "basis": [],
                },
            },
            {},
            "it has run for 2 h, where 10 min were estimated",
        ),
    ],
)  # fmt: skip
def test_what_is_listed(
    fed: portal.Federation,
    lab: Lab,
    tmp_path: Path,
    what: dict[str, object],
    more: dict[str, object],
    why: str,
) -> None:
    now = time.time()
    if "event" in what:
        what = what | {"event": now + what["event"]}
    if "status" in what:
        status = what["status"]
        what = what | {"status": status | {"ended": now + status["ended"]}}
    run_id = write_run(tmp_path, 1, "77", fed.gate.actor.id, **what)
    lab.held = [job("77", run_id, **more)]
    found = fed.reap()
    assert [one.why for one in found] == ([why] if why else [])
    for one in found:
        assert one.node_hours == pytest.approx(8, abs=0.1)
        assert one.left == "60 node-hours in abc"
        assert "8 node-hours so far (60 node-hours in abc left)" in repr(found)
        assert json.loads(json.dumps(one.to_dict()))["run"] == run_id
    assert lab.canceled == []


def test_only_portals_own_jobs_are_touched(
    fed: portal.Federation, lab: Lab, tmp_path: Path
) -> None:
    user, long_ago = fed.gate.actor.id, time.time() - 9000
    ended = {"status": {"state": "failed", "ended": long_ago}}
    mine = write_run(tmp_path, 1, "1", user, **ended)
    another = write_run(tmp_path, 2, "2", "somebody", **ended)
    renamed = write_run(tmp_path, 3, "3", user, **ended)
    elsewhere = write_run(tmp_path, 4, "4", user, **ended)
    Path(tmp_path, elsewhere, "job.json").write_text('{"at": "other.debug", "job_id": "4"}')
    broken = write_run(tmp_path, 5, "5", user, **ended)
    Path(tmp_path, broken, "run.json").write_text("{")
    lab.held = [
        job("1", mine),
        job("2", another),
        job("33", renamed),
        job("4", elsewhere),
        job("5", broken),
        job("6", "20260101T000000-x-99999999"),
        job("7", "my own job"),
        job("8", "../../etc"),
        job("9", mine, state=JobState.COMPLETED),
    ]
    assert [one.job.id for one in fed.reap()] == ["1"]
    with pytest.raises(InvalidParameter, match=f"7 is not among.*{mine}"):
        fed.reap("7")
    with pytest.raises(InvalidParameter):
        fed.reap(["1", another])
    assert lab.canceled == []
    (done,) = fed.reap(all=True)
    assert done.ended
    assert lab.canceled == ["1"]


def test_a_real_job_is_ended_on_request(fed: portal.Federation, lab: Lab) -> None:
    run = fed.run(endless, co2=CO2, at="lab")
    wait_until(lambda: run.directory.last_event)
    known = run.directory.job()
    assert known is not None
    spec = json.loads(Path(run.directory.file("run.json")).read_text())
    for estimate in spec["placed"]["estimates"]:
        estimate["terms"] = [{"name": "data", "seconds": 1.0, "text": ""}]
    Path(run.directory.file("run.json")).write_text(json.dumps(spec))
    lab.held = [job(known[1], run.id)]
    (listed,) = fed.reap()
    assert "where 1 s were estimated" in listed.why
    assert not run.state.final
    (done,) = fed.reap(end=run.id)
    assert done.ended
    assert lab.status(known[1]).state.final
    assert fed.get_run(run.id).state is JobState.CANCELED


def test_a_laboratory_that_cannot_be_asked_is_named(
    fed: portal.Federation, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Lab) -> list[Job]:
        raise Unavailable("No route to it")

    monkeypatch.setattr(Lab, "jobs", breaks)
    found = fed.reap()
    assert list(found) == []
    assert "! lab.debug: Its jobs are not known. No route to it." in repr(found)
    assert "No job is idle" in repr(found)


def test_a_job_that_cannot_be_ended_is_said(
    fed: portal.Federation, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = {"state": "failed", "ended": time.time() - 9000}
    run_id = write_run(tmp_path, 1, "1", fed.gate.actor.id, status=status)
    lab.held = [job("1", run_id)]

    def breaks(self: Lab, job_id: str) -> None:
        raise Unavailable("No route to it")

    monkeypatch.setattr(Lab, "cancel", breaks)
    (found,) = fed.reap(end="1")
    assert isinstance(found, Forgotten)
    assert not found.ended
    assert "not ended: No route to it" in str(found)
