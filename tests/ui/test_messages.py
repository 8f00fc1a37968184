"""What the faces are told, over the sample federation."""

from __future__ import annotations

import json

import pytest

from portal.core.item import Item
from portal.core.query import BBox
from portal.errors import InvalidInput, InvalidQuery, UnknownItem
from portal.ui import messages


def test_a_query_of_nulls_is_the_default_query():
    nothing = dict.fromkeys(messages.QUERY_KEYS)
    assert messages.query(nothing) == messages.query({})


def test_a_query_takes_its_values():
    query = messages.query(
        {"text": " co2 ", "bbox": [-10, 0, 10, 5.5], "time": "2003/..", "facilities": ["ornl"]}
    )
    assert query.text == "co2"
    assert query.bbox == BBox(-10, 0, 10, 5.5)
    assert query.time is not None
    assert query.time.end is None
    assert query.facilities == ("ornl",)


@pytest.mark.parametrize("values", [None, [], "co2", 3])
def test_what_is_no_mapping_is_no_query(values):
    with pytest.raises(InvalidQuery, match="mapping"):
        messages.query(values)


@pytest.mark.parametrize("bbox", [[float("nan")] * 4, [1, 2, 3, None], [[1], 2, 3, 4], []])
def test_a_box_of_bad_numbers_is_refused(bbox):
    with pytest.raises(InvalidQuery):
        messages.query({"bbox": bbox})


def test_a_search_is_strict_json(fed):
    found = messages.search(fed, {"text": "temperature", "limit": 3})
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(found["hits"]) <= 3 <= found["total"] + 3
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert found["took_ms"] >= 0


def test_every_item_of_the_sample_has_details_that_are_strict_json(fed):
    items = fed.search(limit=1000)
    assert items
    for item in items:
        details = messages.item(fed, item.id)
        json.dumps(details, allow_nan=False)
        assert details["problem"] is None, details["problem"]
        assert details["repr_html"]
        assert details["providers"], item.id
        assert details["license"], item.id
        assert details["citation"], item.id
        for variable in details["variables"]:
            assert len(variable["shape"]) == len(variable["dims"])


@pytest.mark.parametrize("item_id", ["", None, 3, ["sandia:altitude"]])
def test_an_id_is_a_text(fed, item_id):
    with pytest.raises(InvalidInput):
        messages.item(fed, item_id)


def test_an_unknown_item_names_the_nearest(fed):
    with pytest.raises(UnknownItem, match="sandia:altitude"):
        messages.item(fed, "sandia:altitud")


def test_a_record_with_odd_fields_is_still_told():
    """As an index of another version may hold one: what is bad is as if it were missing."""
    document = {
        "type": "Feature",
        "id": "odd",
        "bbox": [1, 2],
        "properties": {
            "datetime": "never",
            "keywords": 3,
            "providers": [{}],
            "cube:variables": {"t": 3},
        },
        "assets": {},
        "links": [],
    }
    odd = Item("lab", json.dumps(document))
    told = messages._hit(odd, 1.0)
    assert told["title"] == "odd"
    assert (told["bbox"], told["start"], told["keywords"], told["variables"]) == (
        None,
        None,
        [],
        [],
    )


def test_facilities_tell_no_options(fed):
    told = json.dumps(messages.facilities(fed))
    assert str(fed.home.runs) not in told
    assert "sandia" in told


def test_a_damaged_run_is_listed_and_does_not_hide_the_others(fed):
    broken = fed.home.runs / "20260101T000000-broken-0123abcd"
    empty = fed.home.runs / "20260102T000000-empty-0123abcd"
    for path in (broken, empty):
        path.mkdir(parents=True)
    (broken / "run.json").write_text("{")
    told = messages.runs(fed)
    assert [run["state"] for run in told] == ["unreadable", "unreadable"]
    assert [run["id"] for run in told] == [empty.name, broken.name]
    assert all(run["title"] for run in told)
