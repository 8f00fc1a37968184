"""fed.virtualize and portal virtualize: of paths and of records, under the policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import portal
from portal.core.policy import Action, Policy
from portal.errors import Denied, InvalidInput, UnknownItem
from portal.ui.cli.commands import app
from tests.virtual.test_collect import collection


@pytest.fixture
def files(tmp_path) -> list[Path]:
    return collection(tmp_path / "files", "compressed", (2, 2, 2))


@pytest.fixture
def lab(home, files) -> Path:
    """A facility whose catalog is the directory of the files."""
    path = home / "facilities" / "lab.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'name = "A laboratory"\n[catalog.data]\ndriver = "folder"\npath = "{files[0].parent}"\n'
    )
    return path


def test_a_directory_becomes_a_dataset_that_is_found(home, lab, files):
    with portal.connect(home=home) as fed:
        store = fed.virtualize(files[0].parent, to=files[0].parent / "all")
    assert store == files[0].parent / "all"
    with portal.connect(home=home) as fed:
        assert "lab:all" in {item.id for item in fed.search(facility="lab", limit=10)}
        with fed.open("lab:all") as whole:
            assert whole.sizes["time"] == 6
    kinds = [json.loads(line)["kind"] for line in (home / "journal.jsonl").read_text().splitlines()]
    assert "virtualize" in kinds


def test_records_become_a_dataset(home, lab, files, tmp_path):
    with portal.connect(home=home) as fed:
        ids = [item.id for item in fed.search(facility="lab", limit=10)]
        assert len(ids) == 3
        store = fed.virtualize(ids, to=tmp_path / "all")
        with pytest.raises(UnknownItem):
            fed.virtualize("lab:gone", to=tmp_path / "none")
    assert store.is_dir()


def test_files_of_elsewhere_are_refused(fed):
    with pytest.raises(InvalidInput):
        fed.virtualize("somewhere:else.nc", to="/tmp/none")


def test_the_policy_is_asked(home, files, tmp_path):
    class Closed(Policy):
        def decide(self, actor, action, resource):
            decision = super().decide(actor, action, resource)
            if action is Action.PUBLISH:
                return type(decision)(False, "closed")
            return decision

    with portal.connect(home=home, policy=Closed()) as fed, pytest.raises(Denied):
        fed.virtualize(files, to=tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_the_command(home, files, tmp_path):
    names = [str(path) for path in files]
    first = CliRunner().invoke(app, ["virtualize", *names[:2], "--to", str(tmp_path / "all")])
    assert first.exit_code == 0, first.stderr
    assert first.stdout.strip() == str(tmp_path / "all")
    second = CliRunner().invoke(
        app, ["virtualize", str(files[0].parent), "--to", str(tmp_path / "all"), "--json"]
    )
    assert json.loads(second.stdout) == {"store": str(tmp_path / "all")}
    bad = CliRunner().invoke(app, ["virtualize", names[0], "--to", str(files[0].parent)])
    assert bad.exit_code == 2
    assert "no virtual store" in bad.stderr
    none = CliRunner().invoke(app, ["virtualize", "gone.nc", "--to", str(tmp_path / "x"), "--json"])
    assert none.exit_code == 2
    assert json.loads(none.stderr)["error"]["kind"] == "InvalidInput"
