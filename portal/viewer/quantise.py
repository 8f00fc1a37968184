"""Numbers to 8 or 16 bits and back: a part of their bytes, and finer than any screen shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISSING = 65_535
PLUS_INFINITY = 65_534
MINUS_INFINITY = 65_533
HIGHEST = 65_532
LARGEST_SPAN = 1e290
FEWEST_STEPS = 1_000
"""Fewer 16-bit steps between the colour limits than these would show: such values stay floats."""
FEWEST_STEPS_MOVING = 160
"""The same for 8 bits, of a picture that the next one replaces."""
_WIDE, _NARROW = 0, MISSING - 255
"""What is taken from the highest codes when they are those of 8 bits."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Cells as they travel.

    Attributes
    ----------
    cells
        ``uint8`` or ``uint16`` codes, or ``float32`` or ``float64`` where these cannot span the
        values.
    scale, offset
        value = offset + scale × code, for codes of at most `HIGHEST` (252 in 8 bits); the three
        codes above are minus infinity, plus infinity and missing. Both are None for floats.
    """

    cells: NDArray[Any]
    scale: float | None
    offset: float | None

    def encoding(self) -> dict[str, Any]:
        """Return the part of a frame's header that a reader needs to unpack the cells."""
        if self.scale is None:
            return {"dtype": "f32" if self.cells.dtype == np.float32 else "f64"}
        less = _NARROW if self.cells.dtype == np.uint8 else _WIDE
        return {
            "dtype": "u8" if less else "u16",
            "scale": self.scale,
            "offset": self.offset,
            "missing": MISSING - less,
            "plus_infinity": PLUS_INFINITY - less,
            "minus_infinity": MINUS_INFINITY - less,
        }


def pack(values: NDArray[Any], *, moving: bool = False, span: float = 0.0) -> Packed:
    """Quantise to even steps between the smallest and largest finite value.

    There are 65,533 of them, or 253 for a picture that moves where these are enough. The error is
    at most half a step (51 hundredths in float32); NaN and both infinities keep
    codes of their own; whole numbers spanning no more are exact. Where the steps would be visible
    (`span`) the values travel as floats.

    Parameters
    ----------
    values
        Real numbers of any shape.
    moving
        Whether the next picture follows at once.
    span
        Width of the colour limits: what one far outlier leaves of the colours still has to show.
    """
    # What numpy cannot add up in its own type: whole numbers overflow, halves are coarse.
    single = values.dtype == np.float32
    numbers = values if single else np.asarray(values, dtype=np.float64)
    with np.errstate(all="ignore"):
        low, high = float(np.min(numbers, initial=np.inf)), float(np.max(numbers, initial=-np.inf))
        finite: Any = True
        if not (math.isfinite(low) and math.isfinite(high)):
            finite = np.isfinite(numbers)
            low = float(np.min(numbers, where=finite, initial=np.inf))
            high = float(np.max(numbers, where=finite, initial=-np.inf))
        if not low <= high:
            low = high = 0.0
        width = high - low
        steps = 252 if moving else HIGHEST
        if moving and not _enough(values, width, steps, span, FEWEST_STEPS_MOVING):
            steps = HIGHEST
        if not _enough(values, width, steps, span, FEWEST_STEPS if steps == HIGHEST else 0):
            return Packed(numbers, None, None)
        scale = _step(values, width, steps)
        # Spans at the ends of float64, or lost beside the size of their numbers, are not quantised.
        if width > LARGEST_SPAN or (width > 0 and scale < max(math.ulp(low), 1 / LARGEST_SPAN)):
            return Packed(np.asarray(numbers, dtype=np.float64), None, None)
        if single and not 1e-30 < width < 1e30:
            numbers = numbers.astype(np.float64)
        codes = numbers - numbers.dtype.type(low)
        codes *= numbers.dtype.type(1 / scale)
        codes += numbers.dtype.type(0.5)
        dtype, less = (np.uint8, _NARROW) if steps == 252 else (np.uint16, _WIDE)
        packed = np.asarray(codes).astype(dtype)
        if finite is not True:
            packed[~finite] = MISSING - less
            packed[numbers == np.inf] = PLUS_INFINITY - less
            packed[numbers == -np.inf] = MINUS_INFINITY - less
    return Packed(packed, scale, low)


def _step(values: NDArray[Any], width: float, steps: int) -> float:
    whole = values.dtype.kind in "biu" and width <= steps
    return 1.0 if whole or width == 0 else width / steps


def _enough(values: NDArray[Any], width: float, steps: int, span: float, fewest: int) -> bool:
    """Whether the colours cannot tell the steps from the numbers themselves."""
    exact = values.dtype.kind in "biu" and width <= steps
    return exact or width == 0 or span <= 0 or span / width * steps >= fewest


def unpack(packed: Packed) -> NDArray[np.float64]:
    """Return the values again, as the front-end computes them."""
    if packed.scale is None or packed.offset is None:
        return np.asarray(packed.cells, dtype=np.float64)
    codes = packed.encoding()
    values = packed.offset + packed.scale * packed.cells.astype(np.float64)
    values[packed.cells == codes["missing"]] = np.nan
    values[packed.cells == codes["plus_infinity"]] = np.inf
    values[packed.cells == codes["minus_infinity"]] = -np.inf
    return values
