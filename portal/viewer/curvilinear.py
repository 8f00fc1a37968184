"""Geometry of a curvilinear grid (POP, NEMO, WRF): rows and columns that bend over the Earth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from portal.viewer import grids
from portal.viewer.decimate import block_starts
from portal.viewer.earth import longitude_range, within
from portal.viewer.geometry import Geometry, key_of
from portal.viewer.read import strides

if TYPE_CHECKING:
    from typing import Any

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import VariableView
    from portal.viewer.earth import Earth, Pair
    from portal.viewer.request import Window

MOST_CORNERS = 400_000
"""Most cells of a frame: their corners and centres are then at most 7 MB."""
SAMPLE = 200
POLAR = 85


def curvilinear(
    array: xr.DataArray,
    view: VariableView,
    earth: Earth,
    *,
    width: int,
    height: int,
    window: Window | None = None,
    data: str = "a",
) -> Geometry:
    """Lay out the cells of a curvilinear grid by their corners.

    These are the vertices in the file where it has them (CF bounds), else the middles between
    centres. Where there are more cells than pixels blocks of them are drawn as one.

    Parameters
    ----------
    array, view, width, height, window, data
        As for `portal.viewer.geometry.axes_geometry`; the window is in degrees.
    earth
        Holds the places of the dataset's cells.
    """
    y, x = view.y or "", view.x or ""
    lon, lat = earth.centers(array, y, x)
    rows, columns = np.arange(lon.shape[0]), np.arange(lon.shape[1])
    if window is not None:
        rows, columns = _seen(lon, lat, window)
    if _falls(lat):
        rows = rows[::-1]
    sy, sx = strides(rows.size, columns.size)
    notes = [f"one cell in {sy} × {sx} was read: the slice is very large"] if sy * sx > 1 else []
    rows, columns = rows[::sy], columns[::sx]
    small = min(1.0, math.sqrt(MOST_CORNERS / (width * height)))
    starts = (
        block_starts(rows.size, max(2, int(height * small))),
        block_starts(columns.size, max(2, int(width * small))),
    )

    def arrays() -> dict[str, NDArray[Any]]:
        centers = _block_centers(lon, lat, (rows, columns), starts)
        corners = _corners(earth.vertices(array, y, x), (lon, lat), (rows, columns), starts)
        if corners is None:
            corners = grids.corners_of_centres(*centers)
        return {
            "corner_lon": corners[0],
            "corner_lat": corners[1],
            "lon": centers[0],
            "lat": centers[1],
            "y_index": _middles(rows, starts[0]).astype(np.uint32),
            "x_index": _middles(columns, starts[1]).astype(np.uint32),
        }

    ends = (int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1]), *lon.shape)
    names = [str(c) for c in sorted(map(str, array.coords))]
    return Geometry(
        kind="corners",
        key=key_of("corners", data, y, x, names, ends, [s.size for s in starts]),
        dims=(y, x),
        picks=(rows, columns),
        starts=starts,
        header=earth_header(x, y, lon, lat, 0.5 / max(lon.shape)),
        arrays=arrays,
        notes=tuple(notes),
    )


def earth_header(
    x: str, y: str, lon: NDArray[np.floating], lat: NDArray[np.floating], rim: float
) -> dict[str, Any]:
    """Header of a map: both axes are degrees, and their ranges the home of the picture.

    `rim` is half a cell, as a part of the range.
    """
    west, east = longitude_range(lon)
    known = lat[np.isfinite(lat)]
    south, north = (float(known.min()), float(known.max())) if known.size else (-90.0, 90.0)
    wide, high = rim * (east - west), rim * (north - south)
    south, north = max(-90.0, south - high), min(90.0, north + high)
    if east - west < 360:
        west, east = west - wide, east + wide
    else:  # rows that go around the Earth close to a pole end at it
        south, north = -90.0 if south < -POLAR else south, 90.0 if north > POLAR else north
    ends = {
        "longitude": (x, west, east),
        "latitude": (y, south, north),
    }
    return {
        name: {
            "dim": dim,
            "kind": role,
            "title": role.capitalize(),
            "units": "degrees_east" if role == "longitude" else "degrees_north",
            "labels": None,
            "ticks": None,
            "range": [low, high],
        }
        for name, (role, (dim, low, high)) in zip("xy", ends.items(), strict=True)
    } | {"equal": True}


def _seen(
    lon: NDArray[np.float32], lat: NDArray[np.float32], window: Window
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns that have cells in a window, and those beside them."""
    inside = within(lon, lat, window)
    if not inside.any():
        return np.arange(lon.shape[0]), np.arange(lon.shape[1])
    rows = np.flatnonzero(inside.any(axis=1))
    columns = np.flatnonzero(inside.any(axis=0))
    low, high = max(0, rows[0] - 1), min(lon.shape[0], rows[-1] + 2)
    nx = lon.shape[1]
    gaps = np.diff(np.append(columns, columns[0] + nx))
    widest = int(gaps.argmax())
    if _is_closed(lon, lat) and gaps[widest] > 3 and widest + 1 < columns.size:
        # The window lies across the seam of the grid: its columns go on at the other end.
        count = nx - int(gaps[widest]) + 3
        return np.arange(low, high), (columns[widest + 1] - 1 + np.arange(count)) % nx
    left, right = max(0, columns[0] - 1), min(nx, columns[-1] + 2)
    return np.arange(low, high), np.arange(left, right)


def _is_closed(lon: NDArray[np.float32], lat: NDArray[np.float32]) -> bool:
    """Whether the last column is a neighbour of the first."""
    ends = grids.vectors(lon[:, [0, -1, -2]], lat[:, [0, -1, -2]])
    across = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
    beside = np.linalg.norm(ends[:, 1] - ends[:, 2], axis=-1)
    known = np.isfinite(across + beside)
    return bool(known.any() and np.median(across[known]) <= 1.5 * np.median(beside[known]))


def _falls(lat: NDArray[np.float32]) -> bool:
    """Whether the first rows lie south of the last: the top row of a picture comes first."""
    quarter = max(1, lat.shape[0] // 4)
    first, last = lat[:quarter], lat[-quarter:]
    known = np.isfinite(first).any() and np.isfinite(last).any()
    return bool(known and np.nanmean(first) < np.nanmean(last))


def _middles(picks: NDArray[np.intp], starts: NDArray[np.intp]) -> NDArray[np.intp]:
    lasts = np.append(starts[1:], picks.size) - 1
    return np.asarray(picks[(starts + lasts) // 2])


def _block_centers(
    lon: NDArray[np.float32],
    lat: NDArray[np.float32],
    picks: tuple[NDArray[np.intp], ...],
    starts: tuple[NDArray[np.intp], ...],
) -> Pair:
    """Middle of each block: of an even number of cells it lies between two of them."""
    lasts = [np.append(s[1:], p.size) - 1 for s, p in zip(starts, picks, strict=True)]
    ends = [
        (p[(s + e) // 2], p[(s + e + 1) // 2]) for p, s, e in zip(picks, starts, lasts, strict=True)
    ]
    if all((low == high).all() for low, high in ends):
        at = np.ix_(ends[0][0], ends[1][0])
        return lon[at], lat[at]
    places = [np.ix_(row, column) for row in ends[0] for column in ends[1]]
    return grids.degrees(np.sum([grids.vectors(lon[at], lat[at]) for at in places], axis=0))


def _corners(
    vertices: Pair | None,
    centers: Pair,
    picks: tuple[NDArray[np.intp], ...],
    starts: tuple[NDArray[np.intp], ...],
) -> Pair | None:
    """Corners of blocks from the vertices in the file; None where these are not to be trusted."""
    if vertices is None:
        return None
    some = [p[(p.size - min(SAMPLE, p.size)) // 2 :][:SAMPLE] for p in picks]
    at = np.ix_(*some)
    order = grids.vertex_order(
        grids.vectors(vertices[0][at], vertices[1][at]),
        grids.vectors(centers[0][at], centers[1][at]),
    )
    if order is None:
        return None
    first, last = [p[s] for p, s in zip(picks, starts, strict=True)], [p[-1:] for p in picks]
    a, b, c, d = order

    def joined(values: NDArray[np.float32]) -> NDArray[np.float32]:
        top = [
            values[np.ix_(first[0], first[1])][..., a],
            values[np.ix_(first[0], last[1])][..., b],
        ]
        end = [values[np.ix_(last[0], first[1])][..., d], values[np.ix_(last[0], last[1])][..., c]]
        return np.block([top, end])

    lon, lat = joined(vertices[0]), joined(vertices[1])
    return (lon, lat) if np.isfinite(lon + lat).all() else None
