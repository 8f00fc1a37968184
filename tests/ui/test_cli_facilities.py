"""The presets by command: listed, added, removed; what is the user's own is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from portal.federation.presets import presets
from portal.ui.cli.commands import app


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, ["facilities", *arguments])


def error_of(result: Result) -> dict[str, str]:
    """The error that a command with --json has printed."""
    error: dict[str, str] = json.loads(result.stderr.strip().splitlines()[-1])["error"]
    return error


def test_presets_are_listed_and_off_until_they_are_added(home: Path) -> None:
    told = json.loads(call("available", "--json").stdout)["presets"]
    assert [p["id"] for p in told] == [p.id for p in presets()]
    assert not any(p["added"] for p in told)
    nsls2 = next(p for p in told if p["id"] == "nsls2")
    assert nsls2["catalogs"] == {"demo": "tiled"}
    assert "nsls2" not in call().stdout

    assert call("add", "nsls2").exit_code == 0
    assert "nsls2" in call().stdout
    told = json.loads(call("available", "--json").stdout)["presets"]
    assert [p["id"] for p in told if p["added"]] == ["nsls2"]
    row = next(r for r in call("available").stdout.splitlines() if r.startswith("nsls2 "))
    assert row.endswith("[added]")


@pytest.mark.parametrize("flag_first", [True, False])
def test_the_flag_counts_on_either_side_of_the_command(home: Path, flag_first: bool) -> None:
    arguments = ("--json", "available") if flag_first else ("available", "--json")
    assert json.loads(call(*arguments).stdout)["presets"]


@pytest.mark.parametrize("name", [p.id for p in presets()])
def test_every_preset_is_added_said_and_removed(home: Path, name: str) -> None:
    told = json.loads(call("add", name, "--json").stdout)
    path = Path(told["file"])
    assert path.parent == home / "facilities"
    assert path.stem == name
    for catalog in told["catalogs"]:
        assert catalog["found"] in ("live", "harvest", "index") or catalog["problem"]
    assert told["catalogs"] or told["endpoints"]

    removed = json.loads(call("remove", name, "--json").stdout)
    assert removed == {"id": name, "file": told["file"]}
    assert not path.exists()


def test_added_twice_is_refused_and_nothing_is_lost(home: Path) -> None:
    path = Path(json.loads(call("add", "nsls2", "--json").stdout)["file"])
    path.write_text(path.read_text() + "# mine\n")
    again = call("add", "nsls2", "--json")
    assert again.exit_code == 2
    assert "configured already" in error_of(again)["message"]
    assert path.read_text().endswith("# mine\n")


def test_an_edited_file_is_not_removed(home: Path) -> None:
    path = Path(json.loads(call("add", "nsls2", "--json").stdout)["file"])
    path.write_text(path.read_text() + "# mine\n")
    refused = call("remove", "nsls2", "--json")
    assert refused.exit_code == 2
    assert "differs from the preset" in error_of(refused)["message"]
    assert path.exists()


def test_a_file_of_ones_own_and_a_part_of_portal_are_not_removed(home: Path) -> None:
    (home / "facilities").mkdir(parents=True)
    own = home / "facilities" / "mine.toml"
    own.write_text('name = "Mine"\n')
    for name in ("mine", "sandia"):
        refused = call("remove", name, "--json")
        assert refused.exit_code == 2
        assert "it is no preset" in error_of(refused)["message"]
    assert own.exists()


@pytest.mark.parametrize("command", ["add", "remove"])
def test_a_mistyped_name_tells_the_nearest(home: Path, command: str) -> None:
    refused = call(command, "nsls3", "--json")
    assert refused.exit_code == 2
    assert "'nsls2'" in error_of(refused)["message"]


def test_removing_what_is_not_added_says_so(home: Path) -> None:
    refused = call("remove", "nsls2", "--json")
    assert refused.exit_code == 2
    assert "is not added" in error_of(refused)["message"]
