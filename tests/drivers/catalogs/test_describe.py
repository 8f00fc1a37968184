"""What is read from a dataset's metadata: places, times, roles and credit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._describe import credit, describe, tidy
from portal.drivers.catalogs._record import complete, local_id_of
from portal.drivers.catalogs.folder import FolderCatalog
from portal.errors import InvalidItem, PortalWarning

LAT = {"units": "degrees_north"}
LON = {"units": "degrees_east"}


def at(longitudes, latitudes=(0.0,)) -> xr.Dataset:
    return xr.Dataset(
        {"v": (("lat", "lon"), np.zeros((len(latitudes), len(longitudes))))},
        coords={"lat": ("lat", list(latitudes), LAT), "lon": ("lon", list(longitudes), LON)},
    )


@pytest.mark.parametrize(
    ("longitudes", "west", "east"),
    [
        (np.arange(0, 360, 1.0), -180, 180),
        (np.arange(-180, 180, 2.5), -180, 180),
        (np.arange(-179.5, 180, 1.0), -180, 180),
        (np.arange(0, 361, 1.0), -180, 180),
        ([225, 270, 315], -135, -45),
        ([170, 180, 190], 170, -170),
        ([-10, 0, 10], -10, 10),
        ([350, 0, 10], -10, 10),
        ([0.5, 325.5, 330.5, 335.5, 355.5], -34.5, 0.5),
        ([170, 175, 180], 170, 180),
        ([0, 1], 0, 1),
        ([-155.6], -155.6, -155.6),
        ([180.0], 180, 180),
    ],
)
def test_the_box_is_what_the_longitudes_go_around(longitudes, west, east):
    bbox = describe(at(np.asarray(longitudes, dtype=float)))["bbox"]
    assert (bbox[0] % 360, bbox[2] % 360) == pytest.approx((west % 360, east % 360))
    assert -180 <= bbox[0] <= 180
    assert -180 <= bbox[2] <= 180


@given(
    west=st.floats(-180, 179),
    step=st.floats(0.1, 12),
    count=st.integers(1, 15),
    turns=st.sampled_from([0, 360]),
    south=st.floats(-90, 80),
)
def test_every_longitude_lies_in_the_box(west, step, count, turns, south):
    longitudes = west + np.arange(count) * step
    item = Item.build(
        "here",
        "x",
        title="x",
        created="2020-01-01T00:00:00Z",
        **describe(at(longitudes + turns, [south, south + 10])),
    )
    assert item.bbox.south <= south + 1e-5
    for value in longitudes:
        inside = [
            low - 1e-5 <= value + shift <= high + 1e-5
            for low, high in item.bbox.spans
            for shift in (-360, 0, 360)
        ]
        assert any(inside)


def test_latitudes_that_are_none_give_no_place():
    assert describe(at([0, 1], [0, 5000.0]))["bbox"] is None
    assert describe(at([0, 1], [np.nan]))["bbox"] is None
    assert describe(xr.Dataset({"v": ("n", [1.0])}))["bbox"] is None


def test_curvilinear_coordinates_are_read():
    y, x = np.mgrid[0:4, 0:6]
    data = xr.Dataset(
        {"v": (("j", "i"), np.zeros((4, 6)))},
        coords={
            "nav_lat": (("j", "i"), 40.0 + y, {"standard_name": "latitude", "units": "degrees"}),
            "nav_lon": (("j", "i"), 355.0 + x * 2, {"standard_name": "longitude"}),
        },
    )
    assert describe(data)["bbox"] == (-5, 40, 5, 43)


@pytest.mark.parametrize("calendar", ["standard", "360_day", "noleap", "julian"])
def test_times_of_any_calendar(calendar):
    times = xr.date_range("1900-01-30", periods=3, freq="D", calendar=calendar, use_cftime=True)
    data = xr.Dataset({"v": ("time", np.zeros(3))}, coords={"time": times})
    said = describe(data)["time"]
    assert said.startswith("1900-01-30T00:00:00Z/1900-")
    item = Item.build("here", "x", title="x", **describe(data))
    assert item.interval.start.year == 1900


def test_a_thirtieth_of_february_is_brought_to_its_last_day():
    times = xr.date_range("2001-02-30", periods=1, freq="D", calendar="360_day")
    data = xr.Dataset({"v": ("time", np.zeros(1))}, coords={"time": times})
    assert describe(data)["time"] == "2001-02-28T00:00:00Z/2001-02-28T00:00:00Z"


def test_times_that_rfc_3339_cannot_say_are_left_out():
    times = np.array(["-0044-03-15", "2000-01-01"], dtype="datetime64[s]")
    data = xr.Dataset({"v": ("time", np.zeros(2))}, coords={"time": times})
    assert describe(data)["time"] is None
    nothing = np.array(["NaT", "NaT"], dtype="datetime64[ns]")
    data = xr.Dataset({"v": ("time", np.zeros(2))}, coords={"time": nothing})
    assert describe(data)["time"] is None


def test_bounds_and_grid_mappings_are_no_variables():
    data = at([0, 1]).assign(
        crs=((), 0), lat_bounds=(("lat", "nv"), np.zeros((1, 2))), other=("lat", [1.0])
    )
    data["lat"].attrs["bounds"] = "lat_bounds"
    data["v"].attrs["grid_mapping"] = "crs"
    assert {v.name for v in describe(tidy(data))["variables"]} == {"v", "other"}


def test_credit_is_what_the_attributes_say():
    data = xr.Dataset(
        attrs={
            "title": "A\ttitle\n",
            "summary": "What it is.",
            "keywords": "a, b; c > d, a",
            "institution": "Lab",
            "license": "Ask us",
            "references": "Us (2020)",
            "doi": "https://doi.org/10.1234/ab.c",
        }
    )
    found = credit(data)
    assert found["title"] == "A title"
    assert found["description"] == "What it is. Licence: Ask us"
    assert "license" not in found
    assert found["keywords"] == ["a", "b", "c", "d"]
    assert found["doi"] == "10.1234/ab.c"
    assert found["citation"] == "Us (2020)"
    assert credit(xr.Dataset(attrs={"title": np.array([1, 2]), "license": "MIT"})) == {
        "title": "[1 2]",
        "license": "MIT",
    }


def test_ids_are_made_of_safe_characters():
    assert local_id_of("a b/ü.nc") == "a-b"
    assert local_id_of("deep/er/x.y.zarr") == "deep-er-x.y"
    assert local_id_of("....nc") == "data"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(
    key=st.sampled_from(["type", "properties", "assets", "links", "bbox", "stac_extensions"]),
    value=_JSON,
)
def test_any_record_is_completed_or_refused(key, value):
    document = Item.build("here", "x", title="x", created="2020-01-01T00:00:00Z").to_stac()
    try:
        item = complete(document | {key: value}, "here", "x", describe(at([0, 1])), Asset("/x"))
    except InvalidItem:
        return
    assert item.assets["data"].href == "/x"
    assert item.variables


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    key=st.sampled_from(["shape", "data_type", "chunk_grid", "codecs", "attributes", "dimension_names", "fill_value", "zarr_format", "node_type"]),
    value=_JSON,
)  # fmt: skip
def test_no_metadata_breaks_the_listing(tmp_path, key, value):
    import warnings

    path = tmp_path / "x.zarr"
    at([0, 1]).to_zarr(path, mode="w", consolidated=False)
    node = json.loads((path / "v" / "zarr.json").read_text())
    (path / "v" / "zarr.json").write_text(json.dumps(node | {key: value}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = list(FolderCatalog("here", path=str(tmp_path)).items())
    assert len(found) + len([w for w in caught if w.category is PortalWarning]) == 1
