"""Runs through the door: real jobs on this computer, found again from their directories."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import portal
from portal.core.job import JobState
from portal.core.policy import Actor
from portal.core.run import new_run_id
from portal.errors import (
    Denied,
    EnvironmentMismatch,
    GridMismatch,
    InvalidAnalysis,
    InvalidInput,
    InvalidParameter,
    RunCanceled,
    RunFailed,
    RunNotFinished,
    UnknownItem,
    UnknownRun,
)
from portal.federation import running
from portal.federation.place import TERMS
from tests.helpers import wait_until


@portal.analysis(version="3")
def above(co2: xr.Dataset, *, level: float = 300.0) -> xr.Dataset:
    """Weeks above a level of carbon dioxide."""
    return xr.Dataset({"weeks": (co2.co2 > level).sum("time")})


@portal.analysis
def broken(co2: xr.Dataset) -> xr.Dataset:
    """Divide by nothing."""
    return co2 / (1 // 0)


@portal.analysis
def endless(co2: xr.Dataset) -> xr.Dataset:
    """Wait for a cancel."""
    import time

    time.sleep(600)
    return co2


@portal.analysis
def half(field: xr.Dataset) -> xr.Dataset:
    """Half of it."""
    return field / 2


CO2 = "ornl:mauna-loa-co2"


def test_run_result_publish_and_lineage(fed: portal.Federation) -> None:
    run = fed.run(above, co2=CO2, level=350, title="Weeks above 350 ppm")
    result = run.result(timeout=120)
    expected = int((fed.open(CO2).co2 > 350).sum())
    assert int(result.weeks) == expected > 0
    assert run.status().state is JobState.COMPLETED
    assert [t["name"] for t in run.spec.placement] == list(TERMS)
    assert (Path(run.directory.path).stat().st_mode & 0o077) == 0

    item = fed.publish(run, title="Weeks of high CO₂", keywords=["carbon"])
    assert fed.publish(run.id, title="Weeks of high CO₂") == item
    (hit,) = fed.search("weeks high CO2", facility="local")
    assert hit == fed.item(item.id) == item
    assert [v.name for v in item.variables] == ["weeks"]
    assert [link["href"] for link in item.links if link["rel"] == "derived_from"] == [
        f"urn:portal:{CO2}"
    ]
    assert item.properties["portal:run"] == run.id
    assert item.properties["portal:analysis"]["sha256"] == above.digest
    assert item.citation == fed.item(CO2).citation
    assert int(fed.open(item).weeks) == expected
    kinds = [e.kind for e in fed.gate.journal.events()]
    assert kinds == ["run", "open", "publish", "open"]

    shutil.rmtree(fed.home.index)
    with portal.connect(home=fed.home.path) as again:
        assert again.item(item.id).properties["processing:lineage"].startswith("above 3 of ")


def test_found_and_followed_from_another_process_after_sigkill(home: Path, tmp_path: Path) -> None:
    code = (
        "import time, portal, xarray as xr\n"
        "@portal.analysis\n"
        "def slow(co2: xr.Dataset) -> xr.Dataset:\n"
        "    'Slow.'\n"
        "    import time; time.sleep(2)\n"
        "    return co2.mean()\n"
        f"run = portal.connect().run(slow, co2={CO2!r})\n"
        "print(run.id, flush=True)\n"
        "time.sleep(600)\n"
    )
    script = tmp_path / "notebook.py"
    script.write_text(code)
    notebook = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert notebook.stdout is not None
    run_id = notebook.stdout.readline().strip()
    notebook.kill()
    notebook.wait()
    notebook.stdout.close()
    with portal.connect() as fed:
        (run,) = fed.runs()
        assert run.id == run_id
        states = [status.state for status in run.follow()]
        assert states[-1] is JobState.COMPLETED
        assert np.isfinite(run.result().co2)


def test_a_failure_gives_the_analysis_own_traceback(fed: portal.Federation) -> None:
    run = fed.run(broken, co2=CO2)
    with pytest.raises(RunFailed, match="ZeroDivisionError") as caught:
        run.result(timeout=120)
    assert "co2 / (1 // 0)" in caught.value.traceback
    assert "portal/runner" not in caught.value.traceback
    assert "co2 / (1 // 0)" in "".join(caught.value.__notes__)
    with pytest.raises(RunFailed):
        fed.publish(run, title="Nothing")


def processes_of(run_id: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if run_id in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("when", ["at once", "computing"])
def test_cancel_leaves_no_process(fed: portal.Federation, when: str) -> None:
    run = fed.run(endless, co2=CO2)
    (leader,) = wait_until(lambda: processes_of(run.id))
    session = os.getsid(leader)
    if when == "computing":
        wait_until(lambda: any("task" in str(e.data) for e in run.directory.events()))
    run.cancel()
    wait_until(lambda: run.state.final)
    assert run.state is JobState.CANCELED
    left = [
        p.name
        for p in Path("/proc").glob("[0-9]*")
        if (stat := _stat(p)) and stat[3] == str(session) and stat[0] != "Z"
    ]
    assert left == []
    with pytest.raises(RunCanceled, match="was canceled"):
        run.result()
    run.cancel()


def _stat(process: Path) -> list[str] | None:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def test_a_killed_runner_has_failed_with_what_is_known(fed: portal.Federation) -> None:
    run = fed.run(endless, co2=CO2)
    wait_until(lambda: run.state is JobState.ACTIVE)
    (leader,) = processes_of(run.id)
    os.kill(leader, signal.SIGKILL)
    wait_until(lambda: run.state.final)
    with pytest.raises(RunFailed, match="ended without a status.*Last seen"):
        run.result()


def test_completed_without_its_result_has_failed(fed: portal.Federation) -> None:
    run = fed.run(above, co2=CO2)
    run.wait(120)
    shutil.rmtree(run.directory.file("result.zarr"))
    again = fed.get_run(run.id[-8:])
    assert again.state is JobState.FAILED
    with pytest.raises(RunFailed, match="its result is not in its directory"):
        again.result()


def test_one_key_starts_one_run(fed: portal.Federation) -> None:
    first = fed.run(above, co2=CO2, key="weekly report")
    second = fed.run(above, co2=CO2, key="weekly report")
    assert second.id == first.id
    assert len(fed.runs()) == 1
    first.wait(120)


def test_one_key_within_one_second(fed: portal.Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked before was killed, or asks at this moment too: one run, one job."""
    run_id = new_run_id("above", key="k")
    monkeypatch.setattr(running, "new_run_id", lambda *_, **__: run_id)
    monkeypatch.setattr(running.Running, "_known", lambda *_: None)
    _, compute = fed.registry.compute("local.default")
    half = Path(compute.workspace.root, run_id)
    half.mkdir(parents=True)
    (half / "analysis.pkl").write_bytes(b"half of i")
    first, second = (fed.run(above, co2=CO2, at="local", key="k") for _ in range(2))
    assert first.directory.job() == second.directory.job() is not None
    assert first.wait(120).state is JobState.COMPLETED, first.log()
    assert {path.name for path in half.iterdir() if path.suffix == ".part"} == set()


def add(home: Path, name: str, data: xr.Dataset) -> None:
    folder = home / "facilities" / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    (home / "facilities" / "mine.toml").write_text(
        'name = "Mine"\n[catalog.data]\ndriver = "folder"\npath = "mine"\n'
    )


def grid(n: int, shift: float = 0.0) -> xr.Dataset:
    return xr.Dataset(
        {"field": (("lat",), np.arange(n, dtype="f4"))}, {"lat": np.linspace(-60, 60, n) + shift}
    )


@portal.analysis
def difference(one: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """One less the other."""
    return one - other


def test_grids_that_do_not_match(home: Path) -> None:
    for name, data in (("coarse", grid(5)), ("fine", grid(9)), ("shifted", grid(9, 0.25))):
        add(home, name, data)
    with portal.connect() as fed:
        ids = {
            i.title.split()[0].lower() if i.title else i.id: i.id
            for i in fed.search(facility="mine")
        }
        assert len(ids) == 3, ids
        coarse, fine, shifted = (
            next(i for i in ids.values() if n in i) for n in ("coarse", "fine", "shifted")
        )
        with pytest.raises(
            GridMismatch, match=r"'one' and 'other'.*lat: 5 in .*9 in .*grids=\"any\""
        ):
            fed.run(difference, one=coarse, other=fine)
        assert len(fed.runs()) == 0
        run = fed.run(difference, one=fine, other=shifted)
        with pytest.raises(RunFailed, match="GridMismatch.*lat"):
            run.result(120)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda fed: fed.run(above, co2="ornl:mauna-loa"), UnknownItem, "Did you mean ornl:mauna-loa-co2"),
        (lambda fed: fed.run(above, co2=CO2, lvl=1), InvalidParameter, "takes no 'lvl'.*level"),
        (lambda fed: fed.run(above, co2=CO2, level="high"), InvalidParameter, "'level'.*number.*'high'"),
        (lambda fed: fed.run(above), InvalidParameter, "lacks its input 'co2'"),
        (lambda fed: fed.run(above, co2=np.arange(3)), InvalidParameter, "Found: a ndarray.*facility file"),
        (lambda fed: fed.run(print, co2=CO2), InvalidAnalysis, "@portal.analysis"),
        (lambda fed: fed.run(above, co2=CO2, at="nowhere"), LookupError, "No facility is called 'nowhere'"),
        (lambda fed: fed.get_run("nothing"), UnknownRun, "no such run directory"),
        (lambda fed: fed.publish("nothing", title="x"), UnknownRun, "no such run directory"),
    ],
)  # fmt: skip
def test_refused_before_anything_runs(fed, call, error, message: str) -> None:
    with pytest.raises(error, match=message):
        call(fed)
    assert len(fed.runs()) == 0


def test_code_that_cannot_travel(fed: portal.Federation) -> None:
    import threading

    lock = threading.Lock()

    @portal.analysis
    def holds_a_lock(co2: xr.Dataset) -> xr.Dataset:
        """Hold a lock."""
        with lock:
            return co2

    with pytest.raises(InvalidAnalysis, match=r"cannot be sent.*lock"):
        fed.run(holds_a_lock, co2=CO2)
    assert len(fed.runs()) == 0


def test_another_environment_is_refused_before_anything_runs(
    fed: portal.Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, compute = fed.registry.compute("local")
    theirs = compute.environment()
    older = type(theirs)("3.10", dict(theirs.packages) | {"zarr": "2.18.0"})
    monkeypatch.setattr(type(compute), "environment", lambda self: older)
    with pytest.raises(
        EnvironmentMismatch, match=r"3\.10 at local.default; zarr .* 2.18.0.*pip install"
    ):
        fed.run(above, co2=CO2)
    assert len(fed.runs()) == 0


def test_wait_gives_up_and_the_run_goes_on(fed: portal.Federation) -> None:
    run = fed.run(endless, co2=CO2)
    with pytest.raises(RunNotFinished, match="has not ended after 0.2 s"):
        run.wait(0.2)
    run.cancel()
    run.wait(60)


def test_somebody_elses_run(fed: portal.Federation) -> None:
    run = fed.run(above, co2=CO2)
    run.wait(120)
    path = Path(run.directory.file("run.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"requested_by": Actor("other").id}))
    with pytest.raises(Denied, match="may not read_run"):
        fed.get_run(run.id)
    (again,) = fed.runs()
    with pytest.raises(Denied, match="may not cancel"):
        again.cancel()


def test_damaged_directories_do_not_break_the_rest(fed: portal.Federation) -> None:
    good = fed.run(above, co2=CO2)
    good.wait(120)
    for name, text in (
        ("20200101T000000-x-00000001", "{"),
        ("20200101T000000-x-00000002", '{"format": 9}'),
    ):
        bad = fed.home.runs / name
        bad.mkdir()
        (bad / "run.json").write_text(text)
    (fed.home.runs / "notes.txt").write_text("")
    runs = fed.runs()
    assert runs[0].id == good.id
    assert len(runs) == 3
    assert "completed" in repr(runs)
    assert "another format" in repr(runs)
    assert "is not JSON" in runs._repr_html_()


def test_an_empty_title_is_refused(fed: portal.Federation) -> None:
    run = fed.run(above, co2=CO2)
    run.wait(120)
    with pytest.raises(InvalidInput, match="needs a title"):
        fed.publish(run, title=" ")
