"""Where the columns and rows of a picture lie: north up, west left, longitudes rolled together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from portal.viewer.coordinates import (
    CoordinateKind,
    coordinate_of,
    is_time,
    kind_of,
    labels_of,
    points_down,
    positions_of,
    role_of,
    title_of,
    units_of,
)
from portal.viewer.ticks import time_ticks

if TYPE_CHECKING:
    from typing import Any

    import xarray as xr
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a picture, in the order in which it is drawn.

    Attributes
    ----------
    order
        Index into the stored array for every column (left to right) or row (top to bottom).
    values
        Coordinate of each, shape (n,): degrees, numbers, or days for time.
    edges
        Borders between them, shape (n + 1,), monotonic.
    labels
        A text for each, for times and text; None where the number says it all.
    ticks
        (position, text) of the marks of a time axis; None elsewhere, the front-end makes them.
    range
        Lowest and highest border of the whole axis, of which this may be a part.
    """

    dim: str
    kind: CoordinateKind
    title: str
    units: str
    order: NDArray[np.intp]
    values: NDArray[np.float64]
    edges: NDArray[np.float64]
    labels: tuple[str, ...] | None
    ticks: tuple[tuple[float, str], ...] | None
    range: tuple[float, float]

    def cut(self, start: int, stop: int) -> Axis:
        """Return the axis from column or row `start` up to `stop`."""
        if start == 0 and stop == self.values.size:
            return self
        return replace(
            self,
            order=self.order[start:stop],
            values=self.values[start:stop],
            edges=self.edges[start : stop + 1],
            labels=None if self.labels is None else self.labels[start:stop],
        )

    def thin(self, step: int) -> Axis:
        """Return the axis of every `step`-th column or row."""
        if step == 1:
            return self
        values = self.values[::step]
        return replace(
            self,
            order=self.order[::step],
            values=values,
            edges=edges_of(values, step=float(step)),
            labels=None if self.labels is None else self.labels[::step],
        )

    def blocks(self, starts: NDArray[np.intp]) -> Axis:
        """Return the axis of blocks of neighbours, each from one of `starts` up to the next."""
        size = self.values.size
        if starts.size == size:
            return self
        lasts = np.append(starts[1:], size) - 1
        middle = (starts + lasts) // 2
        return replace(
            self,
            order=self.order[middle],
            values=(self.values[starts] + self.values[lasts]) / 2,
            edges=self.edges[np.append(starts, size)],
            labels=None if self.labels is None else tuple(self.labels[i] for i in middle),
        )

    def header(self) -> dict[str, Any]:
        """Return the JSON part; `values` and `edges` travel as binary."""
        return {
            "dim": self.dim,
            "kind": self.kind,
            "title": self.title,
            "units": self.units,
            "labels": None if self.labels is None else list(self.labels),
            "ticks": None if self.ticks is None else [list(t) for t in self.ticks],
            "range": list(self.range),
        }


def axis_of(
    array: xr.DataArray,
    dim: str,
    *,
    stride: int = 1,
    vertical: bool = False,
    as_map: bool = False,
) -> Axis:
    """Place every `stride`-th step of a dimension of an array on a side of the picture.

    Values grow to the right and upwards, so north is up however the latitudes are stored; depths
    and pressures grow downwards. With `as_map`, longitudes are wrapped into -180..180 unless that
    would tear a region apart that 0..360 keeps whole (one across the date line). Values that
    neither grow nor fall are replaced by their index.
    """
    coordinate = coordinate_of(array, dim)
    role = role_of(dim, coordinate)
    kind = kind_of(coordinate, role)
    size = array.sizes[dim]
    picked = np.arange(0, size, stride)
    values = positions_of(coordinate, size)[picked]
    order = np.argsort(values, kind="stable")
    if kind == "longitude" and as_map:
        values, order = _roll(values)
    elif not _is_monotonic(values):
        kind = "text" if kind in {"time", "text"} else "index"
        values, order = picked.astype(np.float64), np.arange(picked.size)
    elif kind == "text" or coordinate is None:
        order = np.arange(picked.size)
    values = values[order]
    edges = edges_of(values, step=float(stride))
    if kind == "latitude":
        edges = np.clip(edges, -90, 90)
    elif kind == "longitude" and as_map:
        edges = _closed(edges)
    if vertical and not points_down(coordinate):
        order, values, edges = order[::-1], values[::-1], edges[::-1]
    stored = picked[order]
    labels = None
    if kind in {"time", "text"}:
        labels = tuple(labels_of(coordinate, stored, size))
    dates = coordinate is not None and is_time(coordinate) and kind == "time"
    units = "" if coordinate is None or dates or kind == "index" else units_of(coordinate.attrs)
    if coordinate is not None and coordinate.dtype.kind == "m":
        units = "days"
    return Axis(
        dim=dim,
        kind=kind,
        title=title_of(dim, {} if coordinate is None else coordinate.attrs),
        units=units,
        order=stored,
        values=values,
        edges=edges,
        labels=labels,
        ticks=time_ticks(coordinate, values) if dates and coordinate is not None else None,
        range=(float(edges.min()), float(edges.max())),
    )


def edges_of(values: NDArray[np.float64], *, step: float = 1.0) -> NDArray[np.float64]:
    """Borders half way between neighbours, and as far beyond the first and last.

    Returns
    -------
    ndarray, shape (n + 1,)
        A single value gets a cell `step` wide.
    """
    if values.size == 1:
        return np.array([values[0] - step / 2, values[0] + step / 2])
    middle = (values[:-1] + values[1:]) / 2
    first, last = 2 * values[0] - middle[0], 2 * values[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _closed(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let the first and last of uneven columns meet where they all but go around the Earth."""
    gap = 360 - (edges[-1] - edges[0])
    ends = (edges[1] - edges[0] + edges[-1] - edges[-2]) / 2
    if not 0 < gap <= 0.75 * ends:
        return edges
    return np.concatenate([[edges[0] - gap / 2], edges[1:-1], [edges[-1] + gap / 2]])


def _roll(longitudes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Wrap into -180..180 where that keeps the region at least as compact; drop repeated columns."""
    if longitudes.min() >= -180 and longitudes.max() <= 180:
        kept = longitudes
    else:
        # Coordinates are often float32: 1e-6 keeps -180 from becoming 179.99999.
        wrapped = np.round((longitudes + 180) % 360, 6) - 180
        wrapped[wrapped == 180] = -180
        around = np.round(longitudes % 360, 6)
        kept = wrapped if np.ptp(wrapped) <= np.ptp(around) + 1e-3 else around
    _, order = np.unique(kept, return_index=True)
    return kept, order


def _is_monotonic(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())
