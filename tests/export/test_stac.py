"""STAC: the documents as they are."""

from __future__ import annotations

import json

import pystac
import pytest

from portal.export import export
from tests.export.records import across, full


def test_one_is_the_document_itself(fed):
    for item in fed.search("", limit=100):
        text = export([item], "stac")
        assert json.loads(text) == item.to_stac()
        assert pystac.Item.from_dict(json.loads(text)).id == item.local_id


@pytest.mark.parametrize("items", [[], [full(), across()]])
def test_any_other_number_is_a_collection_of_them(items):
    document = json.loads(export(items, "stac"))
    assert document["type"] == "FeatureCollection"
    assert document["features"] == [item.to_stac() for item in items]
    assert len(pystac.ItemCollection.from_dict(document)) == len(items)
