"""The command line: text, JSON, errors and exit codes, over the sample federation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import portal
from portal.sample.analyses import warming
from portal.ui.cli.commands import app
from portal.ui.cli.output import _strict

E1 = "scenario=metoffice:e1-north-america"


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def error_of(result: Result) -> dict[str, str]:
    """The error that a command with --json has printed."""
    error: dict[str, str] = json.loads(result.stderr.strip().splitlines()[-1])["error"]
    return error


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> tuple[Path, str]:
    """A home with one completed run, and the run's id."""
    home = tmp_path_factory.mktemp("cli")
    with portal.connect(home=home) as fed:
        run = fed.run(warming, scenario="metoffice:e1-north-america", title="E1").wait(200)
        assert run.state == "completed", run.log()
    return home, run.id


@pytest.fixture
def run_id(ended, monkeypatch) -> str:
    """A completed run's id, in the home that the commands use."""
    monkeypatch.setenv("PORTAL_HOME", str(ended[0]))
    return ended[1]


def test_search_as_text_and_as_json(home):
    assert "sandia:linke-turbidity" in call("search", "atmospheric turbidity").stdout
    found = json.loads(call("search", "turbidity", "--facility", "sandia", "--json").stdout)
    assert [hit["id"] for hit in found["hits"]] == ["sandia:linke-turbidity"]
    none = json.loads(
        call("search", "turbidity", "--bbox", "0,0,1,1", "--time", "1900", "--json").stdout
    )
    assert none["hits"] == []


def test_open_shows_the_lazy_dataset(home):
    shown = call("open", "sandia:altitude")
    assert shown.exit_code == 0
    assert "altitude  (lat, lon)" in shown.stdout
    held = json.loads(call("open", "sandia:altitude", "--json").stdout)
    assert held["dims"] == {"lat": 2160, "lon": 4320}


def test_open_of_every_sample_is_strict_json(fed):
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for item in fed.search(limit=1000):
        held = json.loads(call("open", item.id, "--json").stdout, parse_constant=refuse)
        assert held["data_vars"], item.id


def test_odd_values_become_strict_json():
    odd = {"a": np.float32("nan"), "b": np.arange(2), 3: (1.5, float("inf"), None, True), "t": int}
    assert _strict(odd) == {
        "a": None,
        "b": [0, 1],
        "3": [1.5, None, None, True],
        "t": "<class 'int'>",
    }


def test_facilities_names_the_directory_of_their_files(home):
    assert str(home / "facilities") in call("facilities").stdout
    told = json.loads(call("facilities", "--json").stdout)
    assert told["directory"] == str(home / "facilities")
    assert "sandia" in [f["id"] for f in told["facilities"]]


def test_a_facility_file_at_fault_is_a_warning_and_the_rest_goes_on(home):
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "bad.toml").write_text('nam = "x"\n')
    result = call("facilities")
    assert result.exit_code == 0
    assert "warning:" in result.stderr
    assert "'nam'" in result.stderr
    assert "sandia" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "kind", "named"),
    [
        (["search", "--bbox", "1,2"], "InvalidQuery", "four numbers"),
        (["search", "--time", "soon"], "InvalidQuery", "soon"),
        (["search", "--limit", "-1"], "InvalidQuery", "limit"),
        (["open", "sandia:altitud"], "UnknownItem", "sandia:altitude"),
        (["open", "nowhere:x"], "UnknownFacility", "nowhere"),
        (["open", "altitude"], "InvalidItem", "facility:local-id"),
        (["runs", "nothing"], "UnknownRun", "nothing"),
        (["cancel", "nothing"], "UnknownRun", "nothing"),
        (["publish", "nothing", "--title", "x"], "UnknownRun", "nothing"),
        (["view", "nothing", "-o", "x.html"], "UnknownRun", "nothing"),
        (["view", "sandia:altitude", "-o", "no/such/x.html"], "InvalidParameter", "no/such"),
        (["run", "warming"], "InvalidInput", "package.module:function"),
        (["run", "no.such:warming"], "InvalidAnalysis", "no.such"),
        (["run", "no-such.py:warming"], "InvalidAnalysis", "no-such.py"),
        (["run", "portal.sample.analyses:xr"], "InvalidAnalysis", "warming"),
        (["run", "portal.sample.analyses:warming"], "InvalidParameter", "scenario"),
        (
            ["run", "portal.sample.analyses:warming", "--input", "scenario"],
            "InvalidParameter",
            "name=value",
        ),
        (
            ["run", "portal.sample.analyses:warming", "--input", E1, "--param", "years=0"],
            "InvalidParameter",
            "years",
        ),
        (
            ["run", "portal.sample.analyses:warming", "--input", E1, "--param", "year=3"],
            "InvalidParameter",
            "year",
        ),
        (
            ["run", "portal.sample.analyses:warming", "--input", E1, "--at", "moon"],
            "UnknownFacility",
            "moon",
        ),
    ],
)
def test_bad_input_is_exit_2_and_says_what_was_there(home, arguments, kind, named):
    as_json = call(*arguments, "--json")
    assert as_json.exit_code == 2
    assert as_json.stdout == ""
    error = error_of(as_json)
    assert error["kind"] == kind
    assert named in error["message"]


def test_errors_as_text_go_to_standard_error(home):
    result = call("open", "sandia:altitud")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("portal: No dataset is called 'sandia:altitud'.")


def test_runs_lists_and_shows_a_run(run_id):
    listed = json.loads(call("runs", "--json").stdout)
    assert (run_id, "E1", "completed") in [(r["id"], r["title"], r["state"]) for r in listed]
    assert run_id in call("runs").stdout
    update = json.loads(call("runs", run_id[-8:], "--json").stdout)
    assert update["state"] == "completed"
    assert "warming" in update["result_html"]
    assert update["directory"] in call("runs", run_id).stdout
    assert "warming" in call("runs", run_id, "--follow").stdout


def test_a_result_becomes_a_page_and_a_dataset(run_id, tmp_path):
    page = tmp_path / "page.html"
    written = call("view", run_id, "--output", str(page), "--variable", "local_warming", "--json")
    assert written.exit_code == 0, written.output
    assert json.loads(written.stdout) == {"page": str(page), "bytes": page.stat().st_size}
    assert "local_warming" in page.read_text("utf-8")

    published = call("publish", run_id, "--title", "Warming in E1", "--keyword", "demo")
    assert published.exit_code == 0, published.output
    item = published.stdout.strip()
    assert item.startswith("local:warming-in-e1")
    assert item in call("search", "warming in E1").stdout
    assert "local_warming" in call("open", item).stdout


def test_cancel_leaves_a_run_that_has_ended(run_id):
    canceled = call("cancel", run_id, "--json")
    assert canceled.exit_code == 0
    assert json.loads(canceled.stdout)["state"] == "completed"


ANALYSIS = """
import portal, xarray as xr

@portal.analysis
def peak(data: xr.Dataset, *, name: str, fail: bool = False) -> xr.Dataset:
    if fail:
        raise ArithmeticError("as asked")
    return data[[name]].max()
"""


def test_a_file_of_ones_own_runs_from_a_shell(ended, tmp_path):
    """The installed command, as a person calls it: a run that ends well, and one that fails."""
    (tmp_path / "mine.py").write_text(ANALYSIS)
    command = [str(Path(sys.executable).with_name("portal")), "run", "mine.py:peak"]
    command += ["--input", "data=ornl:mauna-loa-co2", "--param", "name=co2"]
    environment = {"PORTAL_HOME": str(ended[0]), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def shell(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )

    good = shell("--json")
    assert good.returncode == 0, good.stderr
    update = json.loads(good.stdout)
    assert update["state"] == "completed"
    assert "completed" in good.stderr

    bad = shell("--param", "fail=true")
    assert bad.returncode == 1, bad.stdout
    assert "ArithmeticError: as asked" in bad.stderr
    assert "in peak" in bad.stderr
    assert bad.stdout == ""
