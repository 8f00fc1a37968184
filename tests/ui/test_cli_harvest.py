"""``portal harvest`` on the command line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from portal.core.item import Item
from portal.ui.cli.commands import app


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def source(home, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "lab.toml").write_text(
        f'name = "Lab"\n[catalog.data]\ndriver = "folder"\npath = "{data}"\n'
    )
    path = tmp_path / "records.ndjson"
    made = [
        Item.build("lab", name, title=f"Quark {name}", created="2020-01-01T00:00:00Z").text
        for name in ("up", "down")
    ]
    path.write_text("\n".join([made[0], "{broken", made[1]]))
    return path


def test_a_file_is_taken_and_its_broken_line_named(source):
    done = call("harvest", "lab", "--from", str(source))
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == "lab data+records.ndjson: 2 records, 0 removed, 1 left out"
    assert f"warning: {source}, line 2: it is not JSON" in done.stderr
    hits = json.loads(call("search", "quark", "--json").stdout)["hits"]
    assert {hit["id"] for hit in hits} == {"lab:up", "lab:down"}


def test_json_tells_all_of_it(source):
    (told,) = json.loads(call("harvest", "lab", "--from", str(source), "--json").stdout)["harvests"]
    assert (told["records"], told["broken"], told["done"]) == (2, 1, True)
    (again,) = json.loads(call("harvest", "lab", "--from", str(source), "--json").stdout)[
        "harvests"
    ]
    assert again["records"] == 0


def test_the_catalogs_of_a_facility_are_listed(source):
    done = call("harvest", "lab")
    assert done.exit_code == 0, done.output
    assert "lab data: 0 records" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("nowhere",), "No facility is called 'nowhere'"),
     (("lab", "--catalog", "none"), "catalogs: data"),
     (("lab", "--from", "/no/such/file"), "There is no file")],
)  # fmt: skip
def test_errors_say_what_to_do(source, arguments, said):
    done = call("harvest", *arguments)
    assert done.exit_code != 0
    assert said in done.stderr
