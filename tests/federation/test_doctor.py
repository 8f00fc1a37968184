"""The doctor: each look at a facility, well and at fault, of real and of broken computes."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import portal
from portal.core.check import Check, Verdict
from portal.core.environment import local_environment
from portal.core.job import JobState, JobStatus
from portal.core.standing import Allocation, Job, Outage, Standing
from portal.drivers.compute._checks import FULL, SCARCE, disk
from portal.drivers.compute.local import LocalCompute
from portal.errors import Unavailable
from portal.federation import examine


def by_name(checks) -> dict[str, Check]:
    return {check.name: check for check in checks}


def compute_checks(machine, **more) -> dict[str, Check]:
    return by_name(examine.compute(machine, "lab.debug", **({"job": False, "wait": 60.0} | more)))


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "runs")


def test_the_sample_federation_is_well(fed: portal.Federation) -> None:
    told: list[str] = []
    found = fed.doctor(tell=lambda one: told.append(str(one)))
    assert found.ok, str(found)
    assert {one.check.verdict for one in found.looked} == {Verdict.OK}
    seen = {one.of for one in found.looked}
    assert {"local.default", "local:published"} <= seen
    assert {f"{f.id}:{c}" for f in fed.facilities.values() for c in f.catalogs} <= seen
    assert told == str(found).splitlines()
    names = [one.check.name for one in found.looked if one.of == "local.default"]
    assert names == ["disk", "workspace", "files", "clock", "python"]
    assert not [p for p in fed.home.runs.iterdir() if "doctor" in p.name]


def test_a_tiny_job_runs_to_its_end(fed: portal.Federation) -> None:
    found = fed.doctor("local.default", job=True, wait=120.0)
    (job,) = [one.check for one in found.looked if one.check.name == "job"]
    assert job.verdict is Verdict.OK, job
    assert "ended after" in job.found
    assert not [p for p in fed.home.runs.iterdir() if "doctor" in p.name]
    assert len(fed.runs()) == 0


def test_one_facility_alone(fed: portal.Federation) -> None:
    assert {one.of for one in fed.doctor("sandia").looked} == {"sandia:data"}
    assert {one.of for one in fed.doctor("local.default").looked} == {"local.default"}


def test_what_is_not_there_is_what_was_found(fed: portal.Federation) -> None:
    for name, said in (("sandai", "'sandia'"), ("local.gpu", "local.default")):
        found = fed.doctor(name)
        assert not found.ok
        assert said in str(found)


def test_facility_files_at_fault(home: Path) -> None:
    files = home / "facilities"
    files.mkdir(parents=True)
    (files / "bad.toml").write_text("name = ")
    (files / "key.toml").write_text('name = "x"\nnam = "y"\n')
    (files / "lab.toml").write_text(
        'name = "Lab"\n[compute.a]\ndriver = "nowhere"\n[compute.b]\ndriver = "local"\nwrong = 1\n'
        '[compute.c]\ndriver = "local"\n'
        '[catalog.d]\ndriver = "folder"\npath = "gone"\n'
    )
    with pytest.warns(portal.errors.PortalWarning):
        connected = portal.connect(home=home)
    with connected as fed:
        found = fed.doctor()
        assert not found.ok
        said = {(one.of, one.check.name): one.check for one in found.looked}
        assert "not TOML" in said["bad", "file"].found
        assert "Did you mean 'name'" in said["key", "file"].advice
        assert said["lab", "file"].verdict is Verdict.OK
        assert "no driver 'nowhere'" in said["lab.a", "driver"].found
        assert "takes no 'wrong'" in said["lab.b", "driver"].found
        assert said["lab.c", "python"].verdict is Verdict.OK, "the others are looked at"
        assert said["lab:d", "catalog"].verdict is Verdict.FAIL
        assert "gone" in said["lab:d", "catalog"].found
        assert {one.of for one in fed.doctor("bad").looked} == {"bad"}


def test_a_missing_package_is_named_with_the_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra that brings it is not installed: its module cannot be found."""
    import sys

    held = ("pystac_client.", "portal.drivers.catalogs.")  # which have been imported before
    for name in [name for name in sys.modules if name.startswith(held)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pystac_client", None)
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "lab.toml").write_text(
        'name = "Lab"\n[catalog.data]\ndriver = "stac"\nurl = "http://127.0.0.1:9"\n'
    )
    with portal.connect(home=home) as fed:
        said = str(fed.doctor("lab"))
    assert 'pip install "portal-science[' in said, said


def test_a_denial_is_what_was_found(home: Path) -> None:
    from portal.core.policy import Policy

    with portal.connect(home=home, policy=Policy(())) as fed:
        found = fed.doctor()
    assert {one.check.name for one in found.looked} == {"policy"}
    assert not found.ok


def test_an_open_workspace_is_a_fault(root: str) -> None:
    compute = LocalCompute(workspace=root)
    Path(compute.workspace.root).chmod(0o750)
    check = compute_checks(compute)["workspace"]
    assert check.verdict is Verdict.FAIL
    assert "mode 0750" in check.found
    assert check.advice == f"Run there: chmod 700 {root}"


def test_a_workspace_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checks = compute_checks(LocalCompute(workspace=str(tmp_path / "file" / "runs")))
    assert checks["workspace"].verdict is Verdict.FAIL
    assert checks["python"].verdict is Verdict.OK, "what does not depend on it is looked at"
    assert "files" not in checks


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_skewed_clock_is_seen(root: str, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - hours * 3600)
    check = compute_checks(LocalCompute(workspace=root))["clock"]
    assert check.verdict is Verdict.WARN
    assert f"{'ahead of' if hours > 0 else 'behind'} this" in check.found
    assert 3590 <= int(check.found.split()[0]) <= 3610


def test_another_environment_is_named_with_the_command(root: str) -> None:
    class Older(LocalCompute):
        def environment(self):
            here = local_environment()
            return replace(here, packages=dict(here.packages) | {"zarr": "2.18.0"})

    check = compute_checks(Older(workspace=root, python="/opt/python"))["python"]
    assert check.verdict is Verdict.FAIL
    assert "2.18.0 at lab.debug" in check.found
    assert check.advice.startswith("Run at lab.debug: /opt/python -m pip install dask==")


class Standing_(LocalCompute):
    """Stands as a test says."""

    told = Standing()

    def standing(self) -> Standing:
        return self.told

    def jobs(self):
        return [Job("1", "x", JobState.ACTIVE), Job("2", "y", JobState.QUEUED)]


HOUR = 3600.0


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        (Standing(up=True, nodes=2, queued=3, running=1), "ok", "up; 2 nodes; 3 jobs wait, 1 run"),
        (Standing(), "ok", "not told"),
        (Standing(up=False, text="drained"), "fail", "drained"),
        (Standing(up=True, outages=(Outage("work", time.time() + HOUR, planned=True),)), "warn", "planned: work"),
        (Standing(up=True, outages=(Outage("fire", time.time() - HOUR),)), "fail", "now: fire"),
        (Standing(up=True, outages=(Outage("slow", 0.0, down=False),)), "warn", "now: slow"),
        (Standing(up=True, outages=(Outage("over", 0.0, end=1.0),)), "ok", "up"),
        (Standing(up=True, allocations=(Allocation("m1", granted=10, used=2.5),)), "ok", "m1: 7.5 node_hours left"),
        (Standing(up=True, allocations=(Allocation("m1", granted=1, used=1),)), "warn", "m1: 0 node_hours left"),
    ],
)  # fmt: skip
def test_how_it_stands(root: str, told: Standing, verdict: str, words: str) -> None:
    machine = Standing_(workspace=root)
    machine.told = told
    checks = compute_checks(machine)
    assert checks["standing"].verdict == verdict
    assert checks["standing"].found.endswith(words)
    assert checks["jobs"].found == "2 of yours"


def test_nothing_else_is_looked_at_without_a_login(root: str) -> None:
    class Away(LocalCompute):
        def checks(self):
            yield Check.of("login", Unavailable("No answer", advice="Wait."), blocks=True)
            raise AssertionError("asked for more")

    checks = compute_checks(Away(workspace=root))
    assert list(checks) == ["login", "the rest"]
    assert checks["the rest"].verdict is Verdict.SKIPPED
    assert not Path(root).exists()


def test_a_driver_that_breaks_and_one_that_hangs(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()

    class Broken(LocalCompute):
        def checks(self):
            yield Check("one")
            raise ZeroDivisionError("oh")

        def environment(self):
            free.wait(60)

    monkeypatch.setattr(examine.look, "__kwdefaults__", {"seconds": 0.2})
    try:
        checks = compute_checks(Broken(workspace=root, python="x"))
    finally:
        free.set()
    assert "ZeroDivisionError: oh" in checks["driver"].found
    assert checks["workspace"].verdict is Verdict.OK
    assert checks["python"].found == "no answer within 0.2 s"


def test_a_job_that_waits_on_is_cancelled(root: str) -> None:
    gone: list[str] = []

    class Full(LocalCompute):
        def submit(self, job):
            return "1"

        def status(self, job_id):
            return JobStatus(JobState.QUEUED, "Priority")

        def cancel(self, job_id):
            gone.append(job_id)

    check = compute_checks(Full(workspace=root), job=True, wait=0.3)["job"]
    assert check.verdict is Verdict.WARN
    assert "queued after" in check.found
    assert "Priority" in check.found
    assert gone == ["1"]
    assert not list(Path(root).iterdir())


def test_a_job_that_fails_says_why(root: str) -> None:
    python = "/usr/bin/false"
    check = compute_checks(LocalCompute(workspace=root, python=python), job=True)["job"]
    assert check.verdict is Verdict.FAIL
    assert "exit code 1" in check.found


@pytest.mark.parametrize(
    ("free", "verdict"), [(FULL / 2, "fail"), (SCARCE / 2, "warn"), (SCARCE * 2, "ok")]
)
def test_disks(free: float, verdict: str) -> None:
    assert disk(free).verdict == verdict


def test_it_is_shown_in_a_notebook(fed: portal.Federation) -> None:
    html = fed.doctor("sandia")._repr_html_()
    assert "<td>sandia:data" in html
    assert html.count("<tr>") == 2
