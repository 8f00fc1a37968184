"""Placing through the door: facilities asked side by side, what was learnt, and why it ran there."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import xarray as xr

import portal
from portal.core.policy import Policy
from portal.core.standing import Allocation, Outage, Standing
from portal.errors import Denied, InvalidAnalysis, InvalidParameter, Unavailable
from portal.federation import survey
from portal.federation.learn import Lessons, history
from portal.federation.place import TERMS, Placement
from tests.federation.labs import add_lab

CO2 = "ornl:mauna-loa-co2"


@portal.analysis
def highest(co2: xr.Dataset, *, level: float = 0.0) -> xr.Dataset:
    """The highest value."""
    return co2.max() - level


def estimate(placement: Placement, at: str):
    return next(e for e in placement.estimates if e.at == at)


def test_every_term_for_every_resource(fed: portal.Federation, tmp_path: Path) -> None:
    add_lab(
        fed,
        "olcf",
        tmp_path,
        account="abc",
        standing=Standing(
            up=True,
            queued=0,
            cores_per_node=64,
            allocations=(Allocation("abc", granted=100, used=40),),
        ),
    )
    placement = fed.place(highest, co2=CO2, level=1.5)
    here, there = estimate(placement, "local.default"), estimate(placement, "olcf.debug")
    assert [t.name for t in there.terms] == list(TERMS)
    assert there.cores == 64
    assert there.left == "60 of 100 node-hours (abc)"
    assert there.terms[0].seconds == 5
    assert there.terms[2].bytes > 0
    assert here.terms[2].bytes == 0
    assert placement.best is here
    assert "chunks are touched" in " ".join(placement.basis)
    assert "olcf.debug" in placement._repr_html_()


def test_what_the_user_knows_better_changes_the_choice(
    fed: portal.Federation, tmp_path: Path
) -> None:
    lab = add_lab(fed, "olcf", tmp_path)
    known = {"local": {"queue": 5000.0}, "olcf.debug": {"queue": 0}}
    run = fed.run(highest, co2=CO2, overrides=known)
    assert run.at == "olcf.debug"
    assert len(lab.submitted) == 1
    assert run.wait(120).state == "completed", run.log()
    with portal.connect(home=fed.home.path) as again:
        add_lab(again, "olcf", tmp_path)
        placement = again.get_run(run.id).placement
    assert [e.at for e in placement.estimates] == ["olcf.debug", "local.default"]
    assert placement.estimates[1].terms[0].text == "given by you"


def test_a_choice_is_shown_in_a_notebook_before_the_launch(
    fed: portal.Federation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("portal.ui.displays.in_kernel", lambda: True)
    lab = add_lab(fed, "olcf", tmp_path)
    lab.lose_before = [Denied("No")]
    with pytest.raises(Denied):
        fed.run(highest, co2=CO2, overrides={"local": {"queue": 5000.0}})
    assert capsys.readouterr().out.startswith("Where")


def test_those_that_cannot_take_it_are_ruled_out_with_the_reason(
    fed: portal.Federation, tmp_path: Path
) -> None:
    now = time.time()
    planned = Outage("maintenance", now + 600, now + 900, planned=True)
    for name, standing in {
        "down": Standing(up=False, text="flooded"),
        "later": Standing(outages=(planned,)),
        "poor": Standing(allocations=(Allocation("abc", granted=5, used=5),)),
        "gone": Unavailable("No route to it"),
        "shut": Denied("The key was refused"),
        "odd": RuntimeError("a bug of the driver"),
    }.items():
        add_lab(fed, name, tmp_path / name, standing=standing)
    placement = fed.place(highest, co2=CO2, duration=3600)
    reasons = {e.at: e.ruled_out for e in placement.estimates}
    assert reasons["local.default"] == ""
    assert reasons["down.debug"] == "it is down: flooded"
    assert "before the run would have ended: maintenance" in reasons["later.debug"]
    assert "out of allocation" in reasons["poor.debug"]
    assert "No route to it" in reasons["gone.debug"]
    assert "The key was refused" in reasons["shut.debug"]
    assert reasons["odd.debug"] == ""
    assert "not known: RuntimeError" in estimate(placement, "odd.debug").notes[0]
    assert not estimate(fed.place(highest, co2=CO2, duration=300), "later.debug").ruled_out


def test_one_that_does_not_answer_is_not_known_and_delays_nobody(
    fed: portal.Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = add_lab(fed, "silent", tmp_path)
    silent.answers.clear()
    monkeypatch.setattr(survey, "DEADLINE", 0.3)
    monkeypatch.setattr(survey.survey, "__defaults__", (0.3,))
    try:
        found = estimate(fed.place(highest, co2=CO2), "silent.debug")
    finally:
        silent.answers.set()
    assert not found.ruled_out
    assert "not known: no answer within 0.3 s" in found.notes[0]


def test_nothing_is_asked_where_there_is_nothing_to_choose(
    fed: portal.Federation, tmp_path: Path
) -> None:
    add_lab(fed, "olcf", tmp_path, standing=RuntimeError("asked"))
    called = []

    @portal.analysis
    def tells(co2: xr.Dataset) -> xr.Dataset:
        """Tell that it was called."""
        called.append(1)
        return co2.max()

    run = fed.run(tells, co2=CO2, at="local")
    assert not called
    run.cancel()
    fed.place(tells, co2=CO2)
    assert called


def test_no_machine_that_may_be_used(home: Path) -> None:
    def nowhere(actor: object, action: str, resource: object) -> bool | None:
        return False if action == "run" else None

    with portal.connect(policy=Policy((*Policy().rules, nowhere))) as fed:
        with pytest.raises(
            Unavailable, match="nowhere to run.*local.default: ruled out: .*nowhere"
        ):
            fed.run(highest, co2=CO2)
        with pytest.raises(Denied):
            fed.run(highest, at="local", co2=CO2)
        assert fed.place(highest, co2=CO2).best is None
        assert len(fed.runs()) == 0


def test_what_cannot_be_placed(fed: portal.Federation) -> None:
    with pytest.raises(InvalidAnalysis, match="@portal.analysis"):
        fed.place(print, co2=CO2)
    with pytest.raises(InvalidParameter, match="takes no 'lvl'"):
        fed.place(highest, co2=CO2, lvl=1)
    with pytest.raises(InvalidParameter, match="'nowhere'"):
        fed.place(highest, co2=CO2, overrides={"nowhere": {"queue": 1}})
    assert estimate(fed.place(co2=CO2), "local.default").terms


def write_run(
    root: Path, number: int, *, at: str = "olcf.debug", wait: float = 0, **more: object
) -> str:
    """A run directory as a run has left it, as far as it teaches anything."""
    import os

    run_id = f"20260101T000000-x-{number:08x}"
    directory = root / run_id
    directory.mkdir(parents=True)
    spec = {"created": "2026-01-01T00:00:00Z", "at": at, "placement": [], **more}
    (directory / "run.json").write_text(json.dumps(spec))
    os.utime(directory / "run.json", (10_000, 10_000))
    (directory / "job.json").write_text(json.dumps({"at": at, "job_id": "1"}))
    status = {"state": "completed", "started": 10_000 + wait, "ended": 10_100 + wait}
    (directory / "status.json").write_text(json.dumps(status))
    return run_id


def test_waits_are_learnt_from_run_directories_and_again_after_the_file_is_deleted(
    fed: portal.Federation, tmp_path: Path
) -> None:
    add_lab(fed, "olcf", tmp_path)
    for number, wait in enumerate((10, 20, 30, 40)):
        write_run(tmp_path, number, wait=wait)
    write_run(tmp_path, 9, at="olcf.other", wait=9999)
    write_run(tmp_path, 10, wait=-3600)  # a clock that is wrong counts as no wait
    for _ in range(2):
        term = estimate(fed.place(co2=CO2), "olcf.debug").terms[0]
        assert term.seconds == 30
        assert "5 past runs" in term.text
    assert fed.home.lessons.exists()
    fed.home.lessons.unlink()
    assert estimate(fed.place(co2=CO2), "olcf.debug").terms[0].seconds == 30


def test_rates_and_bandwidths_are_learnt_from_run_directories(
    fed: portal.Federation, tmp_path: Path
) -> None:
    add_lab(fed, "olcf", tmp_path)
    start = {"name": "start", "seconds": 10.0}
    decode = {"name": "decode", "seconds": 40.0, "bytes": 9_000_000_000}
    near = [start, decode, {"name": "data", "seconds": 0.0, "bytes": 0}]
    far = [start, decode, {"name": "data", "seconds": 1.0, "bytes": 5_000_000_000}]
    placed = {"estimates": [{"at": "olcf.debug", "cores": 10}]}
    write_run(tmp_path, 1, placement=near, placed=placed)
    write_run(tmp_path, 2, placement=far, placed=placed)
    fed.place(co2=CO2)
    learnt = history(Lessons(fed.home.lessons).all(), "olcf.debug")
    assert learnt.rate == 9e9 / (90 * 10)
    assert learnt.bandwidth == 5e9 / 50


def test_a_damaged_file_of_lessons_is_passed_over(fed: portal.Federation) -> None:
    lessons = Lessons(fed.home.lessons)
    good = {"at": "a.b", "wait": 5, "run": "1"}
    lessons.path.write_text(
        '{"at": 3}\nnot json\n{"at": "a.b", "wait": "long"}\n[1]\n{"at": "a.b", "wait": -1}\n\xff\n'
    )
    lessons.add([good, good])
    assert history(lessons.all(), "a.b").waits == (5.0,)
    lessons.transfer("a.b", 10**9, 10.0)
    lessons.transfer("a.b", 10, 10.0)
    assert history(lessons.all(), "a.b").bandwidth == 1e8


def test_the_file_of_lessons_stays_small(tmp_path: Path) -> None:
    lessons = Lessons(tmp_path / "lessons.jsonl")
    lessons.add({"at": "a.b", "wait": n, "run": str(n)} for n in range(5000))
    lessons.add([{"at": "a.b", "wait": 5000, "run": "5000"}])
    found = lessons.all()
    assert len(found) < 2500
    assert found[-1]["wait"] == 5000
    assert len(history(found, "a.b").waits) == 50
