"""A picture in rows and columns, whatever its grid: for what draws without a browser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portal.viewer.frame import Frame

LARGEST = 1e300

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Raster:
    """Cells in rows and columns, the top row first.

    Attributes
    ----------
    cells
        Shape (ny, nx).
    x_edges, y_edges
        Borders of the columns, shape (nx + 1,), and of the rows, shape (ny + 1,).
    """

    cells: NDArray[np.float64]
    x_edges: NDArray[np.float64]
    y_edges: NDArray[np.float64]

    @property
    def x(self) -> Ends:
        """Where the first column begins and the last one ends."""
        return float(self.x_edges[0]), float(self.x_edges[-1])

    @property
    def y(self) -> Ends:
        """Where the top row begins and the bottom row ends."""
        return float(self.y_edges[0]), float(self.y_edges[-1])


def raster_of(frame: Frame) -> Raster:
    """Lay the cells of a picture out in rows and columns.

    Rows and columns of straight axes are taken as they are. Cells of curvilinear grids and meshes
    are put into the bins of a plain longitude-latitude raster, each the mean of its cells. A frame
    without its geometry is laid out cell by cell.

    Parameters
    ----------
    frame
        A frame of two dimensions, or of a mesh.
    """
    cells, held = frame.values(), frame.header["arrays"]
    if "x_edges" in held:
        return Raster(cells, frame.array("x_edges"), frame.array("y_edges"))
    if "lon" in held:
        return _binned(cells.ravel(), frame.array("lon"), frame.array("lat"))
    # Without its geometry a frame is drawn cell by cell.
    ny, nx = cells.reshape(cells.shape[0], -1).shape
    return Raster(cells.reshape(ny, nx), np.arange(nx + 1.0), np.arange(ny, -1.0, -1))


def _binned(
    values: NDArray[np.float64], lon: NDArray[np.float32], lat: NDArray[np.float32]
) -> Raster:
    """Mean of the cells whose middle lies in each bin of a raster of about as many bins."""
    known = (abs(lon) <= 720) & (abs(lat) <= 90) & np.isfinite(values)
    if not known.any():
        return Raster(np.full((1, 1), np.nan), np.array([-180.0, 180]), np.array([90.0, -90]))
    east, north = (lon[known].astype(float) + 180) % 360 - 180, lat[known].astype(float)
    wide, tall = max(float(np.ptp(east)), 1e-3), max(float(np.ptp(north)), 1e-3)
    nx = int(np.clip(math.sqrt(known.sum() / 1.5 * wide / tall), 1, 500))
    ny = int(np.clip(nx * tall / wide, 1, 400))
    x = np.linspace(east.min(), east.min() + wide, nx + 1)
    y = np.linspace(north.max(), north.max() - tall, ny + 1)
    column = np.clip((east - x[0]) / (x[-1] - x[0]) * nx, 0, nx - 1).astype(int)
    row = np.clip((y[0] - north) / (y[0] - y[-1]) * ny, 0, ny - 1).astype(int)
    at = row * nx + column
    count = np.bincount(at, minlength=nx * ny)
    total = np.bincount(at, np.clip(values[known], -LARGEST, LARGEST) / LARGEST, minlength=nx * ny)
    cells = np.divide(total, count, out=np.full(nx * ny, np.nan), where=count > 0) * LARGEST
    return Raster(cells.reshape(ny, nx), x, y)
