"""The picture of a saved notebook: right colours at right places, small, and there for any data."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from portal.viewer import COLOR_MAPS, Frame, Viewer
from portal.viewer.colors import color_table
from portal.viewer.frame import frame_of
from portal.viewer.state import ViewState
from portal.viewer.still import MOST_BYTES, still

LEFT, TOP = 70, 52


def opened(data: bytes) -> Image.Image:
    assert len(data) <= MOST_BYTES
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert("RGB")


def quarters() -> xr.Dataset:
    lat, lon = np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10)
    west = lon > 180
    values = np.where(lat[:, None] > 0, 0.0, 2.0) + ~west[None, :]
    return xr.Dataset(
        {"field": (("lat", "lon"), values, {"units": "m", "long_name": "Quarter"})},
        {
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


def frame(ds: xr.Dataset, variable: str, **more: Any) -> Frame:
    return Viewer(ds).frame(variable, {}, width=400, height=300, **more)


def color(value: float, name: str = "viridis") -> np.ndarray:
    points = np.frombuffer(bytes.fromhex(COLOR_MAPS[name]), np.uint8).reshape(-1, 3)
    at = value * (len(points) - 1)
    return np.array([np.interp(at, np.arange(len(points)), c) for c in points.T])


def test_places_have_their_colours() -> None:
    shown = frame(quarters(), "field")
    image = opened(still(shown))
    across, down = image.width - 160, image.height - TOP - 46
    for value, (east, south) in {0: (0.25, 0.25), 1: (0.75, 0.25), 2: (0.25, 0.75)}.items():
        seen = image.getpixel((LEFT + int(east * across), TOP + int(south * down)))
        low, high = shown.header["limits"]
        np.testing.assert_allclose(seen, color((value - low) / (high - low)), atol=3)


def test_the_state_decides_the_look() -> None:
    state = ViewState.parse({"limits": [-1, 3], "color_map": "grey"})
    image = opened(still(frame(quarters(), "field"), state))
    seen = image.getpixel((LEFT + 20, TOP + 20))
    np.testing.assert_allclose(seen, color(0.25, "grey"), atol=3)


@pytest.mark.parametrize("positive", ["down", "up"])
def test_a_profile_stands_upright(positive: str) -> None:
    level = np.array([0.0, 10, 20, 30, 40])
    attrs = {"axis": "Z", "positive": positive, "units": "m"}
    # Its value is 0 at the level 0, and 1 at all others.
    ds = xr.Dataset({"v": ("level", (level > 0) * 1.0)}, {"level": ("level", level, attrs)})
    made = frame(ds, "v")
    assert made.header["x"]["upright"] is True
    assert made.header["x"]["down"] is (positive == "down")
    drawn = (np.asarray(opened(still(made))) == (0x15, 0x65, 0xC0)).all(axis=-1)
    rows, columns = np.nonzero(drawn)
    low = rows[columns < columns.min() + 3].mean()
    high = rows[columns > columns.max() - 3].mean()
    assert bool(low < high) is (positive == "down")


def test_categories_have_colours_of_their_own() -> None:
    ds = quarters()
    ds["kind"] = ds.field.astype("i1")
    ds.kind.attrs = {"flag_values": np.arange(4, dtype="i1"), "flag_meanings": "sea land ice lake"}
    shown = frame(ds, "kind")
    image = opened(still(shown))
    table = color_table(shown.header["color_map"], 4)
    across, down = image.width - 160, image.height - TOP - 46
    for value, (east, south) in {0: (0.25, 0.25), 1: (0.75, 0.25), 3: (0.75, 0.75)}.items():
        seen = image.getpixel((LEFT + int(east * across), TOP + int(south * down)))
        assert seen == tuple(table[value])


@pytest.mark.parametrize("name", [*COLOR_MAPS, "viridis_r", "none such"])
def test_any_colour_map(name: str) -> None:
    opened(still(frame(quarters(), "field"), ViewState(color_map=name)))


def test_missing_cells_are_grey_and_titles_are_drawn() -> None:
    ds = quarters()
    ds["field"] = ds.field.where(ds.lat < 0)
    image = opened(still(frame(ds, "field"), title="Some <script>"))
    assert image.getpixel((LEFT + 20, TOP + 20)) == (0xDD, 0xDD, 0xDD)
    heading = np.asarray(image.crop((0, 0, image.width, 30)).convert("L"))
    assert heading.min() < 80


def test_noise_still_fits() -> None:
    noise = np.random.default_rng(1).normal(size=(700, 1400))
    shown = Viewer(xr.Dataset({"n": (("y", "x"), noise)})).frame("n", {}, width=1400, height=700)
    opened(still(shown))


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
@settings(max_examples=25)
@given(data=st.data())
def test_any_numbers_have_a_picture(scale: str, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=6))
    dtype = data.draw(st.sampled_from(["f8", "f4", "i8", "?", "c16", "M8[ns]", "m8[s]"]))
    values = data.draw(hnp.arrays(dtype, shape))
    name = data.draw(st.text(min_size=1, max_size=30))
    ds = xr.Dataset({"v": (("y", "x")[: len(shape)], values, {"long_name": name, "units": name})})
    with np.errstate(all="ignore"):
        shown = frame(ds, "v")
    opened(still(shown, ViewState.parse({"scale": scale}), title=name))


@given(
    hnp.arrays("f4", 40, elements=st.floats(width=32)),
    hnp.arrays("f4", 40, elements=st.floats(width=32)),
    hnp.arrays("f8", 40),
)
@settings(max_examples=40)
def test_cells_anywhere_have_a_picture(
    lon: np.ndarray, lat: np.ndarray, values: np.ndarray
) -> None:
    axis = {"dim": "cell", "title": "cell", "units": "", "labels": None, "ticks": None}
    header = {
        "kind": "map",
        "title": "t",
        "units": "",
        "labels": {},
        "shape": [40],
        "encoding": {"dtype": "f64"},
        "equal": True,
        "limits": [0, 1],
        "color_map": "viridis",
        "x": axis | {"kind": "longitude"},
        "y": axis | {"kind": "latitude"},
    }
    with np.errstate(all="ignore"):
        opened(still(frame_of(header, {"cells": values, "lon": lon, "lat": lat})))


def test_cells_lie_at_their_places() -> None:
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(-180, 180, 20_000), rng.uniform(-90, 90, 20_000)
    axis = {"dim": "cell", "title": "cell", "units": "", "labels": None, "ticks": None}
    header = {
        "kind": "map",
        "title": "t",
        "units": "",
        "labels": {},
        "shape": [20_000],
        "encoding": {"dtype": "f64"},
        "equal": True,
        "limits": [-180, 180],
        "color_map": "viridis",
        "x": axis | {"kind": "longitude"},
        "y": axis | {"kind": "latitude"},
    }
    arrays = {"cells": lon, "lon": lon.astype("f4"), "lat": lat.astype("f4")}
    image = opened(still(frame_of(header, arrays)))
    across, down = image.width - 160, image.height - TOP - 46
    row = np.asarray(image)[TOP + down // 2, LEFT : LEFT + across]
    known = (row != 0xDD).any(axis=1)
    assert known.mean() > 0.7
    expected = np.array([color(at) for at in np.linspace(0, 1, across)])
    assert np.abs(row[known] - expected[known]).max() < 16
