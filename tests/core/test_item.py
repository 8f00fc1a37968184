"""The STAC round trip loses nothing, and an Item reads its fields right."""

from __future__ import annotations

import json
import pickle

import pystac
import pystac.validation
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.asset import Asset, Provider
from portal.core.item import Item, split_id
from portal.core.query import BBox
from portal.core.stac import from_pystac, to_pystac
from portal.core.variable import Dimension, Variable
from portal.errors import InvalidItem, InvalidQuery

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ASSETS = st.dictionaries(
    TEXT,
    st.fixed_dictionaries(
        {"href": TEXT},
        optional={
            "title": TEXT,
            "type": TEXT,
            "roles": st.lists(TEXT, max_size=2),
            "file:size": st.integers(min_value=0),
            "xarray:open_kwargs": st.dictionaries(TEXT, JSON, max_size=2),
            "vendor:field": JSON,
        },
    ),
    max_size=3,
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "type": st.just("Feature"),
        "stac_version": st.just("1.1.0"),
        "id": st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
        "geometry": st.none(),
        "properties": st.dictionaries(TEXT, JSON, max_size=5).map(
            lambda p: {"datetime": "2020-01-01T00:00:00.000Z"} | p
        ),
        "links": st.lists(st.fixed_dictionaries({"rel": TEXT, "href": TEXT}), max_size=2),
        "assets": ASSETS,
    },
    optional={"stac_extensions": st.lists(TEXT, max_size=2), "collection": TEXT, "vendor": JSON},
)


@given(DOCUMENTS)
def test_round_trip_is_lossless(document: dict) -> None:
    item = Item.from_stac(document, "lab")
    assert item.to_stac() == document
    assert pickle.loads(pickle.dumps(item)) == item
    assert Item.from_stac(item.to_stac(), "lab") == item


@given(ASSETS)
def test_an_asset_keeps_every_field_that_says_something(assets: dict) -> None:
    for document in assets.values():
        written = Asset.from_stac(document).to_stac()
        said = {k: v for k, v in document.items() if v not in (None, "", [], {}) or k == "href"}
        if "vendor:field" in document:
            said["vendor:field"] = document["vendor:field"]
        assert written == said


def make() -> Item:
    return Item.build(
        "lab",
        "rain-1990",
        title="Rain",
        description="Rain over a year.",
        bbox=(170, -10, -170, 10),
        time="1990",
        variables=[
            Variable("pr", ("time", "lat", "lon"), "Rain", "precipitation_flux", "kg m-2 s-1")
        ],
        dimensions=[
            Dimension(
                "time", "temporal", size=12, extent=("1990-01-01T00:00:00Z", "1990-12-01T00:00:00Z")
            ),
            Dimension("lat", "spatial", "y", 20, (-10.0, 10.0), "degrees_north"),
        ],
        assets={
            "data": Asset(
                "/data/rain.nc", roles=("data",), size=10, open_kwargs={"engine": "h5netcdf"}
            )
        },
        keywords=["rain"],
        license="CC-BY-4.0",
        providers=[Provider("A laboratory", ("producer",), "https://example.org")],
        citation="A laboratory (1990). Rain.",
    )


def test_built_item_is_valid_stac_and_reads_back() -> None:
    item = make()
    stac = to_pystac(item)
    stac.stac_extensions = []
    pystac.validation.validate_dict(
        stac.to_dict(), stac_object_type=pystac.STACObjectType.ITEM, extensions=[]
    )
    assert item.id == "lab:rain-1990"
    assert item.bbox == BBox(170, -10, -170, 10)
    assert item.to_stac()["geometry"]["type"] == "MultiPolygon"
    assert str(item.interval) == "1990-01-01T00:00:00Z/1990-12-31T23:59:59.999999Z"
    assert item.variables[0].standard_name == "precipitation_flux"
    assert item.dimensions[0].size == 12
    assert item.stored_bytes == 10
    assert item.decoded_bytes is None
    assert item.providers[0].name == "A laboratory"
    assert item.assets["data"].open_kwargs == {"engine": "h5netcdf"}
    extensions = item.to_stac()["stac_extensions"]
    assert [u.split("/")[3] for u in extensions] == [
        "datacube",
        "scientific",
        "xarray-assets",
        "file",
    ]


def test_pystac_and_back() -> None:
    assert from_pystac(to_pystac(make()), "lab").properties == make().properties


def test_decoded_bytes_come_from_shapes_and_types() -> None:
    sizes = [Dimension("lat", size=180), Dimension("lon", size=360)]
    grid = [Variable("a", ("lat", "lon"), dtype="float32"), Variable("b", ("lat",), dtype="int64")]
    item = Item.build("lab", "x", title="x", time="2000", dimensions=sizes, variables=grid)
    assert item.decoded_bytes == 180 * 360 * 4 + 180 * 8


def test_data_without_a_time_has_none() -> None:
    item = Item.build("lab", "relief", title="Relief", created="2020-01-01T00:00:00Z")
    assert item.interval is None
    assert item.properties["datetime"] == "2020-01-01T00:00:00Z"
    with pytest.raises(InvalidItem, match="needs a time"):
        Item.build("lab", "relief", title="Relief")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "Collection"}, "not a STAC Item"),
        ({"id": 3}, "not a STAC Item"),
        ({"id": ""}, "facility:local-id"),
        ({"properties": None}, "requires the field 'properties'"),
        ({"assets": []}, "requires the field 'assets'"),
        ({"assets": {"data": "x.nc"}}, "an asset without an address"),
        ({"assets": {"data": {"href": 3}}}, "an asset without an address"),
        ({"properties": {"x": float("nan")}}, "cannot be written as JSON"),
    ],
)
def test_a_record_that_is_no_item_is_refused(change: dict, message: str) -> None:
    with pytest.raises(InvalidItem, match=message):
        Item.from_stac(make().to_stac() | change, "lab")


def test_an_item_cannot_be_changed_through_what_it_gives() -> None:
    item = make()
    item.properties["title"] = "Snow"
    item.to_stac()["properties"]["title"] = "Snow"
    item.links and item.links[0].clear()
    assert item.title == "Rain"
    with pytest.raises(AttributeError):
        item.facility = "other"


@pytest.mark.parametrize("text", ["", "x", ":x", "x:", "Two Words:x", "../x:y"])
def test_bad_ids(text: str) -> None:
    with pytest.raises(InvalidItem, match="facility:local-id"):
        split_id(text)


def test_a_bad_box_is_named() -> None:
    with pytest.raises(InvalidQuery, match="latitudes"):
        Item.build("lab", "x", title="x", bbox=(0, 20, 10, -20), time="2000")


@pytest.mark.parametrize(
    "start",
    [
        '{"type":"Feature","stac_version":"1.1.0","stac_extensions":["https://a/b","c"],',
        '{"type":"Feature","stac_extensions":[],',
        '{"links":[{"id":"of another"}],"type":"Feature",',
        '{ "type" : "Feature", ',
        "{",
    ],
)
@pytest.mark.parametrize("name", ["a", 'quoted \\"a\\"', "\\u00e9\\\\", "é", "x:y"])
def test_the_id_is_read_from_wherever_it_stands(start: str, name: str) -> None:
    text = f'{start}"id":"{name}","properties":{{"id":"not this"}},"assets":{{}}}}'
    assert Item("lab", text).local_id == json.loads(text)["id"]
