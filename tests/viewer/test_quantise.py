"""Sixteen bits hold what a screen shows, and NaN and the infinities besides."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from portal.viewer.quantise import HIGHEST, pack, unpack

FLOATS = arrays(np.float64, array_shapes(max_dims=2, max_side=30), elements=st.floats(width=64))
FLOAT32 = arrays(np.float32, array_shapes(max_dims=2, max_side=30), elements=st.floats(width=32))


@given(values=FLOATS | FLOAT32)
def test_error_is_at_most_half_a_step(values: np.ndarray) -> None:
    packed = pack(values)
    back = unpack(packed)
    finite = np.isfinite(values)
    np.testing.assert_array_equal(back[~finite], values[~finite].astype(np.float64))
    exact = values[finite].astype(np.float64)
    half_step = 0 if packed.scale is None else packed.scale / 2
    half_step *= 1.03 if values.dtype == np.float32 else 1 + 1e-6
    rounding = 4 * math.ulp(np.abs(exact).max(initial=0))
    assert (np.abs(back[finite] - exact) <= half_step + rounding).all()


@given(values=FLOATS)
def test_a_step_is_the_span_over_the_codes(values: np.ndarray) -> None:
    packed = pack(values)
    finite = values[np.isfinite(values)]
    if packed.scale is not None and finite.size and np.ptp(finite) > 0:
        np.testing.assert_allclose(packed.scale, np.ptp(finite) / HIGHEST)


@given(
    values=arrays(np.int64, 50, elements=st.integers(0, HIGHEST)),
    offset=st.integers(-(10**9), 10**9),
)
def test_whole_numbers_are_exact(values: np.ndarray, offset: int) -> None:
    np.testing.assert_array_equal(unpack(pack(values + offset)), values + offset)


@given(values=FLOATS | FLOAT32)
def test_a_picture_that_moves_has_few_codes_or_those_of_a_still_one(values: np.ndarray) -> None:
    packed = pack(values, moving=True)
    back = unpack(packed)
    finite = np.isfinite(values)
    np.testing.assert_array_equal(back[~finite], values[~finite].astype(np.float64))
    exact = values[finite].astype(np.float64)
    step = packed.scale or 0.0
    rounding = 4 * math.ulp(np.abs(exact).max(initial=0))
    assert (np.abs(back[finite] - exact) <= 0.52 * step + rounding).all()


def test_an_outlier_does_not_take_the_colours_of_the_rest() -> None:
    values = np.linspace(0, 1, 100, dtype=np.float32)
    assert pack(values, span=1.0).encoding()["dtype"] == "u16"
    assert pack(values, moving=True, span=1.0).encoding()["dtype"] == "u8"
    values[50] = 40
    assert pack(values, moving=True, span=1.0).encoding()["dtype"] == "u16"
    values[50] = 1e20
    packed = pack(values, moving=True, span=1.0)
    assert packed.encoding() == {"dtype": "f32"}
    np.testing.assert_array_equal(unpack(packed), values)


def test_a_span_beyond_float64_stays_float64() -> None:
    values = np.array([-1.7e308, 0.0, 1.7e308])
    packed = pack(values)
    assert packed.encoding() == {"dtype": "f64"}
    np.testing.assert_array_equal(unpack(packed), values)


def test_nothing_finite_is_packed_all_the_same() -> None:
    values = np.array([[np.nan, np.inf, -np.inf]])
    np.testing.assert_array_equal(unpack(pack(values)), values)
