"""A request is taken as it was meant, or refused with a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from portal.errors import InvalidParameter
from portal.viewer import Frame, FrameRequest, Viewer

GOOD: dict[str, Any] = {"variable": "v", "index": {}, "width": 90, "height": 60}


def globe() -> xr.Dataset:
    lat, lon = np.arange(89.5, -90, -1), np.arange(0.5, 360)
    return xr.Dataset(
        {"v": (("t", "lat", "lon"), np.broadcast_to(lon, (2, 180, 360)))},
        {
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


def frame(**more: Any) -> Frame:
    return Viewer(globe()).answer(FrameRequest.of(GOOD | more))


@pytest.mark.parametrize(
    "more",
    [
        {"quality": "best"},
        {"lane": "later"},
        {"data": "c"},
        {"window": [0, 1, 2]},
        {"window": [1, 0, 2, 3]},
        {"window": [0, float("nan"), 2, 3]},
        {"window": "all"},
        {"have": "key"},
        {"x": 3},
        {"x": "depth"},
        {"x": "lat", "y": "lat"},
        {"minus": "w"},
        {"minus": ["v"]},
        {"colour": "red"},
        {"index": None},
        {"height": -1},
    ],
)
def test_bad_requests_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        frame(**more)


def test_a_geometry_that_is_held_is_not_sent_again() -> None:
    first = frame()
    again = frame(have=[first.header["geometry"]])
    assert set(again.header["arrays"]) == {"cells"}
    assert again.header["geometry"] == first.header["geometry"]
    assert "x_edges" in first.header["arrays"]
    moving = frame(quality="moving")
    assert moving.header["geometry"] == first.header["geometry"]
    assert moving.header["shape"] == first.header["shape"]


def test_a_window_has_the_detail_of_the_screen() -> None:
    whole = frame()
    part = frame(window=[10.0, 40.0, -20.0, 10.0])
    assert whole.header["factors"] == [3.0, 4.0]
    assert part.header["factors"] == [1.0, 1.0]
    assert part.array("x_edges")[[0, -1]].tolist() == [10, 40]
    assert part.array("y_edges")[[0, -1]].tolist() == [10, -20]
    assert part.header["geometry"] != whole.header["geometry"]


@pytest.mark.parametrize(
    ("west", "east"), [(170, 190), (-190, -170), (-200, 160), (350, 370), (530, 550)]
)
def test_a_window_may_pass_the_date_line(west: float, east: float) -> None:
    part = frame(window=[west, east, 0, 30], width=360)
    assert part.array("x_edges")[[0, -1]].tolist() == [west, east]
    np.testing.assert_allclose(part.values()[0], part.array("x") % 360, atol=0.01)


def test_a_window_beyond_the_data_shows_the_nearest_cells() -> None:
    ds = xr.Dataset({"v": (("y", "x"), np.zeros((3, 4)))})
    part = Viewer(ds).frame("v", {}, width=9, height=9, window=(50.0, 60.0, 0.0, 1.0))
    assert part.array("x").tolist() == [3]


def test_any_two_dimensions_can_be_seen() -> None:
    section = frame(x="t", y="lat", index={"lon": 7})
    assert section.header["kind"] == "image"
    assert section.header["shape"] == [60, 2]
    np.testing.assert_array_equal(section.values(), 7.5)


def test_a_moving_picture_is_in_eight_bits() -> None:
    moving, still = frame(quality="moving"), frame()
    assert moving.header["encoding"]["dtype"] == "u8"
    assert still.header["encoding"]["dtype"] == "u16"
    step = moving.header["encoding"]["scale"]
    np.testing.assert_allclose(moving.values(), still.values(), atol=step + 2)
    assert len(moving.payload) < len(still.payload)


def test_stages_are_stamped_in_their_order() -> None:
    stamps = frame().header["stamps"]
    assert 0 < stamps["read"] <= stamps["decimated"] <= stamps["packed"]
    assert stamps["received"] > 1e12
