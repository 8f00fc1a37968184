"""The shipped tables, and how they are made."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from portal.words.build import outlines, standard_names
from portal.words.chunks import keys
from portal.words.tables import load


def _synonyms() -> list[tuple[list[str], list[str]]]:
    text = (files("portal.words") / "data" / "synonyms.txt").read_text(encoding="utf-8")
    lines = [line.split(":") for line in text.splitlines() if line and line[0] != "#"]
    return [(names.split(), phrases.split(",")) for names, phrases in lines]


def test_every_name_is_in_the_cf_table() -> None:
    known = load().units
    assert len(known) > 5_000
    assert [name for names, _ in _synonyms() for name in names if name not in known] == []


def test_the_vocabulary_is_large_and_says_nothing_twice() -> None:
    phrases = [
        phrase.strip() if phrase.isupper() else keys(phrase)
        for _, of_one in _synonyms()
        for phrase in of_one
    ]
    assert len(_synonyms()) >= 150
    assert len(phrases) >= 600
    assert sorted(map(str, set(phrases))) == sorted(map(str, phrases))
    assert all(phrases)


def test_no_other_name_hides_a_place() -> None:
    several = {key: found for key, found in load().places.items() if len(found) > 1}
    assert {key: [p.name for p in found] for key, found in several.items()} == {
        "georgia": ["Georgia", "Georgia (country)"]
    }


def test_names_are_taken_from_the_table(tmp_path: Path) -> None:
    table = tmp_path / "table.xml"
    table.write_text(
        "<standard_name_table><version_number>7</version_number>"
        "<last_modified>2020-01-02T00:00:00Z</last_modified>"
        '<entry id="b_c"><canonical_units>K</canonical_units><description>x</description></entry>'
        '<entry id="a"><canonical_units>1</canonical_units></entry>'
        '<alias id="old"><entry_id>b_c</entry_id></alias></standard_name_table>'
    )
    head, *rest = standard_names(table)
    assert "version 7 of 2020-01-02" in head
    assert rest == ["a\t1", "b_c\tK\told"]


def _topology(name: str, shapes: dict[str, list[list[list[float]]]]) -> str:
    """Write TopoJSON as it is shipped: every ring is one arc, in steps of 0.01 degree."""
    arcs, geometries = [], []
    for shape, rings in shapes.items():
        numbers = []
        for ring in rings:
            steps = [[round(x * 100), round(y * 100)] for x, y in ring]
            deltas = [[a - c, b - d] for (a, b), (c, d) in zip(steps[1:], steps, strict=False)]
            numbers.append([[len(arcs)]])
            arcs.append([steps[0], *deltas])
        geometries.append({"type": "MultiPolygon", "arcs": numbers, "properties": {"name": shape}})
    transform = {"scale": [0.01, 0.01], "translate": [0, 0]}
    objects = {name: {"geometries": geometries}}
    return json.dumps({"transform": transform, "arcs": arcs, "objects": objects})


def test_boxes_are_taken_from_outlines(tmp_path: Path) -> None:
    home = [[0.04, 40.0], [10.0, 40.0], [10.0, 50.01], [0.04, 40.0]]
    near, far = ([[x, 45.0], [x + 1, 46.0], [x, 45.0]] for x in (-5.0, -60.0))
    dateline = [[179.0, -18.0], [180.0, -17.0], [-180.0, -17.0], [-179.0, -18.0], [179.0, -18.0]]
    countries, states = tmp_path / "countries.json", tmp_path / "states.json"
    countries.write_text(
        _topology(
            "countries",
            {
                "Homeland": [home, near, far],
                "Dateline": [dateline],
                "Georgia": [home],
                "Guam": [far],
                "Dem. Rep. Congo": [home],
                "Baikonur": [home],
            },
        )
    )
    states.write_text(_topology("states", {"Georgia": [far], "Guam": [near]}))
    _, *found = outlines(countries, states)
    assert found == [
        "state\t-60\t45\t-59\t46\tGeorgia",
        "state\t-5\t45\t-4\t46\tGuam",
        "country\t179\t-18\t-179\t-17\tDateline",
        "country\t0\t40\t10\t50.1\tDemocratic Republic of the Congo",
        "country\t0\t40\t10\t50.1\tGeorgia (country)",
        "country\t-5\t40\t10\t50.1\tHomeland",
    ]
