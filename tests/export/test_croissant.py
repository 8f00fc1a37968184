"""Croissant: validated by mlcroissant, and its tables read by it."""

from __future__ import annotations

import json
from typing import Any

import mlcroissant
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from portal.core.asset import Asset
from portal.export import export
from tests.export.records import CSV, HOSTILE, ITEMS, SHA256, across, full, item

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")


def validated(document: dict[str, Any]) -> mlcroissant.Dataset:
    """Load a document; mlcroissant raises where it finds errors."""
    found = mlcroissant.Dataset(jsonld=document)
    assert found.metadata.ctx.issues.errors == set()
    return found


def test_the_samples_are_valid(fed):
    items = fed.search("", limit=100).items
    documents = json.loads(export(items, "croissant"))
    assert len(documents) == len(items) > 1
    for record, document in zip(items, documents, strict=True):
        assert validated(document).metadata.name == record.title


def test_what_a_record_says_is_in_its_document():
    document = json.loads(export([full()], "croissant"))
    metadata = validated(document).metadata
    assert metadata.ctx.issues.warnings == set()
    assert metadata.license == ["https://spdx.org/licenses/CC-BY-4.0"]
    assert metadata.url == "https://repository.example.org/bog"
    assert metadata.cite_as.startswith("@misc{lab:bog,")
    assert [c.name for c in metadata.creators] == ["A Laboratory", "Grass and Bog, Inc."]
    table, store = metadata.distribution
    assert (table.content_url, table.sha256) == ("https://data.example.org/fluxes.csv", SHA256)
    assert (table.content_size, table.encoding_formats) == (f"{len(CSV)} B", ["text/csv"])
    assert store.content_url == "s3://bucket/fluxes.zarr"
    assert [v["name"] for v in document["variableMeasured"]] == ["nee", "h"]


def test_a_table_is_read_by_its_record_set(tmp_path):
    path = tmp_path / "fluxes.csv"
    path.write_bytes(CSV)
    document = json.loads(export([full()], "croissant"))
    dataset = mlcroissant.Dataset(jsonld=document, mapping={"file/data": path})
    assert [list(record.values()) for record in dataset.records("table/data")] == [
        [pd.Timestamp("2003-01-01T00:00"), 1.5],
        [pd.Timestamp("2003-01-01T00:30"), -2.25],
    ]


def test_a_dataset_is_live_unless_every_file_has_a_checksum():
    assert json.loads(export([full()], "croissant"))["isLiveDataset"] is True
    data = full().assets["data"]
    fixed = json.loads(export([full(assets={"data": data})], "croissant"))
    assert "isLiveDataset" not in fixed
    validated(fixed)


def test_a_file_of_unknown_kind_is_bytes():
    document = json.loads(export([full(assets={"a": Asset("https://e.org/a")})], "croissant"))
    (file,) = validated(document).metadata.distribution
    assert file.encoding_formats == ["application/octet-stream"]


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_records_are_valid(title):
    assets = {title or "x": Asset("https://e.org/a", title=title, media_type="text/csv", extra={
        "table:columns": [{"name": title, "type": title}, {"name": "n", "type": "int64"}],
    })}  # fmt: skip
    odd = full(title=title, description=title, assets=assets, properties={"version": title})
    for record in (odd, item(title, title=title)):
        validated(json.loads(export([record], "croissant")))


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(odd=ITEMS)
def test_any_record_is_valid(odd):
    validated(json.loads(export([odd], "croissant")))


def test_several_are_an_array_of_documents():
    documents = json.loads(export([full(), across()], "croissant"))
    assert [validated(d).metadata.name for d in documents] == ["Fluxes over a bog"] * 2
    assert json.loads(export([], "croissant")) == []
