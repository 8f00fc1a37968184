"""The exact number of one cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.viewer.coordinates import coordinate_of, labels_of, units_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray


def value(array: xr.DataArray, at: Mapping[str, int], cell: NDArray[np.generic]) -> dict[str, Any]:
    """Say what one cell is.

    Parameters
    ----------
    at
        Index along every dimension.
    cell
        Its number, as it was read.

    Returns
    -------
    dict
        ``value`` (None where it is missing or infinite), ``text`` with all its digits, ``units``,
        ``labels`` of each dimension.
    """
    number = cell.reshape(()).item()
    finite = bool(np.isfinite(number))
    if finite:
        # The shortest text that reads back as the same number of the array's own precision.
        text = str(cell.reshape(()).astype(cell.dtype)[()])
    else:
        text = "no data" if np.isnan(number) else ("+∞" if number > 0 else "−∞")
    return {
        "value": number if finite else None,
        "text": text.replace("-", "−").removesuffix(".0"),
        "units": unit_text(array),
        "labels": {
            d: labels_of(coordinate_of(array, d), [i], array.sizes[d])[0] for d, i in at.items()
        },
    }


def unit_text(array: xr.DataArray) -> str:
    """Units of the numbers that `read` makes of an array."""
    return "days" if array.dtype.kind in "Mm" else units_of(array.attrs)
