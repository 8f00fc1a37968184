"""Places of a dataset's cells on the Earth, read once and kept as long as a viewer lives."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.viewer import grids
from portal.viewer.meshes import attributes, in_degrees, meshes, places_of, with_places
from portal.viewer.read import read

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.meshes import Mesh

Pair = tuple["NDArray[np.float32]", "NDArray[np.float32]"]

MOST_VERTICES = 8_000_000
"""Most vertices of a curvilinear grid that are read; of larger grids the corners follow from the centres."""
KEPT = 6
"""Sets of cell shapes that are kept, the last used ones."""

_VERTICES = (
    ("lon_vertices", "lat_vertices"),
    ("vertices_longitude", "vertices_latitude"),
    ("lon_bnds", "lat_bnds"),
    ("bounds_lon", "bounds_lat"),
)


class Earth:
    """Centres, corners and shapes of the cells of one dataset.

    Parameters
    ----------
    ds
        The dataset; its places may be lazy.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self.meshes = meshes(ds)
        self.ds = with_places(ds, self.meshes)
        self._pairs: dict[tuple[str, ...], Pair] = {}
        self._shapes: OrderedDict[tuple[object, ...], grids.Polygons] = OrderedDict()

    def centers(self, array: xr.DataArray, y: str, x: str) -> Pair:
        """Longitudes and latitudes of a curvilinear grid, shape (ny, nx), NaN where unknown."""
        places = places_of(array, x, y)
        return self._pair(places["longitude"], places["latitude"], (y, x))

    def vertices(self, array: xr.DataArray, y: str, x: str) -> Pair | None:
        """Four vertices of each cell of a curvilinear grid, shape (ny, nx, 4), where they are given."""
        places = places_of(array, x, y)
        told = (attributes(places[r]).get("bounds", "") for r in ("longitude", "latitude"))
        for names in (tuple(told), *_VERTICES):
            if not all(n in self.ds.variables for n in names):
                continue
            lon, lat = (self.ds[n] for n in names)
            rest = [str(d) for d in lon.dims if d not in {y, x}]
            fits = {y, x} < set(lon.dims) and lon.dims == lat.dims and len(rest) == 1
            if fits and lon.sizes[rest[0]] == 4 and lon.size <= MOST_VERTICES:
                return self._pair(lon, lat, (y, x, rest[0]))
        return None

    def places(self, mesh: Mesh) -> Pair:
        """Longitude and latitude of each cell of a mesh, shape (n,)."""
        if mesh.centers:
            return self._named(mesh.centers, (mesh.dim,))
        return grids.middles(self.shapes(mesh))

    def shapes(self, mesh: Mesh) -> grids.Polygons:
        """Shape of each cell of a mesh."""
        return self.kept((mesh.dim, mesh.corners, mesh.faces), lambda: self._shape(mesh))

    def kept(self, key: tuple[object, ...], make: Callable[[], grids.Polygons]) -> grids.Polygons:
        """Return the shapes of this name, made now or before."""
        found = self._shapes.pop(key, None)
        found = make() if found is None else found
        self._shapes[key] = found
        while len(self._shapes) > KEPT:
            self._shapes.popitem(last=False)
        return found

    def _shape(self, mesh: Mesh) -> grids.Polygons:
        if mesh.corners:
            (rest,) = (str(d) for d in self.ds[mesh.corners[0]].dims if d != mesh.dim)
            return grids.polygons_of_vertices(*self._named(mesh.corners, (mesh.dim, rest)))
        if mesh.faces and mesh.nodes:
            return grids.polygons_of_faces(
                self._faces(mesh), *self._named(mesh.nodes, self.ds[mesh.nodes[0]].dims)
            )
        return grids.voronoi(*self.places(mesh))

    def _faces(self, mesh: Mesh) -> NDArray[np.intp]:
        """Numbers of the nodes of each face from 0, -1 where there is none."""
        faces = self.ds[mesh.faces].transpose(mesh.dim, ...)
        stored = np.asarray(read(faces), dtype=np.float64)
        fill = faces.attrs.get("_FillValue")
        known = np.isfinite(stored) & (stored >= mesh.first)
        if fill is not None:
            known &= stored != fill
        if mesh.counts:
            counts = np.asarray(read(self.ds[mesh.counts]), dtype=np.int64)
            known &= np.arange(stored.shape[1]) < counts[:, None]
        return np.where(known, stored - mesh.first, -1).astype(np.intp)

    def _named(self, names: tuple[str, str], dims: tuple[Any, ...]) -> Pair:
        return self._pair(self.ds[names[0]], self.ds[names[1]], dims)

    def _pair(self, lon: xr.DataArray, lat: xr.DataArray, dims: tuple[Any, ...]) -> Pair:
        key = (str(lon.name), str(lat.name), *map(str, dims))
        if key not in self._pairs:
            self._pairs[key] = _degrees(lon, dims), _degrees(lat, dims)
        return self._pairs[key]


def _degrees(variable: xr.DataArray, dims: tuple[Any, ...]) -> NDArray[np.float32]:
    # Grids that do not move are often written once for each time.
    still = variable.isel({d: 0 for d in variable.dims if d not in dims}).transpose(*dims)
    return in_degrees(variable, read(still)).astype(np.float32)


def longitude_range(lon: NDArray[np.floating]) -> tuple[float, float]:
    """West and east end of places, across the date line where they are more compact so.

    Places that leave no gap of 30 degrees go around the Earth: -180 and 180.
    """
    known = lon[np.isfinite(lon)]
    taken = np.unique(np.floor(known % 360).astype(np.int64)) if known.size else np.arange(360)
    gaps = np.diff(np.append(taken, taken[0] + 360))
    widest = int(gaps.argmax())
    if gaps[widest] <= 30:
        return -180.0, 180.0
    start = float(taken[(widest + 1) % taken.size])
    around = (known - start + 1) % 360 + start - 1
    low, high = float(around.min()), float(around.max())
    turns = 360 * np.floor((low + 180) / 360)
    return low - turns, high - turns


def within(
    lon: NDArray[np.floating],
    lat: NDArray[np.floating],
    window: tuple[float, ...],
    margin: float = 0,
) -> NDArray[np.bool_]:
    """Whether places lie in a window of degrees, whose longitudes may pass 180."""
    west, east, south, north = window
    high = np.abs(lat - (south + north) / 2) <= (north - south) / 2 + margin
    long = (lon - west + margin) % 360 <= east - west + 2 * margin
    return np.asarray(high & (long | (east - west + 2 * margin >= 360)))
