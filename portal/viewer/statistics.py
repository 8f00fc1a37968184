"""What the cells in a box amount to: mean, spread, ends, histogram, and the mean along a dimension."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.viewer.coordinates import text_of
from portal.viewer.cost import Speed, cost_of
from portal.viewer.pieces import pieces_of
from portal.viewer.places import Ends, Places, unit_vectors
from portal.viewer.read import read
from portal.viewer.series import opening
from portal.viewer.stream import Cancel, Part, Step, at_once, gather, stream

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

#: Cells of a box that are read; of a larger one every n-th row and column is.
MOST_CELLS = 32_000_000
#: The same for each step of the series of its mean.
MOST_CELLS_OF_STEP = 4_000_000
BINS = 40


@dataclass(frozen=True, slots=True)
class Region:
    """The cells of a box, those that are read.

    Attributes
    ----------
    where
        Selection by index along each dimension of the picture.
    weights
        Of each cell, 0 outside the box, of the selection's shape.
    by
        What the weights are.
    stride
        One row in so many, one column in so many is read.
    """

    where: dict[str, NDArray[np.intp]]
    weights: NDArray[np.float64]
    by: str
    stride: tuple[int, ...]

    def pick(self) -> dict[str, slice | NDArray[np.intp]]:
        """Return the selection, by slices where its steps are even."""
        return {d: _slice(w) for d, w in self.where.items()}

    def notes(self) -> list[str]:
        """Return what a reader should know of the selection."""
        if max(self.stride) == 1:
            return []
        return [f"one cell in {' × '.join(map(str, self.stride))} was read: the box is very large"]


def region(ds: xr.Dataset, array: xr.DataArray, spots: Places, ends: Ends, most: int) -> Region:
    """Find the cells of a box and their weights.

    Weights are the cell areas of the CF attribute ``cell_measures`` where the dataset has them;
    else on a grid of latitudes the cosine of latitude, on a curvilinear one areas estimated from
    the distances of neighbouring centres; else every cell counts alike.

    Raises
    ------
    InvalidParameter
        No cell lies in the box.
    """
    where, inside = spots.box(ends)
    steps = _strides(tuple(w.size for w in where.values()), most)
    where = {d: w[::s] for (d, w), s in zip(where.items(), steps, strict=True)}
    inside = inside[tuple(slice(None, None, s) for s in steps)]
    dims = tuple(where)
    areas = _cell_areas(ds, array, dims)
    if areas is not None:
        weights = np.asarray(read(areas.transpose(*dims).isel(where)), dtype=np.float64)
        weights, by = np.nan_to_num(weights, nan=0.0), f"cell area ({areas.name})"
    elif spots.kind == "points" and len(dims) == 2:
        weights, by = _estimated_areas(spots)[np.ix_(*where.values())], "estimated cell area"
    elif spots.kind == "axes" and spots.on_earth:
        latitude = np.empty(array.sizes[dims[0]])
        latitude[spots.orders[0]] = spots.y
        weights = np.cos(np.deg2rad(latitude[where[dims[0]]]))[:, None] * np.ones(inside.shape)
        by = "cosine of latitude"
    else:
        weights, by = np.ones(inside.shape), "every cell alike"
    return Region(where, np.where(inside, np.maximum(weights, 0), 0.0), by, steps)


def _slice(indices: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    steps = np.unique(np.diff(indices))
    if steps.size > 1 or (steps.size and steps[0] < 1):
        return indices
    return slice(int(indices[0]), int(indices[-1]) + 1, int(steps[0]) if steps.size else 1)


def _strides(sizes: tuple[int, ...], most: int) -> tuple[int, ...]:
    step = math.ceil((math.prod(sizes) / most) ** (1 / len(sizes)))
    return tuple(max(1, min(step, n)) for n in sizes)


def _cell_areas(ds: xr.Dataset, array: xr.DataArray, dims: tuple[str, ...]) -> xr.DataArray | None:
    """Areas named by CF ``cell_measures: area: NAME``, or by a standard name, on these dimensions."""
    attrs = {**array.encoding, **array.attrs}
    words = text_of(attrs.get("cell_measures")).split()
    named = [n for key, n in itertools.pairwise(words) if key == "area:"]
    named += [
        str(n) for n, v in ds.variables.items() if v.attrs.get("standard_name") == "cell_area"
    ]
    for name in named:
        if name in ds.variables and set(ds[name].dims) == set(dims):
            return ds[name]
    return None


def _estimated_areas(spots: Places) -> NDArray[np.float64]:
    """Area of each cell of a curvilinear grid on the unit sphere.

    It is the cross product of half the ways to its neighbours on either side.
    """
    places = unit_vectors(spots.x, spots.y)
    rows, columns = (
        np.gradient(places, axis=n) if places.shape[n] > 1 else np.ones_like(places) for n in (1, 2)
    )
    areas = np.linalg.norm(np.cross(rows, columns, axis=0), axis=0)
    return np.nan_to_num(np.asarray(areas, dtype=np.float64))


def box(
    array: xr.DataArray,
    found: Region,
    index: Mapping[str, int],
    cancelled: Cancel,
    speed: Speed,
    step: Step = at_once,
) -> dict[str, Any] | None:
    """Reduce the cells of a box in one slice.

    Parameters
    ----------
    index
        Index along each dimension that the picture has not.

    Returns
    -------
    dict or None
        ``mean`` and ``deviation`` (weighted; the deviation of the whole, not of a sample), ``low``,
        ``high``, ``count``, ``missing``, ``infinite`` cells, ``histogram`` with ``edges`` and
        ``counts`` (of the cells), ``weights``, ``notes``; numbers are None where no cell has one.
        None when it was cancelled.
    """
    bare = array.drop_vars(list(array.coords))
    cost = cost_of(array, {**index, **{d: w.tolist() for d, w in found.where.items()}}, speed)
    picked = bare.isel(index).transpose(*found.where).isel(found.pick())
    values = np.empty(picked.shape)
    seen = 0
    (first, *_), *_ = found.where.values()
    pieces = pieces_of(picked, int(first))
    size = cost.bytes // max(1, len(pieces))
    for piece, part in gather(pieces, cancelled, size=size, step=step):
        values[piece.start : piece.stop] = part
        seen += 1
    if seen < len(pieces):
        return None
    inside = found.weights > 0
    cells, weights = values[inside], found.weights[inside]
    finite = np.isfinite(cells)
    good, share = cells[finite], weights[finite]
    answer: dict[str, Any] = {
        "count": int(finite.sum()),
        "missing": int(np.isnan(cells).sum()),
        "infinite": int(np.isinf(cells).sum()),
        "weights": found.by,
        "notes": found.notes(),
        "mean": None,
        "deviation": None,
        "low": None,
        "high": None,
        "histogram": None,
    }
    if good.size:
        mean = float(np.average(good, weights=share))
        counts, edges = np.histogram(good, bins=_bins(good))
        answer |= {
            "mean": mean,
            "deviation": math.sqrt(float(np.average((good - mean) ** 2, weights=share))),
            "low": float(good.min()),
            "high": float(good.max()),
            "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        }
    return answer


def _bins(values: NDArray[np.float64]) -> Any:
    low, high = float(values.min()), float(values.max())
    count = max(1, min(BINS, math.ceil(math.sqrt(values.size))))
    edges = np.linspace(low, high, count + 1)
    # Values too close together for as many numbers between them are one bar.
    return edges if (np.diff(edges) > 0).all() else np.array([low - 0.5, high + 0.5])


def mean_series(
    array: xr.DataArray,
    along: str,
    found: Region,
    index: Mapping[str, int],
    cancelled: Cancel,
    speed: Speed,
    step: Step = at_once,
) -> Iterator[Part]:
    """Weighted mean of a box at every step of a dimension; missing cells are left out.

    Yields
    ------
    Part
        As of `portal.viewer.series.series`.
    """
    rest = {d: i for d, i in index.items() if d != along}
    where = {**rest, **{d: w.tolist() for d, w in found.where.items()}}
    head, cost = opening(array, along, where, speed)
    bare = array.drop_vars(list(array.coords))
    picked = bare.isel(rest).transpose(along, *found.where).isel(found.pick())

    def reduce(values: NDArray[np.generic]) -> NDArray[np.float64]:
        numbers = np.asarray(values, dtype=np.float64)
        weights = np.where(np.isfinite(numbers), found.weights, 0.0)
        axes = tuple(range(1, numbers.ndim))
        total = weights.sum(axis=axes)
        weighted = (np.where(weights > 0, numbers, 0.0) * weights).sum(axis=axes)
        means = np.divide(weighted, total, out=np.full(total.shape, np.nan), where=total > 0)
        return np.asarray(means, dtype=np.float64)

    yield from stream(head, pieces_of(picked), cost, cancelled, speed, reduce, step)
