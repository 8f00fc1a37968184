"""The life of a run: why it waits, lost answers, cancel, once more, colleagues, many laboratories."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import portal
from portal.core.job import JobState, JobStatus
from portal.errors import Denied, InvalidParameter, RunNotFinished, Unavailable, UnknownRun
from portal.federation import launch, runs, store
from tests.federation.labs import Lab, add_lab

CO2 = "ornl:mauna-loa-co2"


@portal.analysis(version="2")
def above(co2: xr.Dataset, *, level: float = 300.0, word: str = "a") -> xr.Dataset:
    """Weeks above a level of carbon dioxide."""
    return xr.Dataset({"weeks": (co2.co2 > level).sum("time")}, attrs={"word": word})


@portal.analysis
def endless(co2: xr.Dataset) -> xr.Dataset:
    """Wait for a cancel."""
    import time

    time.sleep(600)
    return co2


@pytest.fixture
def lab(fed: portal.Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A laboratory whose answers may be lost; it is asked again for half a second."""
    for function in (launch.launch, launch.submit):
        defaults = dict(function.__kwdefaults__) | {"patience": 0.5}
        monkeypatch.setattr(function, "__kwdefaults__", defaults)
    return add_lab(fed, "lab", tmp_path / "lab")


def test_why_it_waits(fed: portal.Federation, lab: Lab) -> None:
    run = fed.run(above, co2=CO2, at="lab")
    run.wait(120)
    for name in ("status.json", "events.jsonl"):
        Path(run.directory.file(name)).unlink()
    lab.says = JobStatus(JobState.QUEUED, "Priority", position=3, start=1_800_000_000.0)
    again = fed.get_run(run.id)
    status = again.status()
    assert (status.state, status.position, status.start) == ("queued", 3, 1_800_000_000.0)
    text = "Priority, position 3 in the queue, expected to start at 2027-01-15 08:00 UTC"
    assert status.message == text
    assert text in str(again)
    assert "position" not in status.to_dict()
    lab.says = JobStatus(JobState.ACTIVE)
    assert (again.status().state, again.status().message) == ("active", "")


def test_an_answer_that_is_lost_starts_no_second_job(fed: portal.Federation, lab: Lab) -> None:
    lab.lose = [Unavailable("The connection broke")]
    run = fed.run(above, co2=CO2, at="lab").wait(120)
    assert run.state == "completed", run.log()
    assert len(lab.submitted) == 2
    assert lab.submitted[0] == lab.submitted[1]
    assert lab.submitted[0].key == run.id
    states = [e for e in run.directory.events() if e.kind == "state"]
    assert [e.data["message"] for e in states].count("starting") <= 1


@pytest.mark.parametrize("error", [Denied("No"), InvalidParameter("No such queue")])
def test_a_refusal_is_not_asked_again(fed: portal.Federation, lab: Lab, error: Exception) -> None:
    lab.lose_before = [error]
    with pytest.raises(type(error)):
        fed.run(above, co2=CO2, at="lab")
    assert len(lab.submitted) == 1
    (run,) = fed.runs()
    assert run.state is JobState.FAILED
    assert str(error) in run.status().message


def test_a_submission_that_is_not_known_is_said_and_resumed(
    fed: portal.Federation, lab: Lab
) -> None:
    lab.lose_before = [Unavailable("No route to it")] * 9
    with pytest.raises(Unavailable, match=r"is not known.*No route.*resume\(\)"):
        fed.run(above, co2=CO2, at="lab", key="weekly")
    (run,) = fed.runs()
    assert run.state is JobState.NEW
    assert "submission is not known" in str(run)
    lab.lose_before = []
    assert fed.run(above, co2=CO2, at="lab", key="weekly").id == run.id
    assert run.wait(120).state == "completed", run.log()
    assert run.resume() is run
    assert len({job.key for job in lab.submitted}) == 1


def test_a_lost_submission_that_has_started_is_found_by_resume(
    fed: portal.Federation, lab: Lab
) -> None:
    """The job was started, and every answer lost: the same job is found, not a second one."""
    lab.lose = [Unavailable("The connection broke")] * 9
    with pytest.raises(Unavailable):
        fed.run(above, co2=CO2, at="lab")
    lab.lose = []
    (run,) = fed.runs()
    run.resume().wait(120)
    assert run.state == "completed", run.log()
    assert sum(e.kind == "state" for e in run.directory.events()) <= 2


def test_a_run_whose_submission_is_not_known_is_canceled(fed: portal.Federation, lab: Lab) -> None:
    lab.lose = [Unavailable("The connection broke")] * 9
    with pytest.raises(Unavailable):
        fed.run(endless, co2=CO2, at="lab")
    lab.lose = []
    (run,) = fed.runs()
    run.cancel()
    assert run.state is JobState.CANCELED


def test_a_cancel_that_does_not_work_is_said(
    fed: portal.Federation, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fed.run(endless, co2=CO2, at="lab")
    monkeypatch.setattr(runs, "CANCELED_WITHIN", 0.2)
    lab.says = JobStatus(JobState.ACTIVE)
    with pytest.raises(RunNotFinished, match="its job has not ended"):
        run.cancel()
    lab.says = None
    run.cancel()
    assert run.state is JobState.CANCELED


def test_a_key_finds_its_run_wherever_it_was_started(
    fed: portal.Federation, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"local": {"queue": 9999.0}}
    run = fed.run(above, co2=CO2, key="k", overrides=elsewhere)
    assert run.at == "lab.debug"
    assert fed.run(above, co2=CO2, key="k").id == run.id
    run.wait(120)
    lab.answers.clear()
    monkeypatch.setattr("portal.federation.running.DEADLINE", 0.3)
    try:
        with pytest.raises(Unavailable, match=f"does not answer now.*{run.id} at lab.debug"):
            fed.run(above, co2=CO2, key="k")
    finally:
        lab.answers.set()


def test_a_run_is_followed_while_its_laboratory_is_not_reached(
    fed: portal.Federation, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fed.run(above, co2=CO2, at="lab")
    real, cut = type(lab).status, []

    def breaks(self: Lab, job_id: str) -> JobStatus:
        if len(cut) < 3:
            cut.append(1)
            raise Unavailable("The connection broke")
        return real(self, job_id)

    monkeypatch.setattr(Lab, "status", breaks)
    told = [status.message for status in run.follow()]
    assert any("lab.debug is not reached; the run goes on there" in text for text in told)
    assert run.state == "completed", run.log()


def test_once_more_as_it_was_and_with_changes(fed: portal.Federation, lab: Lab) -> None:
    first = fed.run(above, co2=CO2, level=350, title="Weeks", duration=900).wait(120)
    with portal.connect(home=fed.home.path) as other:
        second = other.get_run(first.id).retry()
        assert second.id != first.id
        assert second.spec.repeats == first.id
        assert (second.title, second.spec.duration) == ("Weeks", 900)
        assert int(second.result(120).weeks) == int(first.result().weeks)
    third = fed.rerun(first.id, at="lab", level=0, word="b")
    result = third.result(120)
    assert third.at == "lab.debug"
    assert int(result.weeks) > int(first.result().weeks)
    assert result.attrs["word"] == "b"
    assert third.spec.analysis.digest == above.digest
    assert fed.rerun(first, key="k").id == fed.rerun(first, key="k").wait(120).id


def test_changes_that_cannot_be(fed: portal.Federation) -> None:
    run = fed.run(above, co2=CO2)
    for changes, message in (
        ({"lvl": 1}, "takes no 'lvl'.*co2, level, word"),
        ({"level": "high"}, "'level' is to be a number.*'high'"),
        ({"level": float("nan")}, "'level'"),
        ({"word": 3}, "'word' is to be a text"),
        ({"co2": 3}, "'co2' is a dataset"),
    ):
        with pytest.raises(InvalidParameter, match=message):
            run.rerun(**changes)
    assert len(fed.runs()) == 1
    run.wait(120)


def test_everything_is_found_after_the_portals_own_files_are_deleted(
    fed: portal.Federation, home: Path
) -> None:
    run = fed.run(above, co2=CO2, title="Kept").wait(120)
    fed.close()
    for path in home.iterdir():
        if path.name != "runs":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with portal.connect() as again:
        (found,) = again.runs()
        assert (found.id, found.title, found.state) == (run.id, "Kept", "completed")
        assert int(found.result().weeks) == int(run.result().weeks)


def test_one_silent_laboratory_is_named_and_delays_nobody(fed: portal.Federation, lab: Lab) -> None:
    run = fed.run(above, co2=CO2, at="local").wait(120)
    lab.answers.clear()
    try:
        found = fed.runs(wait=0.3)
    finally:
        lab.answers.set()
    assert found.ids == (run.id,)
    (problem,) = found.problems
    assert problem.facility == "lab.debug"
    assert "no answer within 0.3 s" in problem.reason
    assert "! lab.debug: Its runs are left out" in repr(found)
    assert "no answer within" in found._repr_html_()
    assert not fed.runs().problems


def test_a_shared_workspace_lists_each_run_once_where_it_ran(
    fed: portal.Federation, lab: Lab, tmp_path: Path
) -> None:
    add_lab(fed, "twin", tmp_path / "lab")
    run = fed.run(above, co2=CO2, at="twin")
    found = fed.runs()
    assert found.ids == (run.id,)
    assert found[0].at == "twin.debug"
    assert fed.get_run(run.id).at == "twin.debug"
    found[0].wait(120)
    assert found[0:1][0] is found[0]


def test_a_colleagues_run_may_be_read_once_it_is_opened(fed: portal.Federation) -> None:
    run = fed.run(above, co2=CO2).wait(120)
    directory = Path(run.directory.path)
    spec = json.loads((directory / "run.json").read_text()) | {"requested_by": "somebody"}
    (directory / "run.json").write_text(json.dumps(spec))
    with pytest.raises(Denied, match="may not read_run"):
        fed.get_run(run.id)
    directory.chmod(0o750)
    theirs = fed.get_run(run.id)
    assert int(theirs.result().weeks) > 0
    with pytest.raises(Denied, match="may not cancel"):
        theirs.cancel()
    mine = theirs.rerun(level=0)
    assert mine.spec.requested_by == fed.gate.actor.id
    mine.wait(120)


def test_what_a_colleague_does_not_let_be_read_is_named_so(
    fed: portal.Federation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another user's directory under a shared root, looked at by a user without rights."""
    import tempfile

    run = fed.run(above, co2=CO2).wait(120)
    with tempfile.TemporaryDirectory(prefix="portal-shared-", dir="/tmp") as shared:
        Path(shared).chmod(0o755)
        shutil.copytree(run.directory.path, Path(shared) / run.id)
        (Path(shared) / run.id).chmod(0o700)
        code = (
            "import os, sys\n"
            "import portal, xarray, pwd, portal.federation.listing, portal.drivers.compute.local\n"
            "import fsspec.implementations.local, hashlib, encodings.idna, datetime\n"
            "from tests.federation.labs import add_lab\n"
            "from pathlib import Path\n"
            "with portal.connect(home=sys.argv[1], sample=False) as fed:\n"
            "    add_lab(fed, 'shared', Path(sys.argv[2]))\n"
            "    fed.runs()\n"
            "    os.setegid(65534); os.seteuid(65534)\n"
            "    print(repr(fed.runs()))\n"
            "    try: fed.get_run(sys.argv[3])\n"
            "    except portal.errors.Denied as error: print('denied', error)\n"
            "    os.seteuid(0); os.setegid(0)\n"
        )
        home = tmp_path_factory.mktemp("other")
        done = subprocess.run(
            [sys.executable, "-c", code, home, shared, run.id],
            capture_output=True, text=True, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{run.id}  unreadable  shared.debug" in done.stdout, done.stdout + done.stderr
    assert "may not be read. Found: it belongs to root" in done.stdout
    assert "denied The run directory" in done.stdout


def test_no_single_run_names_who_was_silent(
    fed: portal.Federation, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.answers.clear()
    monkeypatch.setattr(store.RunStore.all, "__defaults__", (0.3,))
    try:
        with pytest.raises(UnknownRun, match="lab.debug: Its runs are left out"):
            fed.get_run("0123abcd")
    finally:
        lab.answers.set()


def test_two_portals_follow_one_run(fed: portal.Federation, home: Path) -> None:
    run = fed.run(above, co2=CO2)
    with portal.connect(home=home) as other:
        theirs = [s.state for s in other.get_run(run.id).follow()]
        mine = [s.state for s in run.follow()]
    assert theirs[-1] == mine[-1] == "completed"
