"""Where the cells of a picture lie, whatever its grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.viewer.curvilinear import curvilinear
from portal.viewer.geometry import axes_geometry
from portal.viewer.meshes import places_of
from portal.viewer.unstructured import unstructured

if TYPE_CHECKING:
    import xarray as xr

    from portal.viewer.describe import VariableView
    from portal.viewer.earth import Earth
    from portal.viewer.geometry import Geometry
    from portal.viewer.request import Window


def geometry_of(
    array: xr.DataArray,
    view: VariableView,
    earth: Earth,
    *,
    width: int,
    height: int,
    window: Window | None = None,
    data: str = "a",
) -> Geometry:
    """Lay out a picture of a variable for a box of `width` × `height` device pixels.

    See `portal.viewer.geometry.axes_geometry` for the parameters. A map over one dimension is an
    unstructured grid, one over two with places of its own a curvilinear one.
    """
    size = {"width": width, "height": height}
    if view.kind == "map" and view.y is None:
        return unstructured(array, view, earth, **size, window=window, data=data)
    if view.kind == "map" and places_of(array, view.x or "", view.y or ""):
        return curvilinear(array, view, earth, **size, window=window, data=data)
    return axes_geometry(array, view, **size, window=window, data=data)
