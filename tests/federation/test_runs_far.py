"""Placing, waiting, rerunning, fetching and reaping on real Slurm clusters, one reached by SSH only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xarray as xr

import portal
from portal.core.job import JobState, Resources
from portal.federation import reap
from tests.helpers import wait_until

CO2 = "ornl:mauna-loa-co2"


@portal.analysis
def above(co2: xr.Dataset, *, level: float = 300.0) -> xr.Dataset:
    """Weeks above a level of carbon dioxide."""
    return xr.Dataset({"weeks": (co2.co2 > level).sum("time")})


@portal.analysis
def endless(co2: xr.Dataset) -> xr.Dataset:
    """Wait for a cancel."""
    import time

    time.sleep(600)
    return co2


@pytest.fixture
def fed(home: Path, lab_a, lab_b, tmp_path: Path):
    """Two laboratories by their facility files."""
    folder = home / "facilities"
    folder.mkdir(parents=True)
    for name, lab in (("laba", lab_a), ("labb", lab_b)):
        workspace = str(tmp_path / "runs") if lab is lab_a else f"~/{tmp_path.name}/runs"
        options = lab.options | {"workspace": workspace}
        table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
        toml = f'name = "{name}"\n[compute.debug]\ndriver = "slurm"\n{table}'
        (folder / f"{name}.toml").write_text(toml)
    with portal.connect(home=home) as federation:
        yield federation
    for lab in (lab_a, lab_b):
        lab.cluster.cancel_all()


def test_from_placing_to_a_result_fetched_from_afar(fed: portal.Federation, tmp_path: Path) -> None:
    placement = fed.place(above, co2=CO2)
    found = {e.at: e for e in placement.estimates}
    assert set(found) == {"local.default", "laba.debug", "labb.debug"}
    for at in ("laba.debug", "labb.debug"):
        assert not found[at].ruled_out, repr(placement)
        assert found[at].terms[0].seconds == 5, repr(placement)
        assert found[at].terms[2].bytes > 0
    assert placement.best is found["local.default"]

    elsewhere = {"local": {"queue": 900}, "laba": {"queue": 900}}
    run = fed.run(above, co2=CO2, level=350, overrides=elsewhere)
    assert run.at == "labb.debug"
    assert run.wait(120).state is JobState.COMPLETED, run.log()
    got = run.fetch(tmp_path / "mine.zarr")
    assert got.compared
    assert int(xr.open_zarr(got.path).weeks) == int(run.result().weeks) > 0

    again = run.rerun(at="laba", level=0)
    assert again.wait(120).state is JobState.COMPLETED, again.log()
    assert int(again.result().weeks) > int(run.result().weeks)
    assert {r.id: r.at for r in fed.runs()} == {run.id: "labb.debug", again.id: "laba.debug"}
    term = {e.at: e.terms[0] for e in fed.place(co2=CO2).estimates}["labb.debug"]
    assert "1 past runs" in term.text


def test_why_it_waits_and_what_is_forgotten(
    fed: portal.Federation, lab_a, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = lab_a.cluster.run(
        "sbatch", "--parsable", "-N2", "--exclusive", "--output=/dev/null", "--wrap=sleep 600"
    )
    wait_until(lambda: lab_a.cluster.states().get(other.strip()) == "RUNNING")
    whole = Resources(node_count=2, exclusive_node_use=True)
    run = fed.run(endless, co2=CO2, at="laba", resources=whole)
    status = wait_until(lambda: (s := run.status()).message and s)
    assert status.state is JobState.QUEUED
    assert "queued" in str(run)
    assert len(str(run).rpartition("laba.debug. ")[2]) > 5
    waits = {e.at: e.terms[0] for e in fed.place(co2=CO2).estimates}["laba.debug"]
    assert waits.seconds >= 60, waits
    assert list(fed.reap()) == []
    lab_a.cluster.run("scancel", other.strip())
    wait_until(lambda: run.directory.last_event)

    monkeypatch.setattr(reap, "SILENT", 0.0)
    (listed,) = fed.reap()
    assert listed.job.name == run.id
    assert listed.node_hours > 0
    (ended,) = fed.reap(end=run.id)
    assert ended.ended
    assert run.state is JobState.CANCELED
    assert list(fed.reap()) == []
