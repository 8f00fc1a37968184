"""The values between which colours run: the same for all slices of a variable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portal.errors import Unreadable
from portal.viewer.colors import DIVERGING, SEQUENTIAL
from portal.viewer.coordinates import text_of
from portal.viewer.read import bytes_touched, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import VariableView

SAMPLE_BYTES = 64_000_000
"""Most decoded bytes that the sample may touch."""
SAMPLE_SLICES = 7
SAMPLE_SIDE = 400

_DIFFERENCES = ("anomal", "differen", "change", "tendency", "departure", "trend", "warming", "bias")
_VECTORS = ("eastward_", "northward_", "upward_", "downward_", "x_wind", "y_wind")


@dataclass(frozen=True, slots=True)
class Limits:
    """Colour limits.

    Attributes
    ----------
    low, high
        In the variable's units, low < high.
    color_map
        Name in `portal.viewer.colors.COLOR_MAPS`.
    found
        False when the sample held no finite value and the limits are a stand-in.
    """

    low: float
    high: float
    color_map: str
    found: bool = True


def limits_of(array: xr.DataArray, view: VariableView, seen: NDArray[np.generic]) -> Limits:
    """Take the 2nd and 98th percentile of a sample of the variable.

    The sample is at most `SAMPLE_SLICES` slices spread over the slider dimensions, thinned to
    `SAMPLE_SIDE` cells a side, and never touches more than `SAMPLE_BYTES` of decoded chunks: where
    two slices would, the picture on the screen is all of it.

    Differences (by their names, or kelvins below zero) and vector components are coloured about
    zero with a diverging map.

    Parameters
    ----------
    array
        The whole variable, lazy.
    view
        How it is shown.
    seen
        The picture at hand.
    """
    parts = [s[np.isfinite(s)] for s in (seen, *_sample(array, view))]
    values = np.concatenate([p.astype(np.float64) for p in parts])
    if values.size == 0:
        return Limits(0.0, 1.0, SEQUENTIAL, found=False)
    low, high = (float(v) for v in np.percentile(values, (2, 98)))
    if low == high:
        low, high = float(values.min()), float(values.max())
    if array.dtype.kind == "b":
        return Limits(0.0, 1.0, SEQUENTIAL)
    if _is_about_zero(array, view, low, high):
        reach = max(abs(low), abs(high)) or 1.0
        return Limits(-reach, reach, DIVERGING)
    return Limits(*_spread(low, high), SEQUENTIAL)


def _spread(low: float, high: float) -> tuple[float, float]:
    """Open limits that coincide, so that a constant field sits in the middle of the colours."""
    if high > low and math.isfinite(high - low):
        return low, high
    if high > low:
        return low / 2, high / 2
    reach = max(abs(low) * 1e-3, 1e-12) if low else 1.0
    return low - reach, high + reach


def _is_about_zero(array: xr.DataArray, view: VariableView, low: float, high: float) -> bool:
    names = [view.name, *(text_of(array.attrs.get(k)) for k in ("long_name", "standard_name"))]
    words = " ".join(names).lower()
    if any(w in words for w in _DIFFERENCES):
        return True
    if not low < 0 < high:
        return low < 0 and view.units in {"K", "kelvin", "Kelvin"}
    balanced = min(-low, high) >= 0.2 * max(-low, high)
    is_vector = any(w in words for w in _VECTORS)
    # Arithmetic in xarray drops attributes: a balanced field without units is most often a
    # difference, as is any field in kelvin that has negative values.
    return is_vector or view.units in {"K", "kelvin", "Kelvin"} or (balanced and not view.units)


def _sample(array: xr.DataArray, view: VariableView) -> Iterator[NDArray[np.generic]]:
    whole = tuple(d for d in (view.x, view.y) if d)
    sizes = [array.sizes[d] for d in view.sliders]
    count = min(
        SAMPLE_SLICES, SAMPLE_BYTES // max(1, bytes_touched(array, whole)), math.prod(sizes)
    )
    if count < 2:
        return
    thin = {d: slice(None, None, max(1, array.sizes[d] // SAMPLE_SIDE)) for d in whole}
    for flat in np.linspace(0, math.prod(sizes) - 1, count).round().astype(int):
        steps = np.unravel_index(flat, sizes)
        at = {d: int(i) for d, i in zip(view.sliders, steps, strict=True)}
        try:
            yield read(array.isel(at | thin))
        except Unreadable:
            # That slice says so itself when it is chosen; the one on the screen could be read.
            return
