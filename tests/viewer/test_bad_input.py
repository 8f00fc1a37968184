"""Whatever a variable holds, the answer is a picture or a sentence that says why not."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from portal.errors import InvalidParameter, Unreadable
from portal.viewer import Frame, Viewer, render

SHAPE = (4, 5)


def shown(values: object, dims: tuple[str, ...] = ("y", "x")) -> Frame:
    return render(xr.Dataset({"v": (dims, values)}), "v", {}, 100, 100)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (np.full(SHAPE, np.nan), "no data in this slice"),
        (np.full(SHAPE, np.inf), "no finite value in this slice"),
        (np.full(SHAPE, 7.5), "the same value everywhere in this slice"),
        (np.full(SHAPE, 0.0), "the same value everywhere in this slice"),
        (np.full(SHAPE, 1e308), "the same value everywhere in this slice"),
        (np.ones(SHAPE, bool), "true is shown as 1, false as 0"),
        (np.full(SHAPE, 3 + 4j), "complex numbers, shown by their magnitude"),
        (np.full(SHAPE, "2001-01-02", "M8[ns]"), "dates, shown as days since 1970-01-01"),
        (np.full(SHAPE, 36, "m8[h]"), "time spans, shown in days"),
    ],
)
def test_odd_values_are_shown_with_a_note(values: np.ndarray, note: str) -> None:
    frame = shown(values)
    low, high = frame.header["limits"]
    assert np.isfinite([low, high]).all()
    assert low < high
    assert note in frame.header["notes"]
    json.dumps(frame.header, allow_nan=False)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full(SHAPE, 3 + 4j), 5.0),
        (np.full(SHAPE, "1970-01-03", "M8[ns]"), 2.0),
        (np.full(SHAPE, 36, "m8[h]"), 1.5),
        (np.full(SHAPE, True), 1.0),
        (np.full(SHAPE, 2**63 - 1, np.uint64), 2.0**63),
        (np.full(SHAPE, np.float16(0.5)), 0.5),
    ],
)
def test_odd_values_are_right(values: np.ndarray, expected: float) -> None:
    np.testing.assert_allclose(shown(values).values(), expected)


def test_infinities_are_kept_apart_from_nan() -> None:
    values = np.array([[np.inf, -np.inf], [np.nan, 1.0]])
    np.testing.assert_array_equal(shown(values).values(), values[::-1])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.empty((0, 5)), "its dimension y has length 0"),
        (np.full(SHAPE, "word"), "It holds text"),
        (np.full(SHAPE, b"word"), "It holds text"),
        (np.full(SHAPE, None, object), "values of the type object"),
    ],
)
def test_what_has_no_picture_says_why(values: np.ndarray, reason: str) -> None:
    viewer = Viewer(xr.Dataset({"v": (("y", "x"), values)}))
    assert reason in viewer.description.variables[0].problem
    with pytest.raises(InvalidParameter, match="cannot be shown") as caught:
        viewer.frame("v", {}, width=10, height=10)
    assert reason in str(caught.value)


def test_names_that_are_not_text() -> None:
    ds = xr.Dataset({0: ((1, 2), np.zeros((2, 3)))})
    assert render(ds, "0", {}, 10, 10).header["x"]["dim"] == "2"


def test_a_single_value() -> None:
    frame = shown(np.float32(2.5), ())
    assert frame.header["kind"] == "value"
    assert frame.values().tolist() == [2.5]


def test_chunks_of_unknown_length() -> None:
    numbers = da.arange(10, chunks=5)
    ds = xr.Dataset({"v": ("x", numbers[numbers > 3])})
    assert "length of its dimensions is not known" in Viewer(ds).description.variables[0].problem


def test_nothing_at_all() -> None:
    description = Viewer(xr.Dataset()).description
    assert description.default == ""
    assert description.variables == ()


def test_a_store_that_fails_is_reported_with_its_reason() -> None:
    def broken(block: np.ndarray) -> np.ndarray:
        raise RuntimeError("checksum mismatch in chunk 3")

    lazy = da.zeros(SHAPE).map_blocks(broken, meta=np.empty((0, 0)))
    with pytest.raises(Unreadable, match="checksum mismatch in chunk 3"):
        shown(lazy)


def test_one_bad_slice_does_not_hide_a_good_one() -> None:
    def broken(block: np.ndarray, block_info: dict[int, dict[str, tuple[int, ...]]]) -> np.ndarray:
        if block_info[0]["chunk-location"][0] == 2:
            raise OSError("disk error")
        return block

    lazy = da.zeros((3, 4, 5), chunks=(1, 4, 5)).map_blocks(broken, meta=np.empty((0, 0, 0)))
    viewer = Viewer(xr.Dataset({"v": (("t", "y", "x"), lazy)}))
    assert viewer.frame("v", {"t": 0}, width=10, height=10).header["shape"] == [4, 5]
    with pytest.raises(Unreadable):
        viewer.frame("v", {"t": 2}, width=10, height=10)


@pytest.mark.parametrize(
    ("variable", "index", "width", "message"),
    [
        ("nope", {}, 10, "no variable 'nope'"),
        ("v", {"t": 3}, 10, "out of range"),
        ("v", {"t": -1}, 10, "out of range"),
        ("v", {"t": True}, 10, "out of range"),
        ("v", {"t": 0.5}, 10, "out of range"),
        ("v", {"z": 0}, 10, "no slider 'z'"),
        ("v", {}, 0, "at least 1 pixel"),
        ("v", {}, "wide", "at least 1 pixel"),
    ],
)
def test_bad_requests(variable: str, index: dict[str, int], width: int, message: str) -> None:
    viewer = Viewer(xr.Dataset({"v": (("t", "y", "x"), np.zeros((3, 4, 5)))}))
    with pytest.raises(InvalidParameter, match=message):
        viewer.frame(variable, index, width=width, height=10)


def test_an_irregular_axis_keeps_its_values() -> None:
    ds = xr.Dataset({"v": (("y", "x"), np.zeros((2, 4)))}, {"x": [0.0, 1.0, 10.0, 100.0]})
    frame = render(ds, "v", {}, 10, 10)
    assert frame.array("x").tolist() == [0, 1, 10, 100]
    assert frame.array("x_edges").tolist() == [-0.5, 0.5, 5.5, 55, 145]


@pytest.mark.parametrize("x", [[3.0, 1.0, 2.0], [1.0, np.nan, 2.0], ["a", "b", "c"]])
def test_an_axis_without_order_is_drawn_by_index(x: list[object]) -> None:
    ds = xr.Dataset({"v": (("y", "x"), np.arange(6.0).reshape(2, 3))}, {"x": x})
    frame = render(ds, "v", {}, 10, 10)
    assert frame.array("x").tolist() == [0, 1, 2]
    assert frame.values()[-1].tolist() == pytest.approx([0, 1, 2], abs=1e-3)


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize("scale", ["log", "symlog"])
def test_small_values_keep_their_digits_on_a_scale_set_by_hand(scale: str, moving: bool) -> None:
    values = np.geomspace(1e-6, 1e6, 20).astype("f4").reshape(SHAPE)
    viewer = Viewer(xr.Dataset({"v": (("y", "x"), values)}))
    quality = "moving" if moving else "still"
    frame = viewer.frame("v", {}, width=100, height=100, scale=scale, quality=quality)
    assert frame.header["encoding"]["dtype"] == "f32"
    np.testing.assert_array_equal(np.sort(frame.values().ravel()), np.sort(values.ravel()))
