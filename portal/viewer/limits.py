"""The values between which colours run: the same for all slices of a variable."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from portal.errors import TooLarge, Unreadable
from portal.viewer.colors import CATEGORICAL, DIVERGING, SEQUENTIAL
from portal.viewer.coordinates import text_of
from portal.viewer.quantities import Coloring, coloring_of
from portal.viewer.read import bytes_touched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import VariableView

    Read = Callable[[Mapping[str, int], Mapping[str, NDArray[np.intp]]], NDArray[np.generic]]

Scale = Literal["linear", "log", "symlog"]
Category = tuple[float, str]

SAMPLE_BYTES = 64_000_000
"""Most decoded bytes that the sample may touch."""
SAMPLE_SECONDS = 0.4
"""No further slice is read for the sample when it has taken this long."""
SAMPLE_SLICES = 7
SAMPLE_SIDE = 256
MOST_DECADES = 6.0
"""Powers of ten that a logarithmic scale shows at most, below the upper limit."""
MOST_CATEGORIES = 255

_LARGEST = 8e307
_KELVIN = {"K", "kelvin", "Kelvin"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Colour limits.

    Attributes
    ----------
    low, high
        In the variable's units, low < high, both finite, as is their span.
    color_map
        Name in `portal.viewer.colors.COLOR_MAPS`.
    found
        False when the sample held no finite value and the limits are a stand-in.
    scale
        ``log`` only with low > 0.
    categories
        Values that stand for something with their meanings (CF ``flag_values`` and
        ``flag_meanings``); empty for quantities.
    """

    low: float
    high: float
    color_map: str
    found: bool = True
    scale: Scale = "linear"
    categories: tuple[Category, ...] = ()

    @property
    def span(self) -> float:
        """Width of the colours in the variable's units, where they are finest.

        On a logarithmic scale that is at the lower limit; cells sent with steps that suit the upper
        one would be all of one colour there.
        """
        if self.scale == "log":
            return self.low * math.log(self.high / self.low)
        return self.high - self.low

    def header(self) -> dict[str, Any]:
        """Return the part of a frame's header that says how it is coloured."""
        plain: dict[str, Any] = {
            "limits": [self.low, self.high],
            "color_map": self.color_map,
            "scale": self.scale,
        }
        return plain | (
            {"categories": [list(c) for c in self.categories]} if self.categories else {}
        )


def limits_of(
    array: xr.DataArray, view: VariableView, seen: NDArray[np.generic], read: Read
) -> Limits:
    """Take the 2nd and 98th percentile of a sample of the variable.

    The sample is at most `SAMPLE_SLICES` slices spread over the slider dimensions, thinned to
    `SAMPLE_SIDE` cells a side. It never touches more than `SAMPLE_BYTES` of decoded chunks, where
    two slices would, the picture on the screen is all of it, and ends after `SAMPLE_SECONDS`.

    The map, its centre and the scale follow from the quantity (`portal.viewer.quantities`);
    differences that only their values give away (kelvins below zero, a balanced field without
    units) are coloured about zero. Categories need no sample.

    Parameters
    ----------
    array
        The whole variable, lazy.
    view
        How it is shown.
    seen
        The picture at hand.
    read
        Reads cells of the array: given the one step of each slider, and the indices along the other
        dimensions.
    """
    categories = categories_of(array)
    if categories:
        values = [value for value, _ in categories]
        return Limits(*_spread(min(values), max(values)), CATEGORICAL, categories=categories)
    coloring = coloring_of([text_of(array.attrs.get(k)) for k in _NAMES] + [view.name])
    parts = [_thinned(seen), *_sample(array, view, read)]
    sample = np.concatenate([p[np.isfinite(p)].astype(np.float64) for p in parts])
    if sample.size == 0:
        # Those few that the thinning passed over may be all there are.
        sample = np.asarray(seen[np.isfinite(seen)], dtype=np.float64)
    return chosen(sample, coloring, view.units)


def limits_alone(
    array: xr.DataArray, view: VariableView, seen: NDArray[np.generic], read: Read
) -> Limits:
    """Take the limits of the picture at hand alone; see `limits_of`."""
    return limits_of(array, replace(view, sliders=()), seen, read)


_NAMES = ("standard_name", "long_name")


def chosen(sample: NDArray[np.float64], coloring: Coloring, units: str = "") -> Limits:
    """Choose the limits, map and scale for a sample of a quantity.

    Parameters
    ----------
    sample
        Finite values, shape (n,).
    coloring
        How the quantity is coloured.
    units
        Of the values.
    """
    if sample.size == 0:
        return Limits(0.0, 1.0, coloring.color_map, found=False)
    low, high = (float(v) for v in np.percentile(sample, (2, 98)))
    least, most = float(sample.min()), float(sample.max())
    if low == high:
        low, high = least, most
    if coloring.turn and units.startswith("deg") and least >= -1e-6 and most <= 360:
        return Limits(0.0, 360.0, coloring.color_map)
    if coloring.centre is not None:
        across = low < coloring.centre < high
        if across or not coloring.only_across:
            return _about(coloring.centre, low, high, coloring.color_map)
        return Limits(*_spread(low, high), SEQUENTIAL)
    if _is_difference(low, high, units):
        return _about(0.0, low, high, DIVERGING)
    positive = sample[sample > 0]
    if least >= 0 and positive.size > sample.size / 2:
        first, last = (float(v) for v in np.percentile(positive, (2, 98)))
        first = max(first, last * 10**-MOST_DECADES)
        if first > 0 and math.log10(last) - math.log10(first) > coloring.decades:
            return Limits(first, last, coloring.color_map, scale="log")
    return Limits(*_spread(low, high), coloring.color_map)


def categories_of(array: xr.DataArray) -> tuple[Category, ...]:
    """Return the values that stand for something, with their meanings.

    Those of the CF attributes ``flag_values`` and ``flag_meanings``, where there are as many of the
    one as of the other and no ``flag_masks`` (bits that combine); false and true of booleans.

    Parameters
    ----------
    array
        Any variable; none of its data is read.
    """
    if array.dtype.kind == "b":
        return ((0.0, "false"), (1.0, "true"))
    given, meanings = array.attrs.get("flag_values"), array.attrs.get("flag_meanings")
    if given is None or "flag_masks" in array.attrs:
        return ()
    try:
        # Some files hold the values as text: "0b, 1b, 2b".
        numbers = re.findall(r"-?[\d.]+", given) if isinstance(given, str) else given
        values = [float(v) for v in np.atleast_1d(np.asarray(numbers, dtype=np.float64)).ravel()]
    except (TypeError, ValueError):
        return ()
    names = text_of(meanings).replace(",", " ").split()
    fits = len(names) == len(values) == len(set(values)) and np.isfinite(values).all()
    if not fits or not 0 < len(values) <= MOST_CATEGORIES:
        return ()
    return tuple((v, n.replace("_", " ")) for v, n in zip(values, names, strict=True))


def _about(centre: float, low: float, high: float, color_map: str) -> Limits:
    reach = max(abs(low - centre), abs(high - centre)) or 1.0
    return Limits(*_spread(centre - reach, centre + reach), color_map)


def _spread(low: float, high: float) -> tuple[float, float]:
    """Open limits that (nearly) coincide, so that a constant field has the middle colour."""
    low, high = (min(max(v, -_LARGEST), _LARGEST) for v in (low, high))
    size = max(abs(low), abs(high))
    if high - low > max(size * 1e-13, 1e-300):
        return low, high
    reach = max(size * 1e-3, 1e-12) if size else 1.0
    low, high = low - reach, high + reach
    return max(low, -_LARGEST * 1.01), min(high, _LARGEST * 1.01)


def _is_difference(low: float, high: float, units: str) -> bool:
    if not low < 0 < high:
        return low < 0 and units in _KELVIN
    # Arithmetic in xarray drops attributes: a balanced field without units is most often a
    # difference, as is any field in kelvin that has negative values.
    balanced = min(-low, high) >= 0.2 * max(-low, high)
    return units in _KELVIN or (balanced and not units)


def _thinned(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values[tuple(slice(None, None, max(1, n // SAMPLE_SIDE)) for n in values.shape)]


def _sample(array: xr.DataArray, view: VariableView, read: Read) -> Iterator[NDArray[np.generic]]:
    whole = tuple(d for d in (view.x, view.y) if d)
    sizes = [array.sizes[d] for d in view.sliders]
    count = min(
        SAMPLE_SLICES, SAMPLE_BYTES // max(1, bytes_touched(array, whole)), math.prod(sizes)
    )
    if count < 2:
        return
    thin = {d: np.arange(0, n := array.sizes[d], max(1, n // SAMPLE_SIDE)) for d in whole}
    started = time.monotonic()
    for flat in np.linspace(0, math.prod(sizes) - 1, count).round().astype(int):
        if time.monotonic() - started > SAMPLE_SECONDS:
            return
        steps = np.unravel_index(flat, sizes)
        at = {d: int(i) for d, i in zip(view.sliders, steps, strict=True)}
        try:
            yield read(at, thin)
        except (Unreadable, TooLarge):
            # That slice says so itself when it is chosen; the one on the screen could be read.
            return
