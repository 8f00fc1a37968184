"""Fewer cells than the array has, as many as the screen shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EXACT_BLOCK = 64
"""Largest block, in cells, whose mean is added up in float32."""
BAND = 1_000_000
"""Cells that are averaged at once: as many as a processor keeps near it."""


def factor(cells: int, pixels: int) -> int:
    """Return how many cells fall on one pixel, so that `cells` cells fit into `pixels` pixels."""
    return max(1, math.ceil(cells / max(1, pixels)))


def block_starts(cells: int, pixels: int) -> NDArray[np.intp]:
    """Share `cells` cells out to at most `pixels` pixels.

    Returns
    -------
    ndarray of intp, rising
        Where the block of each pixel begins; blocks differ by one cell at the most.
    """
    count = min(cells, pixels)
    return np.arange(count, dtype=np.intp) * cells // max(1, count)


def block_middles(starts: NDArray[np.intp], cells: int) -> NDArray[np.intp]:
    """Return the cell in the middle of each block, the nearest one to its pixel."""
    middles: NDArray[np.intp] = (starts + np.append(starts[1:], cells) - 1) // 2
    return middles


def area_mean(
    values: NDArray[np.generic],
    *starts: NDArray[np.intp],
    step: Callable[[], None] = lambda: None,
) -> NDArray[np.generic]:
    """Average blocks of cells, leaving missing ones out.

    Each block becomes its plain mean over the cells that are not NaN; a block without any is NaN.
    Cells count alike, whatever their area on the Earth: within one block the difference is far
    below a colour step. A block with an infinite cell is infinite.

    Parameters
    ----------
    values
        Numbers, shape (n, …).
    starts
        For each axis where its blocks begin, rising, the first at 0.
    step
        Called before every `BAND` cells or so: what it raises ends the work.

    Returns
    -------
    ndarray
        One value for each block: float32 for float32 in blocks of at most `EXACT_BLOCK` cells,
        else float64; `values` themselves where each block is one cell.
    """
    if all(s.size == n for s, n in zip(starts, values.shape, strict=True)):
        return values
    cells = math.prod(math.ceil(n / s.size) for s, n in zip(starts, values.shape, strict=True))
    single = values.dtype.kind == "f" and values.dtype.itemsize <= 4 and cells <= EXACT_BLOCK
    dtype = np.float32 if single else np.float64
    first, *others = starts
    rows = max(1, BAND * first.size // max(1, values.size))
    ends = np.append(first, values.shape[0])
    bands = []
    for top in range(0, first.size, rows):
        step()
        bottom = min(first.size, top + rows)
        band = values[ends[top] : ends[bottom]]
        bands.append(_mean(band, (first[top:bottom] - first[top], *others), cells, dtype))
    return np.concatenate(bands)


def _mean(
    values: NDArray[np.generic], starts: tuple[NDArray[np.intp], ...], cells: int, dtype: type
) -> NDArray[np.generic]:
    with np.errstate(invalid="ignore", over="ignore"):
        total = _block_sums(values, starts, dtype)
        count: NDArray[Any] = _counts(values.shape, starts).astype(dtype)
        if np.isnan(total).any():
            missing = np.isnan(values)
            total = _block_sums(np.where(missing, values.dtype.type(0), values), starts, dtype)
            count -= _block_sums(missing, starts, np.uint16 if cells < 65_536 else np.uint32)
        total /= np.where(count > 0, count, dtype("nan"))
        return total


def _counts(shape: tuple[int, ...], starts: tuple[NDArray[np.intp], ...]) -> NDArray[np.intp]:
    """How many cells each block has."""
    sizes = [np.diff(np.append(s, n)) for s, n in zip(starts, shape, strict=True)]
    return np.asarray(math.prod(np.ix_(*sizes)))


def _block_sums(
    values: NDArray[np.generic], starts: tuple[NDArray[np.intp], ...], dtype: type
) -> NDArray[Any]:
    """Add up first cells, second cells, … of all blocks: whole rows at once, far faster than block by block."""
    total: NDArray[Any] = values
    for axis, first in enumerate(starts):
        ends = np.append(first[1:], total.shape[axis])
        part: NDArray[Any] = total.take(first, axis).astype(dtype, copy=False)
        for k in range(1, int((ends - first).max())):
            inside = first + k < ends
            if inside.all():
                part += total.take(first + k, axis)
            else:
                where = (slice(None),) * axis + (inside,)
                part[where] += total.take(first[inside] + k, axis)
        total = part
    return total


def extremes(
    x: NDArray[np.float64], y: NDArray[np.float64], points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Thin a series to about `points` points and keep every peak.

    Of each run of neighbours the lowest and the highest value stay, in their order, so that the
    drawn line covers what the whole line would cover. A run without any value stays as one gap.

    Returns
    -------
    x, y, index : ndarrays of one length
        The points kept and where they were.
    """
    size = y.size
    run = factor(size, max(1, points // 2))
    if run <= 2:
        return x, y, np.arange(size)
    pad = -size % run
    blocks = np.pad(y, (0, pad), constant_values=np.nan).reshape(-1, run)
    known = ~np.isnan(blocks)
    low = np.where(known, blocks, np.inf).argmin(axis=1)
    high = np.where(known, blocks, -np.inf).argmax(axis=1)
    starts = np.arange(blocks.shape[0]) * run
    # A gap inside a run has to stay visible: its first missing cell is kept as well.
    gap = np.where(known.all(axis=1), low, (~known).argmax(axis=1))
    index = np.unique(np.concatenate([starts + low, starts + high, starts + gap]))
    index = index[index < size]
    return x[index], y[index], index
