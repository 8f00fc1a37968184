"""The values at a place along a dimension, in parts as their chunks arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import axis_of
from portal.viewer.coordinates import upright
from portal.viewer.cost import Cost, Speed, cost_of
from portal.viewer.pieces import pieces_of
from portal.viewer.stream import Cancel, Kept, Part, Step, at_once, stream

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

#: Most values of one series.
MOST_VALUES = 5_000_000
#: Longest series whose steps have texts.
MOST_LABELS = 100_000


def series(
    array: xr.DataArray,
    along: str,
    at: Mapping[str, int],
    cancelled: Cancel,
    speed: Speed | None = None,
    step: Step = at_once,
    kept: Callable[[Mapping[str, int]], Sequence[Kept]] = lambda _: (),
) -> Iterator[Part]:
    """Read the values along a dimension at one place; only the chunks on the way are read.

    Parameters
    ----------
    array
        Lazy or not, of any chunks.
    along
        The dimension.
    at
        Index along each of the others; what is missing is 0.
    cancelled
        Once set no further chunk is read.
    speed
        How fast variables are read, for the estimate; updated.
    step
        Called before each piece is read.
    kept
        Returns what is in memory of the series at an index along each of the others.

    Yields
    ------
    Part
        First the ``cost`` and the axis ``along`` with the positions of its steps; then the values as
        they come, an overview first (see `portal.viewer.stream.stream`).

    Raises
    ------
    InvalidParameter
        A dimension that the array has not, an index out of range.
    Unreadable
        The store failed.
    """
    size = checked_size(array, along)
    index = checked_index(array, {d: i for d, i in at.items() if d != along})
    rest = {str(d): index.get(str(d), 0) for d in array.dims if d != along}
    speed = Speed() if speed is None else speed
    from portal.viewer.thin import thin

    found = thin(array)
    bare = array.drop_vars(list(array.coords)) if found is None else found.array
    held = kept(rest)
    come = np.zeros(size, dtype=bool)
    for start, values in held:
        come[start : start + len(values)] = True
    length = None if found is None else found.length(along)
    pieces = pieces_of(bare.isel(rest), length=length)
    pieces = [p for p in pieces if not come[p.start : p.stop].all()]
    where: dict[str, Any] = dict(rest)
    if held:
        where[along] = np.concatenate([np.arange(0), *(np.arange(p.start, p.stop) for p in pieces)])
    share = 1.0 if found is None else found.share(along, rest)
    head, cost = opening(array, along, where, speed, share)
    yield from stream(head, pieces, cost, cancelled, speed, _as_they_are, step, held)


def _as_they_are(values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def opening(
    array: xr.DataArray, along: str, where: Mapping[str, Any], speed: Speed, share: float = 1.0
) -> tuple[Part, Cost]:
    """Return the first part of an answer along a dimension, and what reading will cost.

    The part's header has ``cost``, ``units`` and ``along`` (an axis header with ``down``, whether it
    points down, and ``upright``, whether it is drawn so); its array are the positions of all steps.
    """
    size = checked_size(array, along)
    axis = axis_of(array, along)
    positions = np.empty(size)
    positions[axis.order] = axis.values
    labels = None
    if axis.labels is not None and size <= MOST_LABELS:
        by_step = np.empty(size, dtype=object)
        by_step[axis.order] = axis.labels
        labels = by_step.tolist()
    cost = cost_of(array, where, speed, share)
    header = axis.header() | {
        "labels": labels,
        "size": size,
        **upright(array, along),
    }
    return Part({"cost": cost.to_dict(), "along": header}, (positions,)), cost


def checked_size(array: xr.DataArray, along: str) -> int:
    """Return the length of a dimension along which a series can be read.

    Raises
    ------
    InvalidParameter
        There is no such dimension, or it is empty or too long.
    """
    if along not in array.dims:
        raise InvalidParameter(
            f"{array.name} has no dimension {along!r}",
            found=", ".join(map(str, array.dims)) or "a single value",
            advice="Name one of these.",
        )
    size = array.sizes[along]
    if not 0 < size <= MOST_VALUES:
        raise InvalidParameter(
            f"There is no series of {size:,} values along {along}",
            found=f"{along} has {size:,} steps",
            advice=f"Choose a dimension of 1 to {MOST_VALUES:,} steps.",
        )
    return size


def checked_index(array: xr.DataArray, index: Mapping[str, Any]) -> dict[str, int]:
    """Return the index along each dimension named.

    Raises
    ------
    InvalidParameter
        A dimension that the array has not, or an index that is none of its.
    """
    checked = {}
    for dim, i in index.items():
        if dim not in array.dims:
            raise InvalidParameter(
                f"{array.name} has no dimension {dim!r:.60}",
                found=", ".join(map(str, array.dims)) or "a single value",
                advice="Give an index for one of these.",
            )
        size = array.sizes[dim]
        whole = isinstance(i, int | np.integer) or (isinstance(i, float) and i.is_integer())
        if isinstance(i, bool) or not whole or not 0 <= i < size:
            raise InvalidParameter(
                f"The index of {dim} is out of range",
                found=f"{i!r:.60}",
                advice=f"Give a whole number from 0 to {size - 1}."
                if size
                else "It has no steps: choose another variable.",
            )
        checked[str(dim)] = int(i)
    return checked
