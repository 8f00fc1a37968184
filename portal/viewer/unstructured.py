"""Geometry of an unstructured grid (CAM-SE, UGRID, MPAS, ICON): cells as polygons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from portal.viewer import grids
from portal.viewer.curvilinear import earth_header
from portal.viewer.earth import within
from portal.viewer.geometry import Geometry, key_of

if TYPE_CHECKING:
    from typing import Any

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import VariableView
    from portal.viewer.earth import Earth
    from portal.viewer.meshes import Mesh
    from portal.viewer.request import Window

MOST_POLYGONS = 120_000
"""Most cells of a frame: their nodes and places are then about 8 MB."""
DEGREES_ON_EARTH = 41_253


def unstructured(
    array: xr.DataArray,
    view: VariableView,
    earth: Earth,
    *,
    width: int,
    height: int,
    window: Window | None = None,
    data: str = "a",
) -> Geometry:
    """Lay out the cells of a mesh.

    Their shapes are those of the file, else the neighbourhoods of their places (spherical Voronoi
    cells). Where more than `MOST_POLYGONS` are seen, or far more than there are pixels, one in
    several is taken, with its neighbourhood among those.

    Parameters
    ----------
    array, view, width, height, window, data
        As for `portal.viewer.geometry.axes_geometry`; the window is in degrees.
    earth
        Holds the places of the dataset's cells.
    """
    mesh = earth.meshes[view.x or ""]
    lon, lat = earth.places(mesh)
    seen = np.isfinite(lon) & np.isfinite(lat)
    if window is not None:
        beside = 2 * math.sqrt(DEGREES_ON_EARTH / lon.size)
        part = seen & within(lon, lat, window, beside)
        seen = part if part.sum() > 3 else seen
    cells = np.flatnonzero(seen)
    step = math.ceil(cells.size / min(MOST_POLYGONS, max(1_000, 2 * width * height)))
    cells = cells[::step]
    whole = (round(w, 6) for w in window) if window else ()
    key = key_of("polygons", data, mesh, lon.size, cells.size, step, tuple(whole))

    def arrays() -> dict[str, NDArray[Any]]:
        shapes = _shapes(earth, mesh, cells, step, key)
        return {
            "starts": shapes.starts,
            "node_lon": shapes.node_lon,
            "node_lat": shapes.node_lat,
            "lon": lon[cells],
            "lat": lat[cells],
            "index": cells.astype(np.uint32),
        }

    return Geometry(
        kind="polygons",
        key=key,
        dims=(mesh.dim,),
        picks=(cells,),
        starts=(np.arange(cells.size),),
        header=earth_header(mesh.dim, mesh.dim, lon, lat, 0.5 / math.sqrt(lon.size)),
        arrays=arrays,
        notes=(f"one cell in {step} is shown: there are {lon.size:,}",) if step > 1 else (),
    )


def _shapes(
    earth: Earth, mesh: Mesh, cells: NDArray[np.intp], step: int, key: str
) -> grids.Polygons:
    lon, lat = earth.places(mesh)
    known = bool(mesh.corners or mesh.faces)
    if step == 1 and (known or lon.size <= MOST_POLYGONS):
        return earth.shapes(mesh).take(cells)
    return earth.kept((key,), lambda: grids.voronoi(lon[cells], lat[cells]))
