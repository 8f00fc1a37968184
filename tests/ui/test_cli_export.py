"""The command ``portal export``."""

from __future__ import annotations

import json

import pytest

from tests.ui.test_cli import call, error_of


def test_ids_are_written_to_standard_output(fed):
    result = call("export", "sandia:altitude", "--format", "bibtex")
    assert result.exit_code == 0
    assert result.stdout == fed.export("sandia:altitude", "bibtex")
    document = json.loads(call("export", "sandia:altitude").stdout)
    assert document == fed.item("sandia:altitude").to_stac()


def test_a_search_is_written_to_a_file(fed, tmp_path):
    path = tmp_path / "found.json"
    given = ("export", "sandia:altitude", "--search", "irradiance", "--limit", "2", "--out", str(path))  # fmt: skip
    result = call(*given, "--format", "dcat", "--json")
    assert json.loads(result.stdout) == {"file": str(path), "bytes": path.stat().st_size}
    expected = fed.export([fed.item("sandia:altitude"), *fed.search("irradiance", limit=2)], "dcat")
    assert path.read_text(encoding="utf-8") == expected
    assert len(json.loads(expected)["dcat:dataset"]) == 3


def test_as_json_the_text_stands_in_the_answer(fed):
    answer = json.loads(call("export", "sandia:altitude", "--format", "bibtex", "--json").stdout)
    assert answer == {"format": "bibtex", "text": fed.export("sandia:altitude", "bibtex")}


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "named"),
    [
        ([], 2, "InvalidParameter", "neither an id nor --search"),
        (["sandia:altitude", "--format", "word"], 2, "InvalidInput", "croissant"),
        (["sandia:altitud"], 2, "UnknownItem", "sandia:altitud"),
        (["sandia:altitude", "--out", "no-such-directory/x.json"], 1, "Unavailable", "no-such"),
    ],
)
def test_bad_input_says_what_was_there(home, arguments, code, kind, named):
    result = call("export", *arguments, "--json")
    assert (result.exit_code, result.stdout) == (code, "")
    assert error_of(result)["kind"] == kind
    assert named in error_of(result)["message"]
