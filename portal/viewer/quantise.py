"""Numbers to 16 bits and back: half the bytes of float32, and finer than any screen shows."""

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


@dataclass(frozen=True, slots=True)
class Packed:
    """Cells as they travel.

    Attributes
    ----------
    cells
        ``uint16`` codes, or ``float64`` where 16 bits cannot span the values.
    scale, offset
        value = offset + scale × code, for codes of at most `HIGHEST`; the codes above it are
        `MISSING`, `PLUS_INFINITY` and `MINUS_INFINITY`. Both are None for float64 cells.
    """

    cells: NDArray[np.uint16] | NDArray[np.float64]
    scale: float | None
    offset: float | None

    def encoding(self) -> dict[str, Any]:
        """Return the part of a frame's header that a reader needs to unpack the cells."""
        if self.scale is None:
            return {"dtype": "f64"}
        return {
            "dtype": "u16",
            "scale": self.scale,
            "offset": self.offset,
            "missing": MISSING,
            "plus_infinity": PLUS_INFINITY,
            "minus_infinity": MINUS_INFINITY,
        }


def pack(values: NDArray[np.generic]) -> Packed:
    """Quantise to 65,533 even steps between the smallest and largest finite value.

    The error is at most half a step (plus float64 rounding); NaN and both infinities keep codes of
    their own; whole numbers spanning at most 65,532 are exact.

    Parameters
    ----------
    values
        Real numbers of any shape.
    """
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        low, span = 0.0, 0.0
    else:
        low = float(np.min(numbers, where=finite, initial=np.inf))
        with np.errstate(over="ignore"):
            span = float(np.max(numbers, where=finite, initial=-np.inf)) - low
    whole = values.dtype.kind in "biu" and span <= HIGHEST
    scale = 1.0 if whole or span == 0 else span / HIGHEST
    # Spans at the ends of float64, or lost beside the size of their numbers, are not quantised.
    if span > LARGEST_SPAN or (span > 0 and scale < max(math.ulp(low), 1 / LARGEST_SPAN)):
        return Packed(numbers, None, None)
    codes = np.full(numbers.shape, MISSING, dtype=np.uint16)
    np.copyto(
        codes,
        np.rint((np.where(finite, numbers, low) - low) / scale).astype(np.uint16),
        where=finite,
    )
    codes[numbers == np.inf] = PLUS_INFINITY
    codes[numbers == -np.inf] = MINUS_INFINITY
    return Packed(codes, scale, low)


def unpack(packed: Packed) -> NDArray[np.float64]:
    """Return the values again, as the front-end computes them."""
    if packed.scale is None or packed.offset is None:
        return np.asarray(packed.cells, dtype=np.float64)
    values = packed.offset + packed.scale * packed.cells.astype(np.float64)
    values[packed.cells == MISSING] = np.nan
    values[packed.cells == PLUS_INFINITY] = np.inf
    values[packed.cells == MINUS_INFINITY] = -np.inf
    return values
