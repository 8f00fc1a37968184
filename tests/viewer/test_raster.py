"""Cells of any grid in rows and columns, north up."""

from __future__ import annotations

import numpy as np
import pytest

from portal.viewer import Viewer
from portal.viewer.raster import raster_of
from tests.viewer import earths


@pytest.mark.parametrize("grid", [earths.tripolar, earths.columns, earths.ugrid, earths.scrip])
def test_cells_lie_near_their_places(grid) -> None:
    frame = Viewer(grid()).frame("field", {}, width=240, height=240)
    raster = raster_of(frame)
    lon, lat = ((edges[:-1] + edges[1:]) / 2 for edges in (raster.x_edges, raster.y_edges))
    assert lat[0] > lat[-1]
    expected = earths.code(*np.meshgrid(lon, lat))
    off = np.abs(raster.cells - expected)
    assert np.isfinite(off).mean() > 0.5
    assert np.nanmedian(off) < 0.1, "of a field from -4.6 to 4.6"


def test_straight_axes_stay_as_they_are() -> None:
    frame = Viewer(earths.rectilinear()).frame("field", {}, width=240, height=240)
    raster = raster_of(frame)
    np.testing.assert_array_equal(raster.cells, frame.values())
    assert raster.x == (-180, 180) or raster.x[1] - raster.x[0] == 360
    assert raster.y == (90, -90)
