"""Fewer cells, the same mean; fewer points, the same peaks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from portal.viewer.decimate import area_mean, extremes, factor

ELEMENTS = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))


@given(
    values=st.tuples(st.integers(1, 25), st.integers(1, 25)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=ELEMENTS)
    ),
    fy=st.integers(1, 7),
    fx=st.integers(1, 7),
)
def test_area_mean_is_the_coarsened_mean(values: np.ndarray, fy: int, fx: int) -> None:
    # Padding with NaN lets coarsen average the smaller blocks at the far edges too.
    ny, nx = values.shape
    padded = np.pad(
        values.astype(np.float64), ((0, -ny % fy), (0, -nx % fx)), constant_values=np.nan
    )
    expected = xr.DataArray(padded, dims=("y", "x")).coarsen(y=fy, x=fx).mean()
    np.testing.assert_allclose(area_mean(values, fy, fx), expected.values, rtol=1e-9, atol=1e-6)


def test_whole_numbers_average_to_fractions() -> None:
    np.testing.assert_array_equal(area_mean(np.array([[1, 2], [3, 5]], np.uint8), 2, 2), [[2.75]])


def test_an_infinite_cell_shows() -> None:
    assert np.isposinf(area_mean(np.array([[1.0, np.inf]]), 1, 2)).all()


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
