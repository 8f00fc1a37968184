"""What lies along a line: the transect of a slice, and the section through another dimension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from portal.viewer.cost import Speed, line_cost
from portal.viewer.pieces import pieces_of
from portal.viewer.places import Ends, Places
from portal.viewer.read import read
from portal.viewer.series import opening
from portal.viewer.stream import Cancel, Part, Step, at_once, stream

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

#: Places along the line that are looked up: as many as a chart has pixels.
MOST_PLACES = 600


def section(
    array: xr.DataArray,
    spots: Places,
    ends: Ends,
    along: str | None,
    index: Mapping[str, int],
    cancelled: Cancel,
    speed: Speed,
    step: Step = at_once,
) -> Iterator[Part]:
    """Read the cells under a line, in one slice or along a dimension.

    Parameters
    ----------
    ends
        x and y of both ends; see `portal.viewer.places.Places.way`.
    along
        Dimension of the section; None for the transect of one slice.
    index
        Index along each dimension that the picture has not.

    Yields
    ------
    Part
        A transect is one part: its arrays are distances and values. A section begins with ``cost``,
        ``along`` and ``places`` (their number); its arrays are positions and distances; rows of
        values follow (see `portal.viewer.stream.stream`).
    """
    cells, distance = spots.way(ends, MOST_PLACES)
    units = "km" if spots.on_earth else ""
    bare = array.drop_vars(list(array.coords))
    if along is None:
        cost = line_cost(array, cells, index, speed)
        values = np.asarray(read(_under(bare.isel(index), cells)), dtype=np.float64)
        header = {"distance": units, "cost": cost.to_dict(), "places": distance.size}
        yield Part(header, (distance, values))
        return
    rest = {d: i for d, i in index.items() if d != along}
    head, _ = opening(array, along, rest, speed)
    cost = line_cost(array, cells, rest, speed)
    more = {"distance": units, "cost": cost.to_dict(), "places": distance.size}
    head = Part(head.header | more, (*head.arrays, distance))
    rows = pieces_of(_under(bare.isel(rest).transpose(along, ...), cells))
    plain = partial(np.asarray, dtype=np.float64)
    yield from stream(head, rows, cost, cancelled, speed, plain, step)


def _under(array: xr.DataArray, cells: Mapping[str, NDArray[np.intp]]) -> xr.DataArray:
    import xarray as xr

    places = {d: xr.Variable("portal_place", i) for d, i in cells.items()}
    return array.isel(places).transpose(..., "portal_place")
