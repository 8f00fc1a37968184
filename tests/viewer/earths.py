"""Grids of the shapes that models have, with a field whose value says where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from portal.viewer.grids import degrees, vectors, voronoi

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def code(lon: Floats, lat: Floats) -> Floats:
    """A smooth number that no two distant places share by chance: two waves over the Earth."""
    v = vectors(lon, lat)
    return np.asarray(v[..., 0] + 2 * v[..., 1] + 4 * v[..., 2], dtype=np.float64)


def _two_dimensional(lon: Floats, lat: Floats, names: tuple[str, str]) -> xr.Dataset:
    places = {
        names[0]: (("j", "i"), lon, {"units": "degrees_east"}),
        names[1]: (("j", "i"), lat, {"units": "degrees_north"}),
    }
    return xr.Dataset({"field": (("time", "j", "i"), code(lon, lat)[None])} | places)


def rectilinear() -> xr.Dataset:
    lon, lat = np.arange(0, 360, 2.5), np.arange(88.75, -90, -2.5)
    return xr.Dataset(
        {"field": (("lat", "lon"), code(*np.meshgrid(lon, lat)))},
        {
            "lon": ("lon", lon, {"units": "degrees_east"}),
            "lat": ("lat", lat, {"units": "degrees_north"}),
        },
    )


def irregular() -> xr.Dataset:
    """Gaussian-like latitudes, and longitudes that are denser around the date line."""
    lon = 180 + 178 * np.sign(s := np.linspace(-1, 1, 160)) * np.abs(s) ** 1.5
    lat = np.degrees(np.arcsin(np.linspace(-0.999, 0.999, 80)))
    return xr.Dataset(
        {"field": (("lat", "lon"), code(*np.meshgrid(lon, lat)))},
        {
            "lon": ("lon", lon, {"units": "degrees_east"}),
            "lat": ("lat", lat, {"units": "degrees_north"}),
        },
    )


def region() -> xr.Dataset:
    """Across the date line, in 0..360."""
    lon, lat = np.arange(140.5, 221, 1.0), np.arange(-49.5, 31, 1.0)
    return xr.Dataset(
        {"field": (("lat", "lon"), code(*np.meshgrid(lon, lat)))},
        {
            "lon": ("lon", lon, {"units": "degrees_east"}),
            "lat": ("lat", lat, {"units": "degrees_north"}),
        },
    )


def displaced(
    pole: tuple[float, float] = (-40.0, 75.0), shape: tuple[int, int] = (96, 80)
) -> xr.Dataset:
    """POP-like: an ordinary grid up to 20° N whose northern pole lies in Greenland from there on."""
    ny, nx = shape
    u, v = np.arange(nx) / nx * 360 + 320, np.linspace(-78, 88, ny)
    lon, lat = np.meshgrid(u % 360, v)
    bent = np.clip((lat - 20) / 68, 0, 1)[..., None]
    shift = vectors(np.array(pole[0]), np.array(pole[1])) - np.array([0.0, 0.0, 1.0])
    places = vectors(lon, lat) + bent**2 * shift
    return _two_dimensional(*degrees(places), ("TLONG", "TLAT"))


def tripolar(shape: tuple[int, int] = (120, 144)) -> xr.Dataset:
    """NEMO-like: two poles in Siberia and Canada, whose last rows fold along a line between them.

    North of 20° N, confocal: the sphere from the north pole is projected on a plane and its
    circles become ellipses about the segment between the poles.
    """
    ny, nx = shape
    south = np.linspace(-77, 20, ny * 2 // 3, endpoint=False)
    u = np.arange(nx) / nx * 360 + 73
    lon, lat = np.meshgrid(u, south)
    reach = np.tan(np.radians(90 - 65) / 2)  # the poles are at 65° N, 73° and 253° E
    edge = np.tan(np.radians(90 - 20) / 2)
    ratio = (np.arange(ny - south.size) + 0.5) / (ny - south.size)
    short = edge * (1 - ratio)
    long = edge + (reach - edge) * ratio
    a = np.radians(u - 73)
    x, y = long[:, None] * np.cos(a), short[:, None] * np.sin(a)
    cap_lon = np.degrees(np.arctan2(y, x)) + 73
    cap_lat = 90 - 2 * np.degrees(np.arctan(np.hypot(x, y)))
    lon, lat = np.vstack([lon, cap_lon]), np.vstack([lat, cap_lat])
    return _two_dimensional((lon + 180) % 360 - 180, lat, ("nav_lon", "nav_lat"))


def spiral(count: int) -> tuple[Floats, Floats]:
    """Places spread evenly over the Earth, along a golden spiral."""
    n = np.arange(count) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * n / count))
    return (n * 180 * (3 - np.sqrt(5))) % 360, lat


def columns(count: int = 5_402) -> xr.Dataset:
    """CAM-SE-like: places as plain variables, no shapes."""
    lon, lat = spiral(count)
    return xr.Dataset(
        {
            "field": (("time", "ncol"), code(lon, lat)[None]),
            "lon": ("ncol", lon, {"units": "degrees_east"}),
            "lat": ("ncol", lat, {"units": "degrees_north"}),
        }
    )


def _cells(count: int) -> tuple[Floats, Floats, NDArray[np.intp], Floats, Floats]:
    """Centres, nodes of each face (-1: none) and places of the nodes of a mesh."""
    lon, lat = spiral(count)
    shapes = voronoi(lon, lat)
    nodes = np.stack([shapes.node_lon, shapes.node_lat], axis=1)
    unique, number = np.unique(nodes.round(4), axis=0, return_inverse=True)
    counts = np.diff(shapes.starts.astype(int))
    faces = np.full((count, counts.max()), -1)
    faces[np.arange(counts.max()) < counts[:, None]] = number.ravel()
    return lon, lat, faces, unique[:, 0], unique[:, 1]


def ugrid(count: int = 3_000) -> xr.Dataset:
    """Data at faces and at nodes; numbers from 1, and NaN for no node, as xarray decodes a fill value."""
    lon, lat, faces, node_lon, node_lat = _cells(count)
    return xr.Dataset(
        {
            "field": (("time", "face"), code(lon, lat)[None], {"mesh": "mesh", "location": "face"}),
            "at_nodes": (("node",), code(node_lon, node_lat), {"mesh": "mesh", "location": "node"}),
            "mesh": (
                (),
                0,
                {
                    "cf_role": "mesh_topology",
                    "topology_dimension": 2,
                    "node_coordinates": "node_lon node_lat",
                    "face_node_connectivity": "face_nodes",
                },
            ),
            "face_nodes": (
                ("face", "corner"),
                np.where(faces < 0, np.nan, faces + 1.0),
                {"start_index": 1},
            ),
            "node_lon": ("node", node_lon, {"standard_name": "longitude"}),
            "node_lat": ("node", node_lat, {"standard_name": "latitude"}),
        }
    )


def scrip(count: int = 3_000) -> xr.Dataset:
    """Vertices of each cell, the last one repeated, in radians."""
    lon, lat, faces, node_lon, node_lat = _cells(count)
    last = faces.max(axis=1, initial=-1)
    for n in range(faces.shape[1]):
        last = np.where(faces[:, n] >= 0, faces[:, n], last)
        faces[:, n] = last
    radians = {"units": "radians"}
    return xr.Dataset(
        {
            "field": ("grid_size", code(lon, lat)),
            "grid_center_lon": ("grid_size", np.radians(lon), radians),
            "grid_center_lat": ("grid_size", np.radians(lat), radians),
            "grid_corner_lon": (("grid_size", "corners"), np.radians(node_lon[faces]), radians),
            "grid_corner_lat": (("grid_size", "corners"), np.radians(node_lat[faces]), radians),
        }
    )


def mpas(count: int = 3_000) -> xr.Dataset:
    lon, lat, faces, node_lon, node_lat = _cells(count)
    return xr.Dataset(
        {
            "field": (("Time", "nCells"), code(lon, lat)[None]),
            "lonCell": ("nCells", np.radians(lon)),
            "latCell": ("nCells", np.radians(lat)),
            "lonVertex": ("nVertices", np.radians(node_lon % 360)),
            "latVertex": ("nVertices", np.radians(node_lat)),
            "nEdgesOnCell": ("nCells", (faces >= 0).sum(axis=1)),
            "verticesOnCell": (("nCells", "maxEdges"), np.where(faces < 0, 0, faces + 1)),
        }
    )


GRIDS: dict[str, Callable[[], xr.Dataset]] = {
    "rectilinear": rectilinear,
    "irregular": irregular,
    "region": region,
    "displaced": displaced,
    "tripolar": tripolar,
    "columns": columns,
    "ugrid": ugrid,
    "scrip": scrip,
    "mpas": mpas,
}
