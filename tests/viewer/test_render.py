"""Pictures lie where the coordinates say, whatever the order in the file."""

from __future__ import annotations

import math
import threading

import cftime
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Interrupted
from portal.viewer import Frame, Viewer, render
from portal.viewer import read as read_module
from portal.viewer.call import Unheard
from portal.viewer.decimate import BAND


def field(lat: np.ndarray, lon: np.ndarray, **attrs: str) -> xr.Dataset:
    """A field whose value says where it is: 1000 × latitude + longitude in -180..180."""
    west = (lon + 180) % 360 - 180
    array = xr.DataArray(
        1000 * lat[:, None] + west[None, :],
        dims=("lat", "lon"),
        coords={
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
        attrs=attrs,
    )
    return array.to_dataset(name="field")


def cell_at(frame: Frame, lat: float, lon: float) -> float:
    """Value of the cell whose borders hold a place."""
    x, y = frame.array("x_edges"), frame.array("y_edges")
    column = int(np.searchsorted(x, lon, side="right")) - 1
    row = int(np.searchsorted(-y, -lat, side="right")) - 1
    return float(frame.values()[row, column])


@given(
    falling=st.booleans(),
    start=st.integers(0, 71),
    lat=st.floats(-84, 84),
    lon=st.floats(-177, 177),
)
def test_a_place_is_found_whatever_the_order(
    falling: bool, start: int, lat: float, lon: float
) -> None:
    lats = np.arange(-87.5, 90, 5.0)
    lons = (np.arange(2.5, 360, 5.0) + 5 * start) % 360  # the seam may be anywhere
    ds = field(lats[::-1] if falling else lats, lons)
    frame = render(ds, "field", {}, 400, 300)
    picked = ds.field.sel(lat=lat, method="nearest")
    expected = picked.values[np.argmin(np.abs((lons - lon + 180) % 360 - 180))]
    step = frame.header["encoding"]["scale"]
    nearest = cell_at(frame, lat, lon)
    # On a border between two cells either is right.
    assert abs(nearest - expected) <= step + 5_005 * _on_border(lat, lon)


def _on_border(lat: float, lon: float) -> bool:
    return min(abs(lat % 5), abs(-lat % 5), abs(lon % 5), abs(-lon % 5)) < 1e-6


@pytest.mark.parametrize("falling", [True, False])
def test_north_is_up(falling: bool) -> None:
    lats = np.linspace(-60, 60, 7)
    frame = render(field(lats[::-1] if falling else lats, np.arange(5.0)), "field", {}, 50, 50)
    assert frame.array("y")[0] == 60
    assert (np.diff(frame.values()[:, 0]) < 0).all()


def test_longitudes_of_the_globe_are_rolled() -> None:
    frame = render(field(np.array([0.0, 1.0]), np.arange(0, 360, 10.0)), "field", {}, 100, 10)
    np.testing.assert_array_equal(frame.array("x"), np.arange(-180, 180, 10.0))
    assert (np.diff(frame.values()[0]) > 0).all()


def test_a_region_across_the_date_line_stays_whole() -> None:
    frame = render(field(np.array([0.0, 1.0]), np.arange(150, 211, 10.0)), "field", {}, 100, 10)
    np.testing.assert_array_equal(frame.array("x"), np.arange(150, 211, 10.0))


def test_a_repeated_meridian_is_drawn_once() -> None:
    frame = render(field(np.array([0.0, 1.0]), np.arange(0, 361, 10.0)), "field", {}, 100, 10)
    np.testing.assert_array_equal(frame.array("x"), np.arange(-180, 180, 10.0))


def test_degrees_of_a_rotated_pole_are_not_places() -> None:
    ds = field(np.arange(3.0), np.arange(4.0)).rename(lat="rlat", lon="rlon")
    ds.rlat.attrs = {"standard_name": "grid_latitude", "units": "degrees"}
    ds.rlon.attrs = {"standard_name": "grid_longitude", "units": "degrees"}
    assert Viewer(ds).description.variables[0].kind == "image"


def test_latitude_borders_end_at_the_poles() -> None:
    frame = render(field(np.arange(-90, 91, 10.0), np.arange(4.0)), "field", {}, 50, 50)
    assert frame.array("y_edges")[[0, -1]].tolist() == [90, -90]


def test_depth_grows_downwards() -> None:
    ds = xr.Dataset(
        {"t": (("depth", "x"), np.arange(6.0).reshape(3, 2))},
        {"depth": ("depth", [5.0, 10.0, 200.0], {"positive": "down", "units": "m"})},
    )
    frame = render(ds, "t", {}, 10, 10)
    assert frame.array("y").tolist() == [5, 10, 200]
    assert frame.array("y_edges").tolist() == [2.5, 7.5, 105, 295]


def test_curvilinear_rows_run_north() -> None:
    lat = np.broadcast_to(np.array([60.0, 50.0, 40.0])[:, None], (3, 4))
    ds = xr.Dataset(
        {"t": (("j", "i"), lat)},
        {
            "nav_lat": (("j", "i"), lat, {"units": "degrees_north"}),
            "nav_lon": (("j", "i"), np.tile(np.arange(4.0), (3, 1)), {"units": "degrees_east"}),
        },
    )
    frame = render(ds, "t", {}, 10, 10)
    assert frame.values()[:, 0].tolist() == pytest.approx([60, 50, 40], abs=1e-3)
    assert frame.header["geometry_kind"] == "corners"
    assert frame.array("lat")[0] == 60


def test_blocks_keep_their_place() -> None:
    lats, lons = np.linspace(-89.5, 89.5, 180), np.arange(0.5, 360)
    ds = field(lats, lons)
    frame = render(ds, "field", {}, 90, 45)
    assert frame.header["shape"] == [45, 90]
    expected = (
        ds.field.assign_coords(lon=(lons + 180) % 360 - 180).sortby("lon").coarsen(lat=4, lon=4)
    ).mean()[::-1]
    np.testing.assert_allclose(frame.values(), expected, atol=frame.header["encoding"]["scale"])
    np.testing.assert_allclose(frame.array("x"), expected.lon)
    np.testing.assert_allclose(frame.array("y"), expected.lat)


def test_only_the_chunks_of_the_slice_are_read() -> None:
    seen: set[int] = set()
    lock = threading.Lock()

    def chunk(block_info: dict[int, dict[str, tuple[int, ...]]] | None = None) -> np.ndarray:
        assert block_info is not None
        with lock:
            seen.add(block_info[None]["chunk-location"][0])
        return np.full((1, 2_000, 2_000), 1.0)

    lazy = da.map_blocks(
        chunk, chunks=((1,) * 9, (2_000,), (2_000,)), dtype=float, meta=np.empty((0, 0, 0))
    )
    ds = xr.Dataset({"t": (("time", "y", "x"), lazy)})
    render(ds, "t", {"time": 4}, 100, 100)
    # 32 MB a chunk: the sample of 64 MB for the limits may take one beside it, never all nine.
    assert 4 in seen
    assert len(seen) <= 3


def test_a_huge_slice_is_read_with_a_stride(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_module, "MOST_CELLS", 1_000)
    lats = np.linspace(-60, 60, 100)
    frame = render(field(lats, np.arange(100.0)), "field", {}, 400, 400)
    assert np.prod(frame.header["shape"]) <= 1_000
    assert "very large" in " ".join(frame.header["notes"])
    rows, columns = np.meshgrid(frame.array("y"), frame.array("x"), indexing="ij")
    np.testing.assert_allclose(frame.values(), 1000 * rows + columns, atol=2)


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "standard"])
def test_times_of_every_calendar(calendar: str) -> None:
    times = [cftime.datetime(1990 + y, 2, 28, calendar=calendar) for y in range(40)]
    ds = xr.Dataset({"t": ("time", np.arange(40.0))}, {"time": times})
    frame = render(ds, "t", {}, 400, 300)
    assert frame.header["kind"] == "series"
    assert frame.header["x"]["labels"][0] == "1990-02-28"
    assert [t[1] for t in frame.header["x"]["ticks"]] == [
        "1995",
        "2000",
        "2005",
        "2010",
        "2015",
        "2020",
        "2025",
    ]
    assert (np.diff(frame.array("x")) > 0).all()


def test_sliders_carry_dates_and_units() -> None:
    ds = xr.Dataset(
        {"t": (("time", "lev", "y", "x"), np.zeros((2, 2, 3, 3)))},
        {
            "time": np.array(["2001-01-01T06", "2001-01-01T12"], "M8[ns]"),
            "lev": ("lev", np.array([0.1, 0.2], np.float32), {"units": "hPa"}),
        },
    )
    dims = {d.name: d for d in Viewer(ds).description.dimensions}
    assert dims["time"].labels == ("2001-01-01 06:00", "2001-01-01 12:00")
    assert dims["lev"].labels == ("0.1", "0.2")
    assert dims["lev"].units == "hPa"


def test_a_series_keeps_its_gaps() -> None:
    ds = xr.Dataset({"t": ("x", [1.0, np.nan, 3.0])})
    frame = render(ds, "t", {}, 400, 300)
    np.testing.assert_allclose(frame.values(), [1, np.nan, 3])


def test_chunks_persisted_on_a_cluster() -> None:
    ds = xr.Dataset({"v": (("t", "y", "x"), da.ones((2, 3, 4), chunks=(1, 3, 4)))})
    with Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None):
        kept = ds.persist()
        np.testing.assert_array_equal(render(kept, "v", {"t": 1}, 9, 9).values(), np.ones((3, 4)))


def test_category_codes_are_never_averaged() -> None:
    codes = np.tile([[1.0, 9.0]], (20, 10)).astype(np.float32)
    ds = xr.Dataset({"kind": (("y", "x"), codes, {"flag_values": [1, 9]})})
    frame = render(ds, "kind", {}, 4, 4)
    assert set(np.unique(frame.values())) <= {1.0, 9.0}


def test_payload_is_aligned_for_typed_arrays() -> None:
    frame = render(field(np.arange(3.0), np.arange(5.0)), "field", {}, 10, 10)
    assert all(a["offset"] % 8 == 0 for a in frame.header["arrays"].values())


class Looked(threading.Event):
    """Tells how often it was looked at, and is set from one look on."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.looks, self.most = 0, most

    def is_set(self) -> bool:
        self.looks += 1
        return self.looks > self.most


def test_a_still_picture_is_given_up_between_its_bands() -> None:
    viewer = Viewer(xr.Dataset({"v": (("y", "x"), np.ones((2000, 3000), np.float32))}))

    def looks(most: float) -> int:
        call = Unheard()
        call.cancelled = looked = Looked(most)
        viewer.frame("v", width=300, height=200, call=call)
        return looked.looks

    viewer.frame("v", width=300, height=200)  # the limits are found
    every = looks(math.inf)
    assert every > 2000 * 3000 // BAND
    for most in range(every):
        with pytest.raises(Interrupted):
            looks(most)
