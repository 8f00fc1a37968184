"""Colours run between robust limits, the same for all slices of a variable."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from portal.viewer import render
from portal.viewer.limits import Limits, categories_of, chosen
from portal.viewer.quantities import Coloring, coloring_of


def header(values: np.ndarray, name: str = "v", **attrs: str) -> dict[str, object]:
    ds = xr.Dataset({name: (("t", "y", "x")[-values.ndim :], values, attrs)})
    return render(ds, name, {}, 50, 50).header


def test_outliers_do_not_set_the_limits() -> None:
    values = np.random.default_rng(0).normal(300, 5, (40, 50))
    values[0, 0] = 1e20
    low, high = header(values, units="K")["limits"]
    assert 285 < low < 295
    assert 305 < high < 315


def test_limits_span_all_slices() -> None:
    values = np.broadcast_to(np.arange(10.0)[:, None, None], (10, 20, 20))
    low, high = header(values, units="m")["limits"]
    assert low == pytest.approx(0, abs=0.2)
    assert high == pytest.approx(9, abs=0.2)


@pytest.mark.parametrize(
    ("name", "attrs", "low", "diverges"),
    [
        ("v", {"long_name": "temperature anomaly", "units": "K"}, 2.0, True),
        ("warming", {"units": "K"}, 2.0, True),
        ("air_temperature", {}, -3.0, True),
        ("air_temperature", {"units": "K"}, -3.0, True),
        ("u", {"standard_name": "eastward_wind", "units": "m s-1"}, -3.0, True),
        ("t", {"standard_name": "sea_surface_temperature", "units": "degC"}, -3.0, False),
        ("air_temperature", {"units": "K"}, 250.0, False),
    ],
)
def test_what_is_coloured_about_zero(
    name: str, attrs: dict[str, str], low: float, diverges: bool
) -> None:
    values = np.linspace(low, abs(low) + 2, 400).reshape(20, 20)
    found = header(values, name, **attrs)
    assert (found["color_map"] == "RdBu_r") == diverges
    bottom, top = found["limits"]
    assert (bottom == -top) == diverges


def test_land_and_sea_floor_change_colours_at_sea_level() -> None:
    found = header(np.linspace(-5000, 3000, 400).reshape(20, 20), "altitude", units="m")
    assert found["color_map"] == "oleron"
    assert found["limits"][0] == -found["limits"][1]
    above = header(np.linspace(100, 3000, 400).reshape(20, 20), "altitude", units="m")
    assert above["color_map"] == "viridis"
    assert above["limits"][0] > 0


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40),
    coloring=st.sampled_from(
        [
            Coloring(),
            Coloring(centre=0.0),
            Coloring(centre=0.0, only_across=True),
            Coloring(decades=1),
        ]
    ),
    units=st.sampled_from(["", "K", "m"]),
)
def test_limits_never_collapse(values: list[float], coloring: Coloring, units: str) -> None:
    found = chosen(np.array(values, dtype=np.float64), coloring, units)
    assert found.low < found.high
    assert math.isfinite(found.high - found.low)
    assert found.scale == "linear" or found.low > 0
    assert found.found == bool(values)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_constant_has_the_middle_colour(value: float) -> None:
    found = chosen(np.full(9, value), Coloring())
    middle = (value - found.low) / (found.high - found.low) if abs(value) < 1e300 else 0.5
    assert middle == pytest.approx(0.5, abs=1e-3)


@given(
    low=st.floats(-1e6, 1e6),
    span=st.floats(1e-3, 1e6),
    wild=st.sampled_from([1e30, -1e30, math.inf, -math.inf, math.nan]),
)
def test_a_wild_cell_among_many_moves_nothing(low: float, span: float, wild: float) -> None:
    values = np.linspace(low, low + span, 400).reshape(20, 20)
    values[3, 4] = wild
    found = header(values, units="m")
    assert found["limits"][0] == pytest.approx(low, abs=0.05 * span)
    assert found["limits"][1] == pytest.approx(low + span, abs=0.05 * span)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_without_a_number_the_limits_are_a_stand_in(value: float) -> None:
    assert header(np.full((4, 5), value))["limits"] == [0, 1]


@pytest.mark.parametrize(
    ("names", "decades", "scale"),
    [
        (["concentration of chlorophyll"], 2.0, "log"),
        (["mole_fraction_of_ozone"], 2.0, "linear"),
        (["radioactivity"], 6.0, "log"),
        (["radioactivity"], 3.0, "linear"),
        (["precipitation_flux"], 9.0, "linear"),
    ],
)
def test_positive_quantities_over_many_decades_are_logarithmic(
    names: list[str], decades: float, scale: str
) -> None:
    found = chosen(np.logspace(-decades, 0, 1001), coloring_of(names))
    assert found.scale == scale


def test_a_logarithm_ends_where_nothing_is_seen() -> None:
    found = chosen(np.append(np.logspace(-30, 0, 1000), np.zeros(200)), Coloring())
    assert found.scale == "log"
    assert found.low == pytest.approx(found.high * 1e-6)


def test_many_zeros_or_one_negative_value_keep_the_scale_linear() -> None:
    wide = np.logspace(-8, 0, 100)
    assert chosen(np.append(wide, np.zeros(200)), Coloring()).scale == "linear"
    assert chosen(np.append(wide, -1e-9), Coloring()).scale == "linear"


@pytest.mark.parametrize(
    ("names", "color_map"),
    [
        (["sea_surface_temperature"], "thermal"),
        (["precipitation_flux"], "rain"),
        (["surface precipitation anomaly"], "BrBG"),
        (["sea_water_salinity"], "haline"),
        (["sea_ice_area_fraction"], "ice"),
        (["sea_ice_x_velocity"], "RdBu_r"),
        (["eastward_wind"], "RdBu_r"),
        (["wind_speed"], "viridis"),
        (["wind_from_direction"], "romaO"),
        (["surface_altitude"], "oleron"),
        (["solar_elevation_angle"], "viridis"),
        (["terrain type"], "viridis"),
        (["upward_air_velocity"], "RdBu_r"),
        (["air_sea_exchange"], "viridis"),
        (["", "", "x"], "viridis"),
    ],
)
def test_the_map_follows_from_the_quantity(names: list[str], color_map: str) -> None:
    assert coloring_of(names).color_map == color_map


def test_directions_go_round() -> None:
    attrs = {"standard_name": "wind_from_direction", "units": "degree"}
    found = header(np.linspace(3, 340, 400).reshape(20, 20), **attrs)
    assert (found["limits"], found["color_map"]) == ([0, 360], "romaO")


def array(dtype: str = "i2", **attrs: object) -> xr.DataArray:
    return xr.DataArray(np.zeros((2, 2), dtype), attrs=attrs)


def test_flags_are_categories_with_their_meanings() -> None:
    flags = array(flag_values=np.array([0, 3, 7], "i1"), flag_meanings="sea sea_ice land")
    assert categories_of(flags) == ((0, "sea"), (3, "sea ice"), (7, "land"))
    found = header(np.array([[0, 3], [7, 0]]), **flags.attrs)
    assert found["categories"] == [[0, "sea"], [3, "sea ice"], [7, "land"]]
    assert (found["limits"], found["color_map"]) == ([0, 7], "batlowS")


def test_booleans_are_false_or_true() -> None:
    found = header(np.array([[True, False], [True, True]]))
    assert found["categories"] == [[0, "false"], [1, "true"]]


@pytest.mark.parametrize(
    "attrs",
    [
        {},
        {"flag_values": [1, 2]},
        {"flag_values": [1, 2], "flag_meanings": "one"},
        {"flag_values": [1, 1], "flag_meanings": "one two"},
        {"flag_values": [1, 2], "flag_meanings": "one two", "flag_masks": [1, 2]},
        {"flag_values": "one two", "flag_meanings": "one two"},
        {"flag_values": {"a": 1}, "flag_meanings": "one"},
        {"flag_values": [math.nan, 1.0], "flag_meanings": "one two"},
        {"flag_values": [1, 2], "flag_meanings": 5},
    ],
)
def test_flags_that_make_no_sense_are_no_categories(attrs: dict[str, object]) -> None:
    assert categories_of(array(**attrs)) == ()


def test_flags_written_as_text_are_read() -> None:
    flags = array(flag_values="0b, 1b", flag_meanings="no yes")
    assert categories_of(flags) == ((0, "no"), (1, "yes"))


def test_one_category_has_limits_too() -> None:
    found = header(np.ones((2, 2)), flag_values=[1], flag_meanings="one")
    assert found["limits"][0] < 1 < found["limits"][1]


def test_the_sample_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.viewer.limits.SAMPLE_SECONDS", -1.0)
    values = np.broadcast_to(np.arange(10.0)[:, None, None], (10, 20, 20))
    low, high = header(values, units="m")["limits"]
    assert (low, high) == (-1, 1)


def test_the_header_says_how_a_frame_is_coloured() -> None:
    plain = Limits(1.0, 2.0, "viridis", scale="log").header()
    assert plain == {"limits": [1.0, 2.0], "color_map": "viridis", "scale": "log"}


def test_small_values_of_a_logarithm_are_told_apart() -> None:
    values = np.logspace(-5, 1, 900).reshape(30, 30)
    ds = xr.Dataset({"radioactivity": (("y", "x"), values)})
    frame = render(ds, "radioactivity", {}, 50, 50)
    assert frame.header["scale"] == "log"
    np.testing.assert_allclose(frame.values()[::-1], values, rtol=1e-6)
