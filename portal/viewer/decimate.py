"""Fewer cells than the array has, as many as the screen shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def factor(cells: int, pixels: int) -> int:
    """Return how many cells fall on one pixel, so that `cells` cells fit into `pixels` pixels."""
    return max(1, math.ceil(cells / max(1, pixels)))


def area_mean(values: NDArray[np.generic], fy: int, fx: int) -> NDArray[np.generic]:
    """Average blocks of cells, leaving missing ones out.

    Each block of `fy` × `fx` cells becomes its plain mean over the cells that are not NaN; a block
    without any is NaN. Blocks at the far edges may be smaller. Cells count alike, whatever their
    area on the Earth: within one block the difference is far below a colour step. A block
    with an infinite cell is infinite.

    Parameters
    ----------
    values
        Numbers, shape (ny, nx).
    fy, fx
        Cells per block along each axis; 1 and 1 return `values` as they are.

    Returns
    -------
    ndarray, shape (ceil(ny / fy), ceil(nx / fx))
    """
    if fy == 1 and fx == 1:
        return values
    ny, nx = values.shape
    rows, columns = np.arange(0, ny, fy), np.arange(0, nx, fx)
    with np.errstate(invalid="ignore", over="ignore"):
        total = _block_sums(values, rows, columns)
        heights = np.diff(np.append(rows, ny))
        widths = np.diff(np.append(columns, nx))
        count = np.multiply.outer(heights, widths).astype(np.float64)
        if np.isnan(total).any():
            missing = np.isnan(values)
            total = _block_sums(np.where(missing, 0, values), rows, columns)
            count -= _block_sums(missing, rows, columns)
        return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))


def _block_sums(
    values: NDArray[np.generic], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    across = np.add.reduceat(values, columns, axis=1, dtype=np.float64)
    return np.asarray(np.add.reduceat(across, rows, axis=0, dtype=np.float64))


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
