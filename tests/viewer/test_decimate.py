"""Fewer cells, the same mean; fewer points, the same peaks."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from portal.viewer import decimate
from portal.viewer.decimate import area_mean, block_middles, block_starts, extremes, factor

ELEMENTS = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))


@given(
    values=st.tuples(st.integers(1, 25), st.integers(1, 25)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=ELEMENTS)
    ),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    double=st.booleans(),
    band=st.integers(1, 700),
)
def test_area_mean_is_the_mean_of_each_block(
    values: np.ndarray, height: int, width: int, double: bool, band: int
) -> None:
    ny, nx = values.shape
    rows, columns = block_starts(ny, height), block_starts(nx, width)
    with mock.patch.object(decimate, "BAND", band):
        means = area_mean(values.astype(np.float64) if double else values, rows, columns)
    assert means.shape == (min(ny, height), min(nx, width))
    pieces = [np.split(r, columns[1:], axis=1) for r in np.split(values, rows[1:], axis=0)]
    for i, j in np.ndindex(means.shape):
        known = pieces[i][j][~np.isnan(pieces[i][j])].astype(np.float64)
        if known.size:
            accuracy = 1e-9 if double else 1e-5
            reach = np.abs(known).max() + 1e-9
            assert abs(means[i, j] - known.mean()) <= accuracy * reach
        else:
            assert np.isnan(means[i, j])


@given(cells=st.integers(1, 5_000), pixels=st.integers(1, 1_000))
def test_pixels_share_the_cells_evenly(cells: int, pixels: int) -> None:
    starts = block_starts(cells, pixels)
    sizes = np.diff(np.append(starts, cells))
    assert starts[0] == 0
    assert starts.size == min(cells, pixels)
    assert sizes.min() >= 1
    assert np.ptp(sizes) <= 1
    middles = block_middles(starts, cells)
    assert (middles >= starts).all()
    assert (middles < starts + sizes).all()


def test_whole_numbers_average_to_fractions() -> None:
    one = np.array([0])
    values = np.array([[1, 2], [3, 5]], np.uint8)
    np.testing.assert_array_equal(area_mean(values, one, one), [[2.75]])


def test_an_infinite_cell_shows() -> None:
    one = np.array([0])
    assert np.isposinf(area_mean(np.array([[1.0, np.inf]]), one, one)).all()


def test_large_blocks_of_large_numbers_keep_their_digits() -> None:
    values = np.full((300, 300), 101_325.0625, np.float32)
    one = np.array([0])
    assert area_mean(values, one, one)[0, 0] == 101_325.0625


@pytest.mark.parametrize(("cells", "pixels", "expected"), [(10, 10, 1), (11, 10, 2), (1, 400, 1)])
def test_factor(cells: int, pixels: int, expected: int) -> None:
    assert factor(cells, pixels) == expected
    assert np.ceil(cells / factor(cells, pixels)) <= pixels


@given(values=arrays(np.float64, st.integers(1, 3_000), elements=ELEMENTS))
def test_thinning_a_series_keeps_its_peaks_and_gaps(values: np.ndarray) -> None:
    x = np.arange(values.size, dtype=np.float64)
    kept_x, kept_y, index = extremes(x, values, points=100)
    np.testing.assert_array_equal(values[index], kept_y)
    np.testing.assert_array_equal(x[index], kept_x)
    assert (np.diff(index) > 0).all()
    assert kept_y.size <= 200
    known = values[~np.isnan(values)]
    if known.size:
        assert np.nanmin(kept_y) == known.min()
        assert np.nanmax(kept_y) == known.max()
    assert np.isnan(kept_y).any() == np.isnan(values).any()
