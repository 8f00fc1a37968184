"""A difference is taken cell by cell at the same places, wherever these lie in the arrays."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import GridMismatch, InvalidParameter
from portal.viewer import Frame, Viewer


def field(lat: np.ndarray, lon: np.ndarray, name: str = "t", **more: object) -> xr.Dataset:
    """A field whose value is 1000 × latitude + longitude in 0..360."""
    values = 1000 * lat[:, None] + (lon % 360)[None, :]
    coords = {
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    return xr.Dataset({name: (("lat", "lon"), values, {"units": "m", **more})}, coords)


LAT, LON = np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10)


def difference(a: xr.Dataset, b: xr.Dataset, **more: object) -> Frame:
    return Viewer(a, b).frame("t", {}, width=400, height=300, minus="b:t", **more)


@given(
    turned=st.booleans(),
    start=st.integers(0, 35),
    west=st.booleans(),
    moving=st.booleans(),
    width=st.integers(5, 60),
)
def test_a_field_minus_itself_is_zero_whatever_the_order(
    turned: bool, start: int, west: bool, moving: bool, width: int
) -> None:
    lon = np.roll(LON, start)
    other = field(LAT[::-1] if turned else LAT, (lon + 180) % 360 - 180 if west else lon)
    frame = Viewer(field(LAT, LON), other).frame(
        "t", {}, width=width, height=20, minus="b:t", quality="moving" if moving else "still"
    )
    np.testing.assert_array_equal(frame.values(), 0)
    assert frame.header["color_map"] == "RdBu_r"


def test_a_coarser_grid_is_taken_at_its_nearest_cells() -> None:
    frame = difference(field(LAT, LON), field(LAT[1::3], LON[1::3]))
    assert "t is taken at the nearest lat" in frame.header["notes"]
    assert np.abs(frame.values()).max() == pytest.approx(10_010, rel=1e-3)


def test_what_lies_beyond_the_other_grid_is_missing() -> None:
    frame = difference(field(LAT, LON), field(LAT[:9], LON))
    values = frame.values()
    assert np.isnan(values[:9]).all()
    np.testing.assert_array_equal(values[9:], 0)


def test_two_variables_of_one_dataset() -> None:
    ds = field(LAT, LON).merge(2 * field(LAT, LON, "u"))
    frame = Viewer(ds).frame("u", {}, width=400, height=300, minus="t")
    expected = ds.t.values[::-1]
    west = np.roll(expected, 18, axis=1)
    np.testing.assert_allclose(frame.values(), west, atol=frame.header["encoding"]["scale"])
    assert frame.header["title"] == "u − t"


def test_steps_are_matched_by_their_times() -> None:
    days = np.array(["2001-01-01", "2001-01-02", "2001-01-03"], "M8[ns]")
    both = xr.concat([field(LAT, LON) + i for i in range(3)], "time").assign_coords(time=days)
    viewer = Viewer(both, both.isel(time=[2, 1]))
    same = viewer.frame("t", {"time": 2}, width=40, height=30, minus="b:t")
    np.testing.assert_array_equal(same.values(), 0)
    other = viewer.frame("t", {"time": 0}, width=40, height=30, minus="b:t")
    np.testing.assert_array_equal(other.values(), -1)
    assert "t is taken at time 2001-01-02, the nearest" in other.header["notes"]


@pytest.mark.parametrize(
    ("ours", "theirs", "factor", "offset"),
    [("m", "km", 1000, 0), ("K", "degC", 1, 273.15), ("degC", "celsius", 1, 0)],
)
def test_units_are_converted(ours: str, theirs: str, factor: float, offset: float) -> None:
    first, second = field(LAT, LON, units=ours), field(LAT, LON, units=theirs)
    frame = difference(first, second)
    expected = first.t.values - (second.t.values * factor + offset)
    span = np.ptp(expected)
    np.testing.assert_allclose(
        np.sort(frame.values(), axis=None), np.sort(expected, axis=None), atol=span / 60_000
    )
    told = [n for n in frame.header["notes"] if "converted" in n]
    assert told == ([] if ours == "degC" else [f"t is converted from {theirs} to {ours}"])


def test_units_that_are_not_understood_are_told() -> None:
    frame = difference(field(LAT, LON), field(LAT, LON, units="q^</b>"))
    assert "the units differ: m and q^</b>" in frame.header["notes"]


def test_what_is_measured_in_other_things_has_no_difference() -> None:
    with pytest.raises(InvalidParameter, match="one is in m, the other in K"):
        difference(field(LAT, LON), field(LAT, LON, units="K"))


def test_curvilinear_grids_at_other_places_have_no_difference() -> None:
    y, x = np.mgrid[0:6, 0:8].astype(float)

    def tilted(turn: float) -> xr.Dataset:
        return xr.Dataset(
            {"t": (("y", "x"), x * y)},
            {
                "lon": (("y", "x"), 10 * x + y + turn, {"units": "degrees_east"}),
                "lat": (("y", "x"), 8 * y + x, {"units": "degrees_north"}),
            },
        )

    np.testing.assert_array_equal(difference(tilted(0), tilted(360)).values(), 0)
    with pytest.raises(GridMismatch, match="they lie on other grids.*2 degrees apart"):
        difference(tilted(0), tilted(2))


def test_the_second_dataset_is_shown_alone() -> None:
    viewer = Viewer(field(LAT, LON), field(LAT, LON, "u"))
    assert viewer.frame("u", {}, width=40, height=30, data="b").header["variable"] == "u"
    with pytest.raises(InvalidParameter, match="no second dataset"):
        Viewer(field(LAT, LON)).frame("t", {}, width=40, height=30, minus="b:t")


def test_what_cannot_be_compared_says_why() -> None:
    plain = xr.Dataset({"t": (("lat", "lon"), np.zeros((3, 4)))})
    with pytest.raises(GridMismatch, match="18 steps in one and 3 in the other"):
        difference(field(LAT, LON), plain)
    with pytest.raises(GridMismatch, match="no dimension lat"):
        difference(field(LAT, LON), xr.Dataset({"t": ("lon", np.zeros(36))}))
