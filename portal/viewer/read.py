"""From a selection to numbers in memory: only the chunks that it needs."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import PortalError, Unreadable

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

MOST_CELLS = 64_000_000
"""Most cells that are read for one picture; a larger slice is read with a stride."""


def read(array: xr.DataArray) -> NDArray[np.generic]:
    """Load a small selection of an array as real numbers, in the kernel's own threads.

    Chunks that were persisted on a cluster are fetched from there.

    Complex numbers become magnitudes, booleans 0 and 1, dates days since 1970-01-01, time spans
    days.

    Raises
    ------
    Unreadable
        Whatever the store behind the array raised; the reading stops there.
    """
    try:
        scheduler = None if array.chunks and client_of(array) else "threads"
        values = np.asarray(array.variable.compute(scheduler=scheduler).values)
    except PortalError:
        raise
    except Exception as error:  # the plug-in boundary: any xarray backend may raise anything
        raise unreadable(array.name, error) from error
    return as_real(values)


def unreadable(name: object, error: Exception) -> Unreadable:
    """Say which array its store could not deliver, and why."""
    return Unreadable(
        f"Reading {name} failed",
        found=f"{type(error).__name__}: {error}",
        advice="Check that the file is whole and its store can be reached, then choose again.",
    )


def client_of(array: Any) -> Any:
    """Return the client of the cluster that holds chunks of a Dask array, or None."""
    if "distributed" not in sys.modules:
        return None
    from distributed import Client, futures_of

    try:
        client = Client.current()  # type: ignore[no-untyped-call]
    except ValueError:
        return None
    return client if futures_of(array) else None  # type: ignore[no-untyped-call]


def as_real(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Complex numbers as magnitudes, booleans as 0 and 1, dates and time spans as days."""
    if values.dtype.kind == "c":
        return np.asarray(np.abs(values))
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind in "Mm":
        microseconds = values.astype(f"{values.dtype.kind}8[us]")
        days = microseconds.astype(np.int64) / 86_400e6
        return np.asarray(np.where(np.isnat(microseconds), np.nan, days))
    return values


def strides(*sizes: int) -> tuple[int, ...]:
    """Return the step along each dimension that keeps a slice within `MOST_CELLS` cells."""
    steps = [1] * len(sizes)
    excess = math.prod(sizes) / MOST_CELLS
    for n in range(len(sizes), 0, -1):
        if excess <= 1:
            break
        axis = len(sizes) - n
        steps[axis] = min(max(1, sizes[axis]), math.ceil(excess ** (1 / n)))
        excess /= steps[axis]
    return tuple(steps)


def bytes_touched(array: xr.DataArray, whole: tuple[str, ...]) -> int:
    """Return how many decoded bytes reading one slice brings in, by the chunks that it crosses.

    Parameters
    ----------
    array
        The whole variable.
    whole
        Dimensions that the slice takes whole; of the others it takes one step.
    """
    sizes = dict(array.variable.chunksizes) or array.encoding.get("preferred_chunks") or {}
    count = array.dtype.itemsize
    for dim, size in array.sizes.items():
        chunk = sizes.get(dim, 1)
        step = max(chunk) if isinstance(chunk, tuple) else int(chunk)
        count *= size if dim in whole else min(step, size)
    return count
