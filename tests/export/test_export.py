"""What all the formats hold to: names, order, hostile and broken records."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.errors import InvalidInput
from portal.export import FORMATS, export
from tests.export.records import HOSTILE, ITEMS, full, item

JSON = [name for name in FORMATS if name != "bibtex"]


def texts(value):
    """Every text of a document, its keys too."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def test_the_formats():
    assert list(FORMATS) == ["stac", "croissant", "dcat", "schema.org", "ro-crate", "bibtex"]
    for name, found in FORMATS.items():
        assert found.name == name
        assert found.title
        assert found.suffix.startswith(".")
        assert "/" in found.media_type


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(
        InvalidInput, match="'endnote'.*stac, croissant, dcat, schema.org, ro-crate"
    ):
        export([full()], "endnote")


@pytest.mark.parametrize("name", JSON)
def test_json_is_indented_and_ends_with_a_line(name):
    text = export([full()], name)
    assert text.startswith("{\n  ")
    assert text.endswith("}\n")


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_given_twice_is_written_once(name):
    assert export([full(), full()], name) == export([full()], name)


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_is_kept(name):
    text = export([item("zz", title="Zz"), item("aa", title="Aa")], name)
    assert text.index("zz") < text.index("aa")


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_leaves_a_script_element(name, title):
    text = export([item(title=title), item("two", description=title)], name)
    assert "<" not in text
    text.encode()
    clean = re.sub("[\x00\x1b\ud800]", "", title).strip()
    kept = title if name == "stac" else clean
    assert not clean or kept in set(texts(json.loads(text)))


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "stac"])
def test_what_only_this_machine_can_follow_stays_here(name):
    hrefs = ["/data/secret.nc", "file:///data/secret.nc", "https://me:secret@example.org/x"]
    assets = {f"a{n}": {"href": href, "roles": ["data"]} for n, href in enumerate(hrefs)}
    document = item(title="x", providers=[{"name": "n", "url": hrefs[2]}]).to_stac()
    document |= {"assets": assets, "links": [{"rel": "about", "href": h} for h in hrefs]}
    assert "secret" not in export([item().from_stac(document, "lab")], name)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.lists(ITEMS, max_size=3, unique_by=lambda record: record.id), st.sampled_from(JSON))
def test_any_records_make_a_document(items, name):
    text = export(items, name)
    text.encode()
    assert "<" not in text
    assert text == export(items, name)
    document = json.loads(text)
    if name == "stac":
        documents = [record.to_stac() for record in items]
        assert document == documents[0] if len(items) == 1 else document["features"] == documents
    else:
        json.dumps(document, allow_nan=False)
        found = {t for t in texts(document) if t.startswith("urn:portal:lab")}
        assert len({t for t in found if "#" not in t}) >= len(items)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(odd=ITEMS)
def test_a_bad_record_never_fails_a_good_one(name, odd):
    assert "Fluxes over a bog" in export([odd, full()], name)
