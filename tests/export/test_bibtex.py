"""BibTeX entries: read back by bibtexparser, whatever the records hold."""

from __future__ import annotations

import bibtexparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.export import export
from portal.export.bibtex import bibtex
from tests.export.records import HOSTILE, ITEMS, item


def parse(text):
    library = bibtexparser.parse_string(text)
    assert library.failed_blocks == []
    assert library.comments == library.preambles == library.strings == []
    return library.entries


def fields(record):
    (entry,) = parse(bibtex(record))
    return {field.key: field.value for field in entry.fields}


def test_the_samples(fed):
    items = fed.search("", limit=100).items
    entries = parse(export(items, "bibtex"))
    assert [entry.key for entry in entries] == [item.id for item in items]
    turbidity = next(entry for entry in entries if entry.key == "sandia:linke-turbidity")
    assert turbidity.entry_type == "misc"
    assert turbidity["author"] == "{SoDa: Meteotest and École des Mines de Paris}"
    assert turbidity["title"] == "{Linke turbidity of the atmosphere, monthly climatology}"
    assert turbidity["year"] == "2003"
    assert turbidity["note"].endswith("Portal: sandia:linke-turbidity")
    assert "Worldwide Linke turbidity information" in turbidity["note"]


def test_what_a_record_says_is_in_its_entry():
    told = fields(
        item(
            title="Fluxes",
            published="2021-03-04T00:00:00Z",
            version="2.1",
            providers=[
                {"name": "A. Lab", "roles": ["producer"]},
                {"name": "B and C, Inc.", "roles": ["producer"]},
                {"name": "The Host", "roles": ["host"]},
            ],
            **{"sci:doi": "https://doi.org/10.1234/a_b%c"},
        )
    )
    assert told == {
        "author": "{A. Lab} and {B and C, Inc.}",
        "title": "{Fluxes}",
        "howpublished": "Dataset",
        "publisher": "The Host",
        "year": "2021",
        "version": "2.1",
        "doi": "10.1234/a_b%c",
        "url": "https://doi.org/10.1234/a_b%25c",
        "note": "Portal: lab:one",
    }


@pytest.mark.parametrize(
    ("citation", "year"),
    [
        ("Doe, J. (2005): Fluxes.", "2005"),
        ("Doe, J. (2005a). Fluxes. Nature 523 (7561).", "2005"),
        ("Doe, J. Fluxes. Nature 523 (7561), 2015.", None),
    ],
)
def test_the_year_is_that_of_the_data_never_of_the_record(citation, year):
    record = item(created="2026-01-01T00:00:00Z", **{"sci:citation": citation})
    assert fields(record).get("year") == year


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("5 % & $6 #1_a", r"5 \% \& \$6 \#1\_a"),
        ("{a} \\b", r"\textbraceleft{}a\textbraceright{} \textbackslash{}b"),
        ("a~b^c", r"a\textasciitilde{}b\textasciicircum{}c"),
        ("two\nlines", "two lines"),
    ],
)
def test_signs_of_tex_are_escaped(title, written):
    assert fields(item(title=title))["title"] == f"{{{written}}}"


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_stays_in_its_field(title):
    told = fields(item(title=title))
    assert set(told) == {"title", "howpublished", "note"}
    depth = 0
    for before, sign in zip(" " + told["title"], told["title"], strict=False):
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
        assert sign not in "%$&#_" or before == "\\"
    assert depth == 0


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(ITEMS, max_size=4, unique_by=lambda record: record.id))
def test_any_records_make_entries_that_can_be_read(items):
    text = export(items, "bibtex")
    entries = parse(text)
    assert len({entry.key.lower() for entry in entries}) == len(items)
    text.encode()
    assert text == export(items, "bibtex")


def test_a_key_is_the_id_or_made_of_it_alone():
    (plain,) = parse(bibtex(item("a-b")))
    assert plain.key == "lab:a-b"
    (odd, other) = parse(export([item("A {b}"), item("a (b)")], "bibtex"))
    assert odd.key.startswith("lab:a-b-")
    assert other.key.startswith("lab:a-b-")
    assert parse(bibtex(item("A {b}")))[0].key == odd.key != other.key
