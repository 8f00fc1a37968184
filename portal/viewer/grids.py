"""Shapes of cells on the Earth, from their centres, corners or faces. Degrees in, degrees out.

All is reckoned with unit vectors, for which neither the date line nor a pole is anything special.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARTHEST = 3.0
"""Farthest node of a Voronoi cell, in distances of its nearest: at the rim of a region cells would be huge."""


SEAM = 12.0
LEAST_SEAM = 0.1
"""Radians, and multiples of the usual distance of a corner from its centres, beyond which they are no neighbours."""


@dataclass(frozen=True, slots=True)
class Polygons:
    """Cells of any shape.

    Attributes
    ----------
    starts
        Cell i has the nodes from ``starts[i]`` up to ``starts[i + 1]``; shape (n + 1,).
    node_lon, node_lat
        Degrees, one after the other around each cell.
    """

    starts: NDArray[np.uint32]
    node_lon: NDArray[np.float32]
    node_lat: NDArray[np.float32]

    def take(self, cells: NDArray[np.intp]) -> Polygons:
        """Return some of the cells."""
        first = self.starts.astype(np.intp)
        counts = (first[1:] - first[:-1])[cells]
        starts = np.append(0, np.cumsum(counts))
        nodes = np.arange(starts[-1]) + np.repeat(first[cells] - starts[:-1], counts)
        return Polygons(starts.astype(np.uint32), self.node_lon[nodes], self.node_lat[nodes])


def vectors(lon: NDArray[np.floating], lat: NDArray[np.floating]) -> NDArray[np.float64]:
    """Unit vectors of places, shape (…, 3); NaN where a place is unknown."""
    a, b = np.radians(lon, dtype=np.float64), np.radians(lat, dtype=np.float64)
    return np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)], axis=-1)


def degrees(v: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Longitudes (-180..180) and latitudes of vectors of any length."""
    lon = np.degrees(np.arctan2(v[..., 1], v[..., 0]))
    lat = np.degrees(np.arctan2(v[..., 2], np.hypot(v[..., 0], v[..., 1])))
    return lon.astype(np.float32), lat.astype(np.float32)


def corners_of_centres(
    lon: NDArray[np.floating], lat: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Corners of the cells of a curvilinear grid: the middle of the four centres around each.

    Centres beyond the edge of the grid, and unknown ones (NaN) beside known ones, are set forth
    from their neighbours, so that cells at the edge are as large as the next ones.

    Parameters
    ----------
    lon, lat
        Centres, shape (ny, nx), NaN where unknown.

    Returns
    -------
    lon, lat : ndarrays of float32, shape (ny + 1, nx + 1)
        NaN where no centre is near.
    """
    ny, nx = lon.shape
    if ny == 1 or nx == 1:
        raise ValueError("a grid of one row or column has no corners")
    centres = np.full((ny + 2, nx + 2, 3), np.nan)
    centres[1:-1, 1:-1] = vectors(lon, lat)
    for _ in range(2):  # once for the edges, once more for what lies in their corners
        _set_forth(centres)
    around = np.stack(
        [centres[:-1, :-1], centres[:-1, 1:], centres[1:, :-1], centres[1:, 1:]], axis=0
    )
    known = np.isfinite(around[..., :1])
    total = np.where(known, around, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    total = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    # Neighbours in the array that are far apart on the Earth: a seam, across which no cell reaches.
    spread = np.nanmax(np.linalg.norm(around - total, axis=-1), axis=0, initial=0.0)
    usual = np.median(spread[spread > 0]) if (spread > 0).any() else 0.0
    total[spread > max(SEAM * usual, LEAST_SEAM)] = np.nan
    return degrees(total)


def _set_forth(centres: NDArray[np.float64]) -> None:
    """Fill unknown centres from the two next ones in a line, from all sides where these are known."""
    unknown = np.isnan(centres[..., 0])
    total = np.zeros_like(centres)
    count = np.zeros(unknown.shape, dtype=np.uint8)
    for axis in (0, 1):
        for way in (1, -1):
            line = np.moveaxis(centres, axis, 0)[::way]
            guess = np.full_like(line, np.nan)
            guess[2:] = 2 * line[1:-1] - line[:-2]
            guess = np.moveaxis(guess[::way], 0, axis)
            found = unknown & np.isfinite(guess[..., 0])
            total[found] += guess[found]
            count += found
    filled = count > 0
    guessed = total[filled] / count[filled, None]
    centres[filled] = guessed / np.linalg.norm(guessed, axis=-1, keepdims=True)


def vertex_order(
    bounds: NDArray[np.float64], centres: NDArray[np.float64]
) -> tuple[int, int, int, int] | None:
    """Find which of the four vertices of a cell lie between it and its neighbours.

    Parameters
    ----------
    bounds
        Vertices as unit vectors, shape (ny, nx, 4, 3).
    centres
        Centres as unit vectors, shape (ny, nx, 3).

    Returns
    -------
    tuple of int
        The vertices towards (lower row, lower column), (lower, higher), (higher, higher),
        (higher, lower); None where the four do not go around the cell in one order.
    """
    row = centres[1:, :-1] - centres[:-1, :-1]
    column = centres[:-1, 1:] - centres[:-1, :-1]
    arms = bounds[:-1, :-1] - centres[:-1, :-1, None, :]
    sides = [np.sign((arms * way[:, :, None]).sum(axis=-1)) for way in (row, column)]
    known = np.isfinite(sides[0] + sides[1]).all(axis=-1)
    if not known.any():
        return None
    quarters = list(zip(*(np.median(side[known], axis=0) for side in sides), strict=True))
    wanted = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    if any(quarters.count(w) != 1 for w in wanted):
        return None
    a, b, c, d = (quarters.index(w) for w in wanted)
    return a, b, c, d


def polygons_of_vertices(lon: NDArray[np.floating], lat: NDArray[np.floating]) -> Polygons:
    """Cells from the vertices of each, as in SCRIP files and CF bounds.

    Parameters
    ----------
    lon, lat
        Shape (n, k); cells with fewer vertices repeat one or have NaN. One with fewer than three
        has no nodes.
    """
    known = np.isfinite(lon) & np.isfinite(lat)
    again = np.zeros_like(known)
    again[:, 1:] = (lon[:, 1:] == lon[:, :-1]) & (lat[:, 1:] == lat[:, :-1])
    again[:, 0] = (lon[:, 0] == lon[:, -1]) & (lat[:, 0] == lat[:, -1])
    return _polygons(lon, lat, known & ~again)


def polygons_of_faces(
    faces: NDArray[np.integer],
    lon: NDArray[np.floating],
    lat: NDArray[np.floating],
) -> Polygons:
    """Cells from the numbers of their nodes, as in UGRID and MPAS files.

    Parameters
    ----------
    faces
        Nodes of each face, from 0, shape (n, k); numbers that are no node's are left out.
    lon, lat
        Degrees of the nodes.
    """
    kept = (faces >= 0) & (faces < lon.size)
    at = np.where(kept, faces, 0)
    return _polygons(lon[at], lat[at], kept & np.isfinite(lon[at]) & np.isfinite(lat[at]))


def _polygons(
    lon: NDArray[np.floating], lat: NDArray[np.floating], kept: NDArray[np.bool_]
) -> Polygons:
    kept = kept & (kept.sum(axis=1) >= 3)[:, None]
    starts = np.append(0, np.cumsum(kept.sum(axis=1))).astype(np.uint32)
    return Polygons(starts, lon[kept].astype(np.float32), lat[kept].astype(np.float32))


def middles(polygons: Polygons) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean place of the nodes of each cell; NaN for a cell without nodes."""
    v = vectors(polygons.node_lon, polygons.node_lat)
    starts = polygons.starts.astype(np.intp)
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(v, axis=0)])
    total = sums[starts[1:]] - sums[starts[:-1]]
    total[starts[1:] == starts[:-1]] = np.nan
    return degrees(total)


def voronoi(lon: NDArray[np.floating], lat: NDArray[np.floating]) -> Polygons:
    """Cells around places: of each point of the Earth the nearest place.

    Of places that coincide the first gets a cell; unknown ones (NaN) get none, and nobody does
    where fewer than four places are left, or all lie on one circle.

    Parameters
    ----------
    lon, lat
        Shape (n,).
    """
    from scipy.spatial import QhullError, SphericalVoronoi

    v = vectors(lon, lat)
    rounded = np.where(np.isfinite(v), np.round(v, 9), np.nan)
    places, first = np.unique(rounded, axis=0, return_index=True)
    first = first[np.isfinite(places[:, 0])]
    nobody = Polygons(np.zeros(lon.size + 1, np.uint32), np.empty(0, "f4"), np.empty(0, "f4"))
    if first.size < 4:
        return nobody
    first.sort()
    try:
        found = SphericalVoronoi(v[first], threshold=1e-10)
    except (QhullError, ValueError):  # flat: all on one circle, or nearly so
        return nobody
    found.sort_vertices_of_regions()
    counts = np.zeros(lon.size, dtype=np.intp)
    counts[first] = [len(r) for r in found.regions]
    starts = np.append(0, np.cumsum(counts))
    nodes = found.vertices[np.concatenate(found.regions).astype(np.intp)]
    return Polygons(starts.astype(np.uint32), *degrees(_bounded(nodes, v, counts)))


def _bounded(
    nodes: NDArray[np.float64], centres: NDArray[np.float64], counts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Draw nodes in that lie far beyond the nearest one of their cell."""
    cell = np.repeat(np.arange(counts.size), counts)
    arms = nodes - centres[cell]
    far = np.linalg.norm(arms, axis=1)
    nearest = np.full(counts.size, np.inf)
    np.minimum.at(nearest, cell, far)
    shrink = np.minimum(1.0, FARTHEST * nearest[cell] / np.maximum(far, 1e-300))
    return np.asarray(centres[cell] + arms * shrink[:, None])
