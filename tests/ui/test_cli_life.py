"""The commands of placing runs and of what comes after, over the sample federation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import xarray as xr
from typer.testing import CliRunner, Result

import portal
from portal.sample.analyses import warming
from portal.ui.cli.commands import app

ANALYSIS = "portal.sample.analyses:warming"
E1, A1B = "metoffice:e1-north-america", "metoffice:a1b-north-america"


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with one completed run, and the run's id."""
    home = tmp_path_factory.mktemp("life")
    with portal.connect(home=home) as fed:
        run = fed.run(warming, scenario=E1, title="E1").wait(200)
        assert run.state == "completed", run.log()
    return home, run.id


@pytest.fixture
def run_id(ended: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A completed run's id, in the home that the commands use."""
    monkeypatch.setenv("PORTAL_HOME", str(ended[0]))
    return ended[1]


def test_place_as_a_table_and_as_values(home: Path) -> None:
    given = ("place", ANALYSIS, "--input", f"scenario={E1}", "--override", "local.data=7")
    shown = call(*given)
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("Where")
    assert "given by you" in shown.stdout
    (estimate,) = json.loads(call(*given, "--json").stdout)["estimates"]
    assert estimate["at"] == "local.default"
    assert {t["name"]: t["seconds"] for t in estimate["terms"]}["data"] == 7
    assert not list((home / "runs").iterdir())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("local.data", "--override takes name=value"),
        ("queue=5", "RESOURCE.TERM=SECONDS"),
        ("local.queue=soon", "RESOURCE.TERM=SECONDS"),
        ("local.wait=5", "names a term and its seconds"),
        ("nowhere.queue=5", "'nowhere'"),
    ],
)
def test_overrides_that_cannot_be_read(home: Path, override: str, message: str) -> None:
    shown = call("place", ANALYSIS, "--input", f"scenario={E1}", "--override", override)
    assert shown.exit_code == 2
    assert message in shown.stderr


def test_fetch(run_id: str, tmp_path: Path) -> None:
    target = tmp_path / "mine.zarr"
    got = json.loads(call("fetch", run_id[-8:], str(target), "--json").stdout)
    assert got["compared"]
    assert got["path"] == str(target)
    assert "warming" in xr.open_zarr(target)
    again = call("fetch", run_id, str(target))
    assert again.exit_code == 2
    assert "there already" in again.stderr
    shutil.rmtree(target)
    assert "its checksum is that of the run" in call("fetch", run_id, str(target)).stdout


def test_retry_as_it_was_and_with_a_change(run_id: str) -> None:
    shown = call("retry", run_id, "--input", f"scenario={A1B}", "--param", "years=5", "--json")
    update = json.loads(shown.stdout)
    assert update["id"] != run_id
    with portal.connect() as fed:
        run = fed.get_run(update["id"])
        assert run.spec.parameters == {"years": 5}
        assert run.spec.inputs["scenario"].item.id == A1B
        assert run.spec.repeats == run_id
        assert run.wait(200).state == "completed", run.log()
    wrong = call("retry", run_id, "--param", "years=many")
    assert wrong.exit_code == 2
    assert "'years' is to be a number" in wrong.stderr


def test_reap_where_there_is_nothing(run_id: str) -> None:
    assert "No job is idle or forgotten." in call("reap").stdout
    assert json.loads(call("reap", "--json").stdout) == {"jobs": [], "problems": []}
    wrong = call("reap", "--end", "my-own-job")
    assert wrong.exit_code == 2
    assert "my-own-job is not among what may be ended" in wrong.stderr


def test_runs_of_a_laboratory_that_fails_are_warned_of(run_id: str, ended) -> None:
    toml = 'name = "Gone"\n[compute.debug]\ndriver = "local"\nworkspace = "/proc/no/such"\n'
    path = ended[0] / "facilities" / "gone.toml"
    path.write_text(toml)
    try:
        shown = call("runs")
    finally:
        path.unlink()
    assert run_id in shown.stdout
    assert "warning: gone.debug: Its runs are left out" in shown.stderr
