"""`portal doctor`: told line by line, or as one document; its exit code says whether all is well."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from portal.ui.cli.commands import app


def call(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_what_is_well_exits_0(home: Path) -> None:
    done = call("local")
    assert done.exit_code == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert any("mode 0700" in line for line in lines)


def test_one_document(home: Path) -> None:
    done = call("local.default", "--job", "--json")
    assert done.exit_code == 0, done.stdout
    told = json.loads(done.stdout)
    assert told["ok"] is True
    names = [check["name"] for check in told["checks"]]
    assert names == ["disk", "workspace", "files", "clock", "python", "job"]
    assert set(told["checks"][0]) == {"of", "name", "verdict", "found", "advice", "seconds"}


def test_what_is_at_fault_exits_1_and_says_what_to_do(home: Path) -> None:
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "lab.toml").write_text(
        'name = "Lab"\n[compute.debug]\ndriver = "local"\npython = "/no/such/python"\n'
    )
    done = call("lab.debug")
    assert done.exit_code == 1
    found, advice = done.stdout[done.stdout.index("FAIL") :].splitlines()[:2]
    assert "/no/such/python" in found
    assert "Install Portal in it" in advice
    assert json.loads(call("lab.debug", "--json").stdout)["ok"] is False


def test_a_mistyped_name(home: Path) -> None:
    done = call("sandai", "--json")
    assert done.exit_code == 1
    (check,) = json.loads(done.stdout)["checks"]
    assert "'sandia'" in check["advice"]
