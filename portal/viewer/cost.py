"""What reading a selection takes: its chunks, their bytes, the seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

Index = int | slice | Sequence[int]

#: Decoded bytes a second, as long as nothing was read.
FIRST_SPEED = 600e6
#: To find and begin a chunk takes as long as to decode so many bytes.
PER_CHUNK = 500_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading takes.

    Attributes
    ----------
    chunks
        Chunks that are read.
    bytes
        Their decoded bytes.
    seconds
        From the speed of what was read before.
    of
        What is read, and how: a speed is known of each.
    """

    chunks: int
    bytes: int
    seconds: float
    of: str = ""

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON values."""
        return {"chunks": self.chunks, "bytes": self.bytes, "seconds": self.seconds}


class Speed:
    """How fast each variable was read of late, in each way."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}

    def cost(self, of: str, chunks: int, size: int) -> Cost:
        """Return what chunks of a variable cost, of so many decoded bytes together."""
        speed = self._known.get(of, FIRST_SPEED)
        return Cost(chunks, size, (size + chunks * PER_CHUNK) / speed, of)

    def note(self, cost: Cost, share: float, seconds: float) -> None:
        """Take a reading into account, of a share of a cost; it is half of what is known."""
        work = (cost.bytes + cost.chunks * PER_CHUNK) * share
        if work > 0 and seconds > 0:
            now = work / seconds
            self._known[cost.of] = (self._known.get(cost.of, now) + now) / 2


def cost_of(
    array: xr.DataArray, where: Mapping[str, Index], speed: Speed, share: float = 1.0
) -> Cost:
    """Count the chunks of an array that a selection by index touches.

    What is in memory costs nothing; where chunks are not known, the cells alone are counted.

    Parameters
    ----------
    share
        What part of a chunk is decoded.
    """
    if is_in_memory(array):
        return Cost(0, 0, 0.0)
    lengths = chunk_lengths(array)
    chunks, cells = 1, 1
    for dim, size in array.sizes.items():
        picked = np.atleast_1d(np.arange(size)[_indexer(where.get(str(dim), slice(None)))])
        if not lengths:
            cells *= picked.size
            continue
        borders = np.cumsum(lengths[str(dim)])
        touched = np.unique(np.searchsorted(borders, picked, side="right"))
        chunks *= touched.size
        cells *= int(np.diff(borders, prepend=0)[touched].sum())
    size = round(cells * array.dtype.itemsize * share)
    return speed.cost(str(array.name) + (" by the block" if share < 1 else ""), chunks, size)


def _indexer(index: Index) -> Any:
    return index if isinstance(index, (int, slice)) else np.asarray(index, dtype=np.intp)


def is_in_memory(array: xr.DataArray) -> bool:
    """Whether the values need no reading."""
    return array.chunks is None and array.variable._in_memory


def chunk_lengths(array: xr.DataArray) -> dict[str, tuple[int, ...]]:
    """Return the lengths of the chunks along each dimension; empty where they are not known."""
    if array.chunks is not None:
        return {str(d): tuple(c) for d, c in array.chunksizes.items()}
    own = array.encoding.get("preferred_chunks") or {}
    if not own or any(d not in own for d in array.dims):
        return {}
    lengths = {}
    for dim, size in array.sizes.items():
        step = own[dim] if isinstance(own[dim], int) else max(own[dim])
        rest = size % step
        lengths[str(dim)] = (step,) * (size // step) + ((rest,) if rest else ())
    return lengths


def line_cost(
    array: xr.DataArray,
    cells: Mapping[str, NDArray[np.intp]],
    index: Mapping[str, int],
    speed: Speed,
) -> Cost:
    """Count the chunks under a line: not the rectangle about it, the cells themselves."""
    if is_in_memory(array):
        return Cost(0, 0, 0.0)
    one = {d: int(i[0]) for d, i in cells.items()}
    each = cost_of(array, {**index, **one}, speed)
    lengths = (
        array.chunksizes if array.chunks is not None else array.encoding.get("preferred_chunks")
    )
    if not lengths or any(d not in lengths for d in cells):
        times = next(iter(cells.values())).size
    else:
        ids = []
        for dim, i in cells.items():
            step = lengths[dim]
            ids.append(
                i // step if isinstance(step, int) else np.searchsorted(np.cumsum(step), i, "right")
            )
        times = np.unique(np.stack(ids), axis=1).shape[1]
    size = each.bytes * times
    return speed.cost(str(array.name), each.chunks * times, size)
