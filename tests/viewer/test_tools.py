"""What the tools say of an array is what xarray says of it, whatever holds the array."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import InvalidParameter
from portal.viewer import Viewer
from portal.viewer.stream import overview
from portal.viewer.tools import tools_methods
from tests.viewer.earths import columns, mpas, scrip, ugrid

HOLDERS = ("numpy", "dask", "zarr", "dask-zarr", "netcdf")


class Asked:
    """A call that keeps what it is sent, and may be cancelled after some parts."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.cancelled = threading.Event()
        self.parts: list[tuple[dict[str, Any], list[np.ndarray]]] = []
        self.cancel_after = cancel_after

    def part(self, result: Any, buffers: tuple[bytes, ...] = ()) -> None:
        self.parts.append((result, [np.frombuffer(b, "<f8") for b in buffers]))
        if len(self.parts) == self.cancel_after:
            self.cancelled.set()

    def progress(self, done: float, total: float, what: str = "") -> None:
        assert 0 <= done <= total

    def values(self) -> np.ndarray:
        """The whole, put together as the front-end does it."""
        head = self.parts[0][0]
        rows = np.full((head["along"]["size"], head.get("places", 1)), np.nan)
        for header, (*_, values) in self.parts:
            if "pieces" not in header:
                continue
            taken = 0
            for start, count in header["pieces"]:
                size = count * rows.shape[1]
                rows[start : start + count] = values[taken : taken + size].reshape(count, -1)
                taken += size
        return rows


def ask(ds: xr.Dataset, method: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], Asked]:
    call = Asked()
    return tools_methods(Viewer(ds))[method](params, call), call


@settings(max_examples=25)
@given(
    holder=st.sampled_from(HOLDERS),
    along=st.sampled_from(("time", "depth", "lat", "lon")),
    index=st.tuples(st.integers(0, 29), st.integers(0, 3), st.integers(0, 17), st.integers(0, 35)),
)
def test_a_series_is_that_of_isel(
    held: dict[str, Any], holder: str, along: str, index: tuple[int, ...]
) -> None:
    ds = held[holder]
    every = dict(zip(ds.t.dims, index, strict=True))
    at = {"cell": every["lat"] * 36 + every["lon"]}
    rest = {d: every[d] for d in ("time", "depth")}
    params = {"variable": "t", "index": rest, "at": at, "along": along}
    result, call = ask(ds, "series", params)
    expected = ds.t.isel({d: i for d, i in every.items() if d != along})
    np.testing.assert_array_equal(call.values()[:, 0], expected.values)
    assert result["cancelled"] is False
    assert call.parts[-1][0]["done"] == ds.sizes[along]


def test_the_cost_counts_the_chunks_of_the_pencil(held: dict[str, Any]) -> None:
    params = {"variable": "t", "index": {}, "at": {"cell": 3 * 36 + 3}, "along": "time"}
    _, call = ask(held["zarr"], "series", params)
    cost = call.parts[0][0]["cost"]
    assert cost["chunks"] == 5
    assert cost["bytes"] == 30 * 2 * 9 * 12 * 4
    assert cost["seconds"] > 0
    _, call = ask(held["numpy"], "series", params)
    assert call.parts[0][0]["cost"]["chunks"] == 0


@given(count=st.integers(1, 300))
def test_an_overview_holds_every_piece_once_and_is_spread(count: int) -> None:
    order = overview(count)
    assert sorted(order) == list(range(count))
    first_half = sorted(order[: (count + 1) // 2])
    assert np.diff([*first_half, count]).max() <= 4


def test_pieces_that_share_work_are_read_in_one(held: dict[str, Any]) -> None:
    ds = held["dask"]
    ds = ds.assign(t=ds.t - ds.t.mean("time"))
    params = {"variable": "t", "index": {}, "at": {"cell": 4 * 36 + 9}, "along": "time"}
    _, call = ask(ds, "series", params)
    np.testing.assert_allclose(call.values()[:, 0], ds.t[:, 0, 4, 9].values)


@settings(max_examples=25)
@given(
    holder=st.sampled_from(HOLDERS),
    lon=st.integers(-720, 720).map(lambda n: n / 4),
    width=st.integers(60, 1200).map(lambda n: n / 4),
    lat=st.integers(-320, 240).map(lambda n: n / 4),
    height=st.integers(40, 240).map(lambda n: n / 4),
    time=st.integers(0, 29),
)
def test_a_box_is_weighted_by_the_cosine_of_latitude(
    held: dict[str, Any],
    holder: str,
    lon: float,
    width: float,
    lat: float,
    height: float,
    time: int,
) -> None:
    ds = held["numpy"]
    params = {
        "variable": "t",
        "index": {"time": time, "depth": 1},
        "ends": [lon, lat, lon + width, lat + height],
    }
    result, _ = ask(held[holder], "box", params)
    inside = ((ds.lon - lon) % 360 <= width) & (ds.lat >= lat) & (ds.lat <= lat + height)
    cells = ds.t.isel(time=time, depth=1).astype("f8").where(inside)
    weighted = cells.weighted(np.cos(np.deg2rad(ds.lat)))
    np.testing.assert_allclose(result["mean"], weighted.mean().item())
    np.testing.assert_allclose(result["deviation"], weighted.std().item())
    assert result["low"] == cells.min().item()
    assert result["high"] == cells.max().item()
    assert result["count"] == cells.count().item()
    assert result["count"] + result["missing"] == inside.sum().item()
    assert sum(result["histogram"]["counts"]) == result["count"]
    assert result["weights"] == "cosine of latitude"


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_mean_of_a_box_along_time(held: dict[str, Any], holder: str) -> None:
    ds = held[holder]
    params = {"variable": "t", "index": {"depth": 3}, "ends": [-40, 0, 40, 60], "along": "time"}
    _, call = ask(ds, "box", params)
    part = (
        ds.t.isel(depth=3)
        .astype("f8")
        .where(((ds.lon + 40) % 360 <= 80) & (ds.lat > 0) & (ds.lat < 60))
    )
    expected = part.weighted(np.cos(np.deg2rad(ds.lat))).mean(("lat", "lon"))
    np.testing.assert_allclose(call.values()[:, 0], expected.values)


def test_areas_of_the_file_are_weights(plain: xr.Dataset) -> None:
    areas = np.random.default_rng(2).random((18, 36))
    ds = plain.assign(areacella=(("lat", "lon"), areas))
    ds.t.attrs["cell_measures"] = "area: areacella"
    result, _ = ask(ds, "box", {"variable": "t", "index": {}, "ends": [-180, -90, 180, 90]})
    expected = ds.t[0, 0].astype("f8").weighted(ds.areacella).mean().item()
    np.testing.assert_allclose(result["mean"], expected)
    assert result["weights"] == "cell area (areacella)"


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_line_lies_over_the_cells_of_its_great_circle(held: dict[str, Any], holder: str) -> None:
    ds = held[holder]
    params = {"variable": "t", "index": {"time": 4}, "ends": [10, 3, 100, 4]}
    _result, call = ask(ds, "line", params)
    header, (distance, values) = call.parts[0]
    # The way between two places just north of the equator, a quarter of the Earth apart.
    assert distance[0] == 0
    assert 0.85 * 10_000 < distance[-1] < 10_050
    assert header["distance"] == "km"
    assert header["places"] == values.size == 10
    row = ds.t.isel(time=4, depth=0, lat=9).values
    np.testing.assert_array_equal(values, row[np.r_[0:10]])
    params["along"] = "depth"
    _, call = ask(ds, "line", params)
    np.testing.assert_array_equal(call.values(), ds.t.isel(time=4, lat=9).values[:, 0:10])
    assert call.parts[0][0]["along"]["down"] is True
    assert call.parts[0][0]["along"]["upright"] is True


@settings(max_examples=30)
@given(lon=st.floats(-180, 540), lat=st.floats(-89, 89), holder=st.sampled_from(HOLDERS))
def test_a_value_is_that_of_the_nearest_cell(
    held: dict[str, Any], lon: float, lat: float, holder: str
) -> None:
    ds = held["numpy"]
    result, _ = ask(
        held[holder], "value", {"variable": "t", "index": {"time": 2}, "place": [lon, lat]}
    )
    row = int(np.argmin(np.abs(ds.lat.values - lat)))
    apart = np.abs((ds.lon.values - lon + 180) % 360 - 180)
    at = result["at"]
    assert at["lat"] == ds.lat.values[row] or abs(ds.lat.values[row] - lat) == 5
    column = int(np.argmin(np.abs((ds.lon.values - at["lon"] + 180) % 360 - 180)))
    assert apart[column] == apart.min()
    expected = ds.t.isel(time=2, depth=0, lon=column).sel(lat=at["lat"]).item()
    if np.isnan(expected):
        assert result["value"] is None
        assert result["text"] == "no data"
    else:
        assert result["value"] == expected
        assert np.float32(result["text"].replace("−", "-")) == np.float32(expected)
    assert result["labels"]["time"] == "2001-03-01"
    assert result["units"] == "K"


def curvilinear() -> xr.Dataset:
    j, i = np.meshgrid(np.arange(20.0), np.arange(30.0), indexing="ij")
    lon, lat = 300 + 2 * i + 0.3 * j, 20 + 1.5 * j - 0.2 * i
    lon[0, 0] = lat[0, 0] = 1e35
    values = np.random.default_rng(3).random((5, 20, 30))
    return xr.Dataset(
        {"t": (("time", "j", "i"), values)},
        {
            "nav_lon": (("j", "i"), lon, {"units": "degrees_east"}),
            "nav_lat": (("j", "i"), lat, {"units": "degrees_north"}),
        },
    )


def test_the_cells_of_a_curvilinear_grid_are_found_by_their_places() -> None:
    ds = curvilinear()
    lon, lat = ds.nav_lon[7, 11].item(), ds.nav_lat[7, 11].item()
    result, _ = ask(ds, "value", {"variable": "t", "index": {}, "place": [lon - 360 + 0.1, lat]})
    assert result["at"] == {"lon": lon, "lat": lat}
    assert "N" in result["label"]
    assert "W" in result["label"]
    result, call = ask(
        ds, "series", {"variable": "t", "index": {}, "at": {"j": 7, "i": 11}, "along": "time"}
    )
    np.testing.assert_array_equal(call.values()[:, 0], ds.t[:, 7, 11])
    ends = [lon - 6, lat - 4, lon + 6, lat + 4]
    result, _ = ask(ds, "box", {"variable": "t", "index": {}, "ends": ends})
    inside = (abs(ds.nav_lon - lon) <= 6) & (abs(ds.nav_lat - lat) <= 4)
    assert result["count"] == inside.sum().item()
    assert result["weights"] == "estimated cell area"
    cells = ds.t[0].where(inside)
    assert result["low"] == cells.min().item()
    assert abs(result["mean"] - cells.weighted(np.cos(np.deg2rad(ds.nav_lat))).mean().item()) < 0.01


@pytest.mark.parametrize("make", [columns, ugrid, scrip, mpas])
def test_the_cells_of_a_mesh_are_found_by_their_places(make: Callable[[], xr.Dataset]) -> None:
    ds = make()
    viewer = Viewer(ds)
    name = viewer.description.default
    cell = 7
    params = {"variable": name, "index": {}, "at": {"cell": cell}}
    result = tools_methods(viewer)["value"](params, Asked())
    again = tools_methods(viewer)["value"](params | {"at": result["at"]}, Asked())
    assert set(result["at"]) == {"lon", "lat"}
    assert again == result
    mesh = viewer.description.variable(name)
    assert mesh is not None
    others = {d: 0 for d in ds[name].dims if d != mesh.x}
    assert result["value"] == pytest.approx(ds[name].isel({**others, mesh.x: cell}).item())


@pytest.mark.parametrize(
    ("method", "more", "said"),
    [
        ("series", {"at": {"depth": 99}, "along": "time"}, "out of range"),
        ("series", {"at": {"depth": "1"}, "along": "time"}, "out of range"),
        ("series", {"at": {"cell": 18 * 36}, "along": "time"}, "no cell"),
        ("series", {"at": {"way": 1}, "along": "time"}, "no dimension 'way'"),
        ("series", {"at": None, "along": "time"}, "needs at"),
        ("series", {"at": {"cell": 1}, "along": "height"}, "no dimension 'height'"),
        ("series", {"place": [float("nan"), 0], "along": "time"}, "no cell"),
        ("series", {"place": ["a", 0], "along": "time"}, "no cell"),
        ("value", {"place": [0]}, "no cell"),
        ("box", {"ends": [0, 0, 1]}, "two ends"),
        ("box", {"ends": [0, 0, 10, float("inf")]}, "two ends"),
        ("box", {"ends": [0, 0, 10, 10], "along": "lat"}, "picture itself"),
        ("line", {"ends": [5, 5, 5, 5]}, "no length"),
        ("line", {"ends": None}, "two ends"),
        ("line", {"ends": [0, 0, 1, 1], "along": 3}, "no dimension 3"),
        ("value", {"variable": "x", "place": [0, 0]}, "no variable 'x'"),
        ("value", {"index": {"time": 30}, "place": [0, 0]}, "out of range"),
    ],
)
def test_what_cannot_be_answered_is_said(
    plain: xr.Dataset, method: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidParameter, match=said):
        ask(plain, method, {"variable": "t", "index": {}, **more})


def test_nothing_but_missing_values(plain: xr.Dataset) -> None:
    ds = plain.assign(t=plain.t * np.nan)
    result, _ = ask(ds, "box", {"variable": "t", "index": {}, "ends": [0, 0, 90, 90]})
    assert result["mean"] is None
    assert result["count"] == 0
    assert result["missing"] == 81
