"""From a place on the picture to the cells of the array, and from cells to words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import axis_of
from portal.viewer.coordinates import coordinate_of, labels_of, role_of, title_of
from portal.viewer.meshes import centers_of, places_of
from portal.viewer.read import read

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import VariableView

Ends = tuple[float, float, float, float]
#: Mean radius of the Earth in km (IUGG 1980, R1).
EARTH = 6371.0088


@dataclass(frozen=True, slots=True)
class Places:
    """Where the cells of a picture lie.

    Attributes
    ----------
    kind
        ``axes``: `x` and `y` are 1-D, of `dims` ``(y, x)``. ``points``: both give the longitude and
        latitude of each cell, of `dims` ``(y, x)`` or ``(cell,)``.
    on_earth
        Whether places are degrees, between which the way is a great circle.
    orders
        Of ``axes``: the index in the array of each value of `y` and `x`.
    """

    kind: Literal["axes", "points"]
    dims: tuple[str, ...]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    on_earth: bool
    around: bool = False
    orders: tuple[NDArray[np.intp], ...] = ()

    def cell(self, x: float, y: float) -> dict[str, int]:
        """Return the index of the cell nearest to a place.

        Raises
        ------
        InvalidParameter
            The place lies more than a cell outside, or is no place.
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            raise _no_place(f"({x}, {y})")
        if self.kind == "axes":
            column, row = self._column(x), _nearest(self.y, y)
            return {
                self.dims[0]: int(self.orders[0][row]),
                self.dims[1]: int(self.orders[1][column]),
            }
        (found,) = nearest_cells(self.x, self.y, np.array([x]), np.array([y]))
        return self.index_of(int(found))

    def middle(self, index: Mapping[str, int]) -> tuple[float, float]:
        """Return x and y of a cell."""
        if self.kind == "points":
            at = tuple(index[d] for d in self.dims)
            return float(self.x[at]), float(self.y[at])
        row, column = (
            int(np.flatnonzero(o == index[d])[0])
            for o, d in zip(self.orders, self.dims, strict=True)
        )
        return float(self.x[column]), float(self.y[row])

    def index_of(self, cell: object) -> dict[str, int]:
        """Return the index along each dimension of a cell counted row by row."""
        shape = tuple(len(o) for o in self.orders) or self.x.shape
        if type(cell) is not int or not 0 <= cell < math.prod(shape):
            raise _no_place(f"cell {cell!r:.60}")
        return dict(zip(self.dims, map(int, np.unravel_index(cell, shape)), strict=True))

    def box(self, ends: Ends) -> tuple[dict[str, NDArray[np.intp]], NDArray[np.bool_]]:
        """Return the cells whose centres lie in a box.

        Returns
        -------
        indices
            The smallest selection along each dimension that holds them.
        inside
            Which of that selection are in the box, of its shape.
        """
        x0, y0, x1, y1 = ends
        low, high = min(y0, y1), max(y0, y1)
        columns = _between(self.x, x0, x1, self.on_earth)
        rows = (self.y >= low) & (self.y <= high)
        if self.kind == "axes":
            if not columns.any() and rows.any():
                # A box smaller than a cell still means that cell.
                columns[self._column((x0 + x1) / 2)] = True
            if not rows.any():
                rows[_nearest(self.y, (low + high) / 2)] = True
                columns[self._column((x0 + x1) / 2)] |= not columns.any()
            picked = [np.sort(o[m]) for o, m in zip(self.orders, (rows, columns), strict=True)]
            inside = np.ones([p.size for p in picked], dtype=bool)
            return dict(zip(self.dims, picked, strict=True)), inside
        mask = columns & rows
        if not mask.any():
            raise InvalidParameter(
                "No cell lies in the box",
                found=f"x from {x0:.6g} to {x1:.6g}, y from {low:.6g} to {high:.6g}",
                advice="Draw it over the data, or larger.",
            )
        found = [np.flatnonzero(mask.any(axis=_others(mask.ndim, n))) for n in range(mask.ndim)]
        ranges = [np.arange(f[0], f[-1] + 1) for f in found] if mask.ndim > 1 else found
        return dict(zip(self.dims, ranges, strict=True)), mask[np.ix_(*ranges)]

    def way(self, ends: Ends, most: int) -> tuple[dict[str, NDArray[np.intp]], NDArray[np.float64]]:
        """Return the cells under a line, each once, and how far along it each lies.

        Parameters
        ----------
        ends
            x and y of the first and of the second end.
        most
            Places along the line that are looked up.

        Returns
        -------
        indices
            Along each dimension, shape (n,).
        distance
            In km along the great circle on the Earth, else in the units of the axes, shape (n,).
        """
        if self.on_earth:
            lon, lat, distance = great_circle(ends, most)
        else:
            share = np.linspace(0, 1, most)
            lon = ends[0] + share * (ends[2] - ends[0])
            lat = ends[1] + share * (ends[3] - ends[1])
            distance = share * math.hypot(ends[2] - ends[0], ends[3] - ends[1])
        if not distance[-1] > 0:
            raise InvalidParameter(
                "The line has no length", found=repr(ends), advice="Give it two different ends."
            )
        if self.kind == "axes":
            columns = np.array([self._column(v) for v in lon], dtype=np.intp)
            rows = np.array([_nearest(self.y, v) for v in lat], dtype=np.intp)
            cells = np.stack([self.orders[0][rows], self.orders[1][columns]])
        else:
            flat = nearest_cells(self.x, self.y, lon, lat)
            cells = np.stack(np.unravel_index(flat, self.x.shape))
        new = np.append(True, np.any(cells[:, 1:] != cells[:, :-1], axis=0))
        return dict(zip(self.dims, cells[:, new], strict=True)), distance[new]

    def _column(self, x: float) -> int:
        if not self.on_earth:
            return _nearest(self.x, x)
        return int(np.argmin(np.abs((self.x - x + 180) % 360 - 180)))


def places(array: xr.DataArray, view: VariableView, x: str | None, y: str | None) -> Places:
    """Find where the cells of a picture of an array lie.

    Parameters
    ----------
    x, y
        Dimensions on the axes; those of the view where they are None.
    """
    x, y = x or view.x, y or view.y
    if x is None:
        raise InvalidParameter(
            f"{view.name} has no places", found="a single value", advice="Choose another variable."
        )
    for dim in (x, y):
        if dim is not None and dim not in array.dims:
            raise InvalidParameter(
                f"{view.name} has no dimension {dim!r}",
                found=", ".join(view.dims),
                advice="Name one of these.",
            )
    if y is None or y == x:
        centres = centers_of(array, x)
        if centres is None:
            axis = axis_of(array, x)
            empty = np.zeros(1)
            return Places(
                "axes",
                (x, x),
                axis.values,
                empty,
                on_earth=False,
                orders=(np.zeros(1, np.intp), axis.order),
            )
        return Places("points", (x,), *centres, on_earth=True)
    named = places_of(array, x, y)
    if named:
        lon, lat = (
            np.asarray(read(named[r].transpose(y, x)), dtype=np.float64)
            for r in ("longitude", "latitude")
        )
        # Ocean models leave fill values where there is no place.
        known = (abs(lon) <= 720) & (abs(lat) <= 90)
        lon, lat = np.where(known, lon, np.nan), np.where(known, lat, np.nan)
        return Places("points", (y, x), lon, lat, on_earth=True)
    roles = {d: role_of(d, coordinate_of(array, d)) for d in (x, y)}
    on_earth = roles[x] == "longitude" and roles[y] == "latitude"
    columns, rows = axis_of(array, x, as_map=on_earth), axis_of(array, y)
    return Places(
        "axes", (y, x), columns.values, rows.values, on_earth, orders=(rows.order, columns.order)
    )


def _others(ndim: int, axis: int) -> tuple[int, ...]:
    return tuple(n for n in range(ndim) if n != axis)


def _between(x: NDArray[np.float64], x0: float, x1: float, on_earth: bool) -> NDArray[np.bool_]:
    if not on_earth:
        return np.asarray((x >= min(x0, x1)) & (x <= max(x0, x1)))
    if x1 - x0 >= 360:
        return np.isfinite(x)
    # East from the first end to the second, across the date line where it has to be.
    return np.asarray((x - x0) % 360 <= (x1 - x0) % 360)


def _nearest(values: NDArray[np.float64], at: float) -> int:
    return int(np.argmin(np.abs(values - at)))


def unit_vectors(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x, y, z on the unit sphere, shape (3, …), of degrees."""
    a, b = np.deg2rad(lon), np.deg2rad(lat)
    return np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])


def nearest_cells(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    at_lon: NDArray[np.float64],
    at_lat: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Return, of cells in any order, the one nearest on the sphere to each place.

    Cells without a place (NaN) are none. It compares every cell with every place, 65,536 cells at
    a time: a tenth of a second for a million cells and 256 places.
    """
    wanted = unit_vectors(at_lon, at_lat)
    flat_lon, flat_lat = lon.ravel(), lat.ravel()
    best = np.full(wanted.shape[1], -np.inf)
    found = np.zeros(wanted.shape[1], dtype=np.intp)
    for start in range(0, flat_lon.size, 65_536):
        part = slice(start, start + 65_536)
        cells = np.nan_to_num(unit_vectors(flat_lon[part], flat_lat[part]), nan=-2.0)
        near = wanted.T @ np.where(np.isnan(flat_lon[part] + flat_lat[part]), 0, cells)
        near[:, np.isnan(flat_lon[part] + flat_lat[part])] = -np.inf
        index = near.argmax(axis=1)
        value = near[np.arange(near.shape[0]), index]
        better = value > best
        best[better], found[better] = value[better], index[better] + start
    if not np.isfinite(best).all():
        raise _no_place("no cell of this grid has a longitude and a latitude")
    return found


def great_circle(
    ends: Ends, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes, latitudes and distances (km) of places evenly along the shortest way.

    Spherical linear interpolation between the ends; ends opposite each other have no single way,
    and one is taken.
    """
    a, b = unit_vectors(np.array([ends[0], ends[2]]), np.array([ends[1], ends[3]])).T
    angle = math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))
    share = np.linspace(0, 1, count)
    if angle < 1e-12:
        return np.full(count, ends[0]), np.full(count, ends[1]), np.zeros(count)
    across = b - a * math.cos(angle)
    size = np.linalg.norm(across)
    across = across / size if size > 1e-9 else np.array([-a[1], a[0], 0.0])
    way = np.outer(np.cos(share * angle), a) + np.outer(np.sin(share * angle), across)
    lon = np.rad2deg(np.arctan2(way[:, 1], way[:, 0]))
    lat = np.rad2deg(np.arctan2(way[:, 2], np.hypot(way[:, 0], way[:, 1])))
    return lon, lat, share * angle * EARTH


def label_of(array: xr.DataArray, at: Mapping[str, int], spots: Places | None) -> str:
    """Write a place for people: ``45.5°N 12.5°E``, else the label of each dimension."""
    if spots is not None and spots.kind == "points":
        index = tuple(at[d] for d in spots.dims)
        return f"{degrees(float(spots.y[index]), 'NS')} {degrees(float(spots.x[index]), 'EW')}"
    words = []
    for dim, i in at.items():
        coordinate = coordinate_of(array, dim)
        text = labels_of(coordinate, [i], array.sizes[dim])[0]
        role = role_of(dim, coordinate)
        if (
            coordinate is not None
            and role in {"latitude", "longitude"}
            and spots
            and spots.on_earth
        ):
            value = float(coordinate.values[i])
            words.append(degrees(value, "NS" if role == "latitude" else "EW"))
        else:
            name = title_of(dim, coordinate.attrs if coordinate is not None else {})
            words.append(f"{name} {text}")
    return " ".join(words) if spots and spots.on_earth else ", ".join(words)


def degrees(value: float, hemispheres: str) -> str:
    """Degrees with their hemisphere: ``12.5°E``."""
    if hemispheres == "EW":
        value = (value + 180) % 360 - 180
    side = hemispheres[0] if value >= 0 else hemispheres[1]
    return f"{abs(value):.6g}°{side}"


def _no_place(found: str) -> InvalidParameter:
    return InvalidParameter(
        "There is no cell at this place", found=found, advice="Choose a place inside the data."
    )


def checked_ends(ends: Any) -> Ends:
    """Take the four numbers of a box or a line.

    Raises
    ------
    InvalidParameter
        They are not four finite numbers.
    """
    try:
        x0, y0, x1, y1 = (float(e) for e in ends)
    except (TypeError, ValueError):
        x0 = y0 = x1 = y1 = math.nan
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise InvalidParameter(
            "A box or a line needs two ends",
            found=f"{ends!r:.80}",
            advice="Give four numbers: x and y of one end, x and y of the other.",
        )
    return x0, y0, x1, y1
