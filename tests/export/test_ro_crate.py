"""RO-Crate: read by rocrate."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rocrate.rocrate import ROCrate

from portal.export import export
from tests.export.records import CSV, ITEMS, SHA256, full, item


def crate(items, tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_text(export(items, "ro-crate"), encoding="utf-8")
    return ROCrate(tmp_path)


def entities(items):
    return {e["@id"]: e for e in json.loads(export(items, "ro-crate"))["@graph"]}


def references(value):
    """Every name that an entity refers to."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            assert list(one) == ["@id"]
            yield one["@id"]


def test_the_samples(fed, tmp_path):
    items = fed.search("", limit=100).items
    found = crate(items, tmp_path)
    assert found.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.1"
    parts = found.root_dataset["hasPart"]
    assert [part["name"] for part in parts] == [item.title for item in items]
    assert [part["identifier"] for part in parts] == [item.id for item in items]
    assert all(part.type == "Dataset" for part in parts)


def test_what_a_record_says_is_in_its_crate(tmp_path):
    found = crate([full()], tmp_path)
    assert found.name == "Fluxes over a bog"
    assert found.datePublished == datetime(2024, 1, 1, tzinfo=UTC)
    bog = found.dereference("urn:portal:lab:bog/")
    assert bog["license"].id == "https://spdx.org/licenses/CC-BY-4.0"
    assert [c["name"] for c in bog["creator"]] == ["A Laboratory", "Grass and Bog, Inc."]
    assert bog["publisher"]["url"] == "https://repository.example.org"
    assert [v["name"] for v in bog["variableMeasured"]] == ["nee", "h"]
    assert bog["spatialCoverage"]["geo"]["box"] == "47.25 -93.5 47.5 -93"
    table, store = bog["hasPart"]
    assert (table.id, table.type) == ("https://data.example.org/fluxes.csv", "File")
    assert (table["contentSize"], table["sha256"]) == (str(len(CSV)), SHA256)
    assert (store.id, store.type) == ("s3://bucket/fluxes.zarr/", "Dataset")


def test_a_crate_of_records_without_a_date_is_of_today():
    before = datetime.now(UTC).date().isoformat()
    told = entities([item()])["./"]["datePublished"]
    assert before <= told <= datetime.now(UTC).date().isoformat()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(ITEMS, max_size=3, unique_by=lambda record: record.id))
def test_any_records_are_a_flat_graph_of_which_all_is_there(items):
    found = entities(items)
    root = found["./"]
    assert len(root["hasPart"]) == len(items)
    assert {"name", "description", "datePublished", "license"} <= set(root)
    named = {name for e in found.values() for value in e.values() for name in references(value)}
    outside = {"https://w3id.org/ro/crate/1.1"}
    outside |= {n for e in found.values() for n in references(e.get("isBasedOn", []))}
    assert named - set(found) <= outside


@pytest.mark.parametrize("name", ["A Lab", "Grass & Bog, Inc.", "#"])
def test_an_organisation_is_one_entity_in_all_records(name):
    provider = [{"name": name, "roles": ["producer"]}]
    found = entities([item("a", providers=provider), item("b", providers=provider)])
    assert [e["name"] for e in found.values() if e["@type"] == "Organization"] == [name]
