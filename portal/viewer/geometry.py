"""Where the cells of a frame lie, and which cells of the array they are."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from portal.viewer.axes import Axis, axis_of
from portal.viewer.coordinates import LARGEST_COORDINATE, coordinate_of
from portal.viewer.decimate import block_starts
from portal.viewer.read import strides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import VariableView
    from portal.viewer.request import Window

GeometryKind = Literal["axes", "corners", "polygons"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the cells of a frame lie: made once for a grid, a window and a decimation.

    Attributes
    ----------
    kind
        ``axes`` (rows and columns), ``corners`` (curvilinear) or ``polygons`` (unstructured).
    key
        Names it among all geometries of a viewer.
    dims
        Dimensions of the array that the picture takes: (y, x), or the one of a mesh.
    picks
        For each of `dims` the stored indices that are seen, in the order in which they are drawn.
    starts
        For each of `dims` where the blocks begin that become one cell, as places in `picks`.
    header
        The JSON part: ``x``, ``y`` and ``equal``.
    arrays
        Makes the arrays that travel to a face that does not hold them yet.
    notes
        What a reader of the picture should know.
    """

    kind: GeometryKind
    key: str
    dims: tuple[str, ...]
    picks: tuple[NDArray[np.intp], ...]
    starts: tuple[NDArray[np.intp], ...]
    header: Mapping[str, Any]
    arrays: Callable[[], dict[str, NDArray[Any]]]
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells of the frame along each of `dims`."""
        return tuple(s.size for s in self.starts)

    @property
    def factors(self) -> list[float]:
        """Cells of the array on one cell of the frame, down and across."""
        return [
            round(p.size / max(1, s.size), 3) for p, s in zip(self.picks, self.starts, strict=True)
        ]


def axes_geometry(
    array: xr.DataArray,
    view: VariableView,
    *,
    width: int,
    height: int,
    window: Window | None = None,
    data: str = "a",
) -> Geometry:
    """Lay out the rows and columns of a picture for a box of `width` × `height` device pixels.

    North comes out on top and west on the left; longitudes of 0..360 are rolled to -180..180.
    Cells outside `window` are left out; where more than one cell falls on a pixel they are joined
    in blocks.

    Parameters
    ----------
    array
        The whole variable.
    view
        How it is shown; its `x` and `y` are the dimensions of the picture.
    window
        x0, x1, y0, y1 in values of the coordinates.
    data
        Name of the dataset, part of the key.
    """
    x, y = view.x or "", view.y or ""
    columns = axis_of(array, x, stride=_coarse(array, x), as_map=view.kind == "map")
    rows = axis_of(array, y, stride=_coarse(array, y), vertical=True)
    if window is not None:
        columns = _seen(_turned(columns, window[0], window[1]), window[0], window[1])
        rows = _seen(rows, window[2], window[3])
    sy, sx = strides(rows.values.size, columns.values.size)
    notes = []
    if sy > 1 or sx > 1:
        notes.append(f"one cell in {sy} × {sx} was read: the slice is very large")
    rows, columns = rows.thin(sy), columns.thin(sx)
    starts = block_starts(rows.values.size, height), block_starts(columns.values.size, width)
    shown_rows, shown_columns = rows.blocks(starts[0]), columns.blocks(starts[1])

    def arrays() -> dict[str, NDArray[Any]]:
        return {
            "x": shown_columns.values,
            "x_edges": shown_columns.edges,
            "y": shown_rows.values,
            "y_edges": shown_rows.edges,
            "x_index": shown_columns.order.astype(np.uint32),
            "y_index": shown_rows.order.astype(np.uint32),
        }

    names = [data, x, y, *_names(array, x, y)]
    ends = [*shown_columns.edges[[0, -1]], *shown_rows.edges[[0, -1]]]
    sizes = [array.sizes[y], array.sizes[x], *(s.size for s in starts)]
    return Geometry(
        kind="axes",
        key=key_of(names, ends, sizes),
        dims=(y, x),
        picks=(rows.order, columns.order),
        starts=starts,
        header={
            "x": shown_columns.header(),
            "y": shown_rows.header(),
            "equal": _is_equal(view, columns, rows),
        },
        arrays=arrays,
        notes=tuple(notes),
    )


def key_of(*parts: object) -> str:
    """Name what is made from these parts."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=9).hexdigest()


def _names(array: xr.DataArray, *dims: str) -> list[str]:
    found = (coordinate_of(array, d) for d in dims)
    return ["" if c is None else str(c.name) for c in found]


def _coarse(array: xr.DataArray, dim: str) -> int:
    return math.ceil(array.sizes[dim] / LARGEST_COORDINATE)


def _turned(axis: Axis, west: float, east: float) -> Axis:
    """Turn longitudes so that a window which passes 180 or -180 is in one piece."""
    if axis.kind != "longitude" or axis.values.size < 2:
        return axis
    first, last = axis.edges[0], axis.edges[-1]
    if first <= west and east <= last:
        return axis
    if last - first < 360 - 1e-3:
        turns = 360 * round(((west + east) / 2 - (first + last) / 2) / 360)
        return replace(axis, values=axis.values + turns, edges=axis.edges + turns)
    # The columns west of the window come round again in the east.
    turns = math.floor((west - first) / 360)
    cut = int(np.searchsorted(axis.edges[1:] + 360 * turns, west, side="right"))
    cut = min(cut, axis.values.size - 1)
    values = np.concatenate([axis.values[cut:], axis.values[:cut] + 360]) + 360 * turns
    edges = np.concatenate([axis.edges[cut:-1], axis.edges[: cut + 1] + 360]) + 360 * turns
    return replace(axis, order=np.roll(axis.order, -cut), values=values, edges=edges)


def _seen(axis: Axis, low: float, high: float) -> Axis:
    """Return the part of an axis between two values, of one cell at the least."""
    edges = axis.edges if axis.edges[0] <= axis.edges[-1] else -axis.edges
    if edges is not axis.edges:
        low, high = -high, -low
    size = axis.values.size
    start = min(int(np.searchsorted(edges[1:], low, side="right")), size - 1)
    stop = max(int(np.searchsorted(edges[:-1], high, side="left")), start + 1)
    return axis.cut(start, stop)


def _is_equal(view: VariableView, columns: Axis, rows: Axis) -> bool:
    """Whether a unit is as long upwards as sideways: maps, projected metres, grid indices."""
    if view.kind == "map":
        return True
    both = {columns.kind, rows.kind}
    return both == {"index"} or (both == {"number"} and columns.units == rows.units != "")
