"""Which variables of a dataset say where its cells lie on the Earth, found by metadata alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portal.viewer.coordinates import Role, coordinate_of, is_time, role_of, text_of
from portal.viewer.read import read

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from typing import Any

    import xarray as xr
    from numpy.typing import NDArray

LEAST_CELLS = 100
"""Fewest places along a dimension, without any shapes, that are taken for the cells of a mesh."""

# Names by which models and tools write the places of cells, beside those that CF attributes tell.
_PAIRS = (
    ("lon", "lat"),
    ("longitude", "latitude"),
    ("clon", "clat"),
    ("lonCell", "latCell"),
    ("lonVertex", "latVertex"),
    ("grid_center_lon", "grid_center_lat"),
    ("TLONG", "TLAT"),
    ("ULONG", "ULAT"),
    ("nav_lon", "nav_lat"),
    ("XLONG", "XLAT"),
)
_CORNERS = (
    ("grid_corner_lon", "grid_corner_lat"),
    ("clon_vertices", "clat_vertices"),
    ("clon_bnds", "clat_bnds"),
    ("lon_vertices", "lat_vertices"),
    ("lon_bnds", "lat_bnds"),
)
_SAMPLES = {"obs", "observation", "station", "stations", "profile", "trajectory", "traj", "sample"}


@dataclass(frozen=True, slots=True)
class Mesh:
    """The cells of an unstructured grid, by the names of the variables that describe them.

    Attributes
    ----------
    dim
        Dimension along which the cells lie.
    centers
        Longitude and latitude of each; None where only the faces are given.
    corners
        Longitudes and latitudes of the vertices of each, (n, k).
    faces
        Numbers of the nodes of each face, (n, k); `counts` of them count where it is given.
    nodes
        Longitude and latitude of the nodes.
    first
        Number of the first node.
    """

    dim: str
    centers: tuple[str, str] | None = None
    corners: tuple[str, str] | None = None
    faces: str = ""
    counts: str = ""
    nodes: tuple[str, str] | None = None
    first: int = 0

    @property
    def names(self) -> set[str]:
        """All variables that describe it."""
        pairs = (self.centers, self.corners, self.nodes)
        return {n for p in pairs if p for n in p} | {n for n in (self.faces, self.counts) if n}


def attributes(variable: xr.DataArray | xr.Variable) -> dict[Any, Any]:
    """Attributes with those that xarray moved to the encoding when it decoded the file."""
    return {**variable.encoding, **variable.attrs}


def meshes(ds: xr.Dataset) -> dict[str, Mesh]:
    """Find the unstructured grids of a dataset, one for each dimension of cells.

    Known are UGRID topologies (data at faces and nodes), MPAS, vertices of each cell (CF bounds,
    SCRIP, ICON), and bare places of more than `LEAST_CELLS` cells (columns of CAM-SE), whose
    shapes are then those of the nearest places.
    """
    found: dict[str, Mesh] = {}
    for mesh in (*_ugrid(ds), *_mpas(ds), *_columns(ds)):
        found.setdefault(mesh.dim, mesh)
    return found


def mesh_of(array: xr.DataArray, known: dict[str, Mesh]) -> Mesh | None:
    """Return the mesh on which an array lies, or None."""
    return next((known[str(d)] for d in array.dims if d in known and array.sizes[d] > 3), None)


def with_places(ds: xr.Dataset, known: dict[str, Mesh]) -> xr.Dataset:
    """Make coordinates of the places that a file holds as plain variables (POP, NEMO, CAM-SE)."""
    names: set[Hashable] = {n for m in known.values() for n in m.centers or () if n in ds.data_vars}
    for lon, lat in _pairs(ds):
        if ds[lon].ndim >= 2 and ds[lon].dims == ds[lat].dims:
            names.update({lon, lat} & set(ds.data_vars))
    return ds.set_coords(names) if len(names) < len(ds.data_vars) else ds


def places_of(array: xr.DataArray, x: str, y: str) -> dict[Role, xr.DataArray]:
    """Longitudes and latitudes of a curvilinear grid, along `x` and `y`; empty where there are none.

    A grid that does not move may be written once for each time: the first one is taken.
    """
    return _places(array, {x, y})


def centers_of(
    array: xr.DataArray, dim: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Longitude and latitude (degrees) of the cells along a dimension, None where there are none."""
    found = {r: c for r, c in _places(array, {dim}).items() if c.name != dim}
    if len(found) < 2:
        return None
    lon, lat = (in_degrees(c, read(c)) for c in (found["longitude"], found["latitude"]))
    return lon, lat


def _places(array: xr.DataArray, dims: set[str]) -> dict[Role, xr.DataArray]:
    named = {str(n): c for n, c in array.coords.items() if dims <= set(c.dims)}
    if len(dims) == 1:
        named = {n: c for n, c in named.items() if c.ndim == 1}
    found: dict[Role, xr.DataArray] = {}
    for lon, lat in _PAIRS:
        if lon in named and lat in named and named[lon].dims == named[lat].dims:
            found = {"longitude": named[lon], "latitude": named[lat]}
            break
    else:
        for name, coordinate in named.items():
            role = role_of(name, coordinate)
            if role in {"longitude", "latitude"}:
                found.setdefault(role, coordinate)
    still = {r: c.isel({d: 0 for d in c.dims if d not in dims}) for r, c in found.items()}
    return still if len(still) == 2 else {}


def _pairs(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    """Longitudes and latitudes that lie along the same dimensions."""
    names = {str(n) for n in ds.variables}
    for lon, lat in _PAIRS:
        if lon in names and lat in names:
            yield lon, lat
    roles = {n: role_of(n, ds[n]) for n in names if 0 < ds[n].ndim <= 3}
    for lon in (n for n, role in roles.items() if role == "longitude"):
        for lat in (n for n, role in roles.items() if role == "latitude"):
            if ds[lon].dims == ds[lat].dims:
                yield lon, lat


def _ugrid(ds: xr.Dataset) -> Iterator[Mesh]:
    """Read the UGRID conventions 1.0: https://ugrid-conventions.github.io/ugrid-conventions/."""
    for variable in list(ds.variables.values()):
        attrs = attributes(variable)
        if attrs.get("cf_role") != "mesh_topology":
            continue
        nodes = _named_pair(ds, attrs.get("node_coordinates"))
        faces = text_of(attrs.get("face_node_connectivity"))
        if nodes:
            (dim,) = ds[nodes[0]].dims
            yield Mesh(str(dim), centers=nodes)
        if nodes and faces in ds.variables and ds[faces].ndim == 2:
            connectivity = ds[faces]
            dim = attrs.get("face_dimension") or connectivity.dims[0]
            first = attributes(connectivity).get("start_index", 0)
            centers = _named_pair(ds, attrs.get("face_coordinates"))
            yield Mesh(str(dim), centers, faces=faces, nodes=nodes, first=int(first))


def _mpas(ds: xr.Dataset) -> Iterator[Mesh]:
    names = {"verticesOnCell", "lonVertex", "latVertex"}
    if not names <= set(ds.variables):
        return
    centers = ("lonCell", "latCell") if {"lonCell", "latCell"} <= set(ds.variables) else None
    counts = "nEdgesOnCell" if "nEdgesOnCell" in ds.variables else ""
    nodes = ("lonVertex", "latVertex")
    dim = str(ds["verticesOnCell"].dims[0])
    yield Mesh(dim, centers, faces="verticesOnCell", counts=counts, nodes=nodes, first=1)


def _columns(ds: xr.Dataset) -> Iterator[Mesh]:
    for lon, lat in _pairs(ds):
        if ds[lon].ndim != 1 or ds[lon].dims != ds[lat].dims:
            continue
        dim = str(ds[lon].dims[0])
        corners = _vertices(ds, lon, lat, dim)
        if corners or (ds.sizes[dim] >= LEAST_CELLS and not _is_sampling(ds, dim)):
            yield Mesh(dim, centers=(lon, lat), corners=corners)


def _vertices(ds: xr.Dataset, lon: str, lat: str, dim: str) -> tuple[str, str] | None:
    told = (text_of(attributes(ds[n]).get("bounds")) for n in (lon, lat))
    for pair in (tuple(told), *_CORNERS):
        if all(n in ds.variables and ds[n].dims[:1] == (dim,) and ds[n].ndim == 2 for n in pair):
            a, b = pair
            return (a, b) if ds.sizes[ds[a].dims[1]] > 2 else None
    return None


def _is_sampling(ds: xr.Dataset, dim: str) -> bool:
    """Whether the places are those of a ship, a station or a balloon rather than of cells."""
    coordinate = coordinate_of(ds, dim)
    dated = any(is_time(c) for c in ds.coords.values() if c.dims == (dim,))
    named = dim.lower() in _SAMPLES or dim in {"lat", "lon", "latitude", "longitude"}
    vertical = coordinate is not None and role_of(dim, coordinate) in {"time", "vertical"}
    return dated or named or vertical or "featureType" in ds.attrs


def _named_pair(ds: xr.Dataset, names: object) -> tuple[str, str] | None:
    """Longitude and latitude out of an attribute that names both, in whatever order."""
    found = {role_of(n, ds[n]): n for n in text_of(names).split() if n in ds.variables}
    if "longitude" in found and "latitude" in found:
        return found["longitude"], found["latitude"]
    return None


def in_degrees(variable: xr.DataArray, values: NDArray[Any]) -> NDArray[np.float64]:
    """Values of a longitude or latitude in degrees, NaN where there is no place.

    Radians are told by the units; MPAS and ICON leave them out or call them ``rad``.
    """
    numbers = np.asarray(values, dtype=np.float64)
    units = text_of(variable.attrs.get("units")).lower()
    if units.startswith("rad") or (not units and str(variable.name) in _IN_RADIANS):
        numbers = np.degrees(numbers)
    # Ocean models leave fill values where there is no place.
    return np.where(np.abs(numbers) <= 720, numbers, np.nan)


_IN_RADIANS = {
    "lonCell",
    "latCell",
    "lonVertex",
    "latVertex",
    "clon",
    "clat",
    "clon_vertices",
    "clat_vertices",
}
