"""What is asked of a viewer's picture: a value, a series, a box, a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.call import Call
from portal.viewer.cost import Speed, is_in_memory
from portal.viewer.describe import view_along
from portal.viewer.kept import kept_along
from portal.viewer.places import Places, checked_ends, label_of, places
from portal.viewer.read import read
from portal.viewer.section import section
from portal.viewer.series import checked_index, series
from portal.viewer.statistics import MOST_CELLS, MOST_CELLS_OF_STEP, box, mean_series, region
from portal.viewer.stream import Kept, Part
from portal.viewer.value import unit_text, value

if TYPE_CHECKING:
    import xarray as xr

    from portal.viewer.describe import VariableView
    from portal.viewer.render import Viewer


Method = Callable[[Mapping[str, Any], Call], dict[str, Any]]


def tools_methods(viewer: Viewer) -> dict[str, Method]:
    """Return the methods ``value``, ``series``, ``box`` and ``line`` of a viewer.

    Each takes ``params`` and a `Call`. All know ``variable``, ``index`` (of the dimensions that the
    picture has not; what is missing is 0), ``x``, ``y`` (the dimensions that it has), ``data`` and
    ``minus`` (as of a frame, see `portal.viewer.request.FrameRequest`). A place is
    ``at`` (``{lon, lat}`` in degrees where the grid has places, ``{cell}``, or an index along each
    dimension) or ``place``, ``[x, y]`` in the values of the axes. ``along`` is a dimension.

    - ``value`` (at | place): see `portal.viewer.value.value`, and the middle of the cell as ``at``,
      as ``place`` and in words as ``label``.
    - ``series`` (at | place, along): parts of `portal.viewer.series.series`; the first has ``at``,
      ``place``, ``label`` and ``units`` too.
    - ``box`` (ends): `portal.viewer.statistics.box`; with ``along`` the series of its mean.
    - ``line`` (ends): the transect; with ``along`` the section, `portal.viewer.section.section`.
    """
    tools = Tools(viewer)
    return {"value": tools.value, "series": tools.series, "box": tools.box, "line": tools.line}


class Tools:
    """The methods of one viewer, which share what they learn of its speed and its grids."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._speed = Speed()
        # Pictures go first: the sliders can be used while a series is read.
        self._pass = viewer.reader.lanes.let_pass
        self._places: dict[tuple[object, ...], Places] = {}
        self._lock = Lock()

    def value(self, params: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Answer with the exact number of one cell."""
        array, view = self._array(params, call)
        cell, more = self._spot(array, view, params)
        index = {**self._index(array, params), **cell}
        at = {str(d): index.get(str(d), 0) for d in array.dims}
        return value(array, at, read(array.drop_vars(list(array.coords)).isel(at))) | more

    def series(self, params: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Send the values at a place along a dimension."""
        array, view = self._array(params, call, along=True)
        along = _dimension(array, params, needed=True)
        cell, more = self._spot(array, view, params)
        index = {**self._index(array, params), **cell}
        more["units"] = unit_text(array)

        def kept(rest: Mapping[str, int]) -> Sequence[Kept]:
            if params.get("minus") is not None:
                return ()
            source = self._viewer.source(_data(params), array)
            return kept_along(self._viewer.reader, source, array, along, rest)

        parts = series(array, along, index, call.cancelled, self._speed, self._pass, kept)
        return _sent(parts, more, call)

    def box(self, params: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Answer with what a box amounts to, or send the series of its mean."""
        along = params.get("along")
        array, view = self._array(params, call, along=along is not None)
        ends = checked_ends(params.get("ends"))
        spots = self._spots(array, view, params)
        along = _dimension(array, params)
        most = MOST_CELLS_OF_STEP if along else MOST_CELLS
        found = region(self._viewer.earth(_data(params)).ds, array, spots, ends, most)
        index = self._others(array, params, tuple(found.where))
        more = {"units": unit_text(array), "weights": found.by, "notes": found.notes()}
        if along:
            if along in found.where:
                raise _not_through(along)
            parts = mean_series(array, along, found, index, call.cancelled, self._speed, self._pass)
            return _sent(parts, more, call)
        answer = box(array, found, index, call.cancelled, self._speed, self._pass)
        return {"cancelled": True} if answer is None else answer | more

    def line(self, params: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Send a transect or a section."""
        array, view = self._array(params, call, along=params.get("along") is not None)
        ends = checked_ends(params.get("ends"))
        spots = self._spots(array, view, params)
        along = _dimension(array, params)
        if along in spots.dims:
            raise _not_through(str(along))
        index = self._others(array, params, spots.dims)
        more = {"units": unit_text(array)}
        parts = section(array, spots, ends, along, index, call.cancelled, self._speed, self._pass)
        return _sent(parts, more, call)

    def _array(
        self, params: Mapping[str, Any], call: Call, *, along: bool = False
    ) -> tuple[xr.DataArray, VariableView]:
        """Return the variable that is shown, or the difference.

        One slice is read through the cache of the pictures, which has it more often than not. What
        goes along a dimension would only push others out of it.
        """
        data, minus = _data(params), params.get("minus")
        view, array = self._viewer.variable(data, params.get("variable"))
        second = None
        if minus is not None:
            x, y = (params.get(k) for k in ("x", "y"))
            shown = view_along(array, view, x, y)
            second = self._viewer.second(data, shown, array, str(minus))
        elif along or is_in_memory(array):
            return array, view
        from portal.viewer.through import through

        return through(self._viewer, data, array, second, call), view

    def _index(self, array: xr.DataArray, params: Mapping[str, Any]) -> dict[str, int]:
        return checked_index(array, _mapping("index", params.get("index") or {}))

    def _others(
        self, array: xr.DataArray, params: Mapping[str, Any], dims: tuple[str, ...]
    ) -> dict[str, int]:
        index = self._index(array, params)
        return {str(d): index.get(str(d), 0) for d in array.dims if d not in dims}

    def _spots(self, array: xr.DataArray, view: VariableView, params: Mapping[str, Any]) -> Places:
        x, y = (params.get(k) for k in ("x", "y"))
        data = _data(params)
        earth = self._viewer.earth(data)
        key = (data, view.name, x, y)
        with self._lock:
            if key not in self._places:
                mesh = earth.meshes.get(view.x or "") if x is None and y is None else None
                if mesh is not None:
                    lon, lat = (np.asarray(v, dtype=np.float64) for v in earth.places(mesh))
                    found = Places("points", (mesh.dim,), lon, lat, on_earth=True)
                else:
                    found = places(array, view, x, y)
                self._places[key] = found
            return self._places[key]

    def _spot(
        self, array: xr.DataArray, view: VariableView, params: Mapping[str, Any]
    ) -> tuple[dict[str, int], dict[str, Any]]:
        """Return the index of a cell along the dimensions of the picture, and how it is named."""
        if view.x is None:
            return {}, {"at": {}, "label": view.title}
        spots = self._spots(array, view, params)
        place, at = params.get("place"), params.get("at")
        if place is not None:
            cell = spots.cell(*_pair(place))
        else:
            at = _mapping("at", at)
            if spots.on_earth and set(at) == {"lon", "lat"}:
                cell = spots.cell(*_pair((at["lon"], at["lat"])))
            elif set(at) == {"cell"} and "cell" not in array.dims:
                cell = spots.index_of(at["cell"])
            else:
                cell = checked_index(array, at)
        known = set(cell) >= set(spots.dims)
        label = label_of(array, cell, spots if known else None)
        if not known:
            return cell, {"at": cell, "label": label}
        x, y = spots.middle(cell)
        return cell, {
            "at": {"lon": x, "lat": y} if spots.on_earth else cell,
            "place": [x, y],
            "label": label,
        }


def _sent(parts: Iterator[Part], more: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """Send parts as they come; the first one with what else there is to say."""
    count = 0
    for count, part in enumerate(parts, 1):
        call.part({**part.header, **(more if count == 1 else {})}, part.buffers())
    return {"parts": count, "cancelled": call.cancelled.is_set()}


def _data(params: Mapping[str, Any]) -> str:
    return "b" if params.get("data") == "b" else "a"


def _dimension(array: xr.DataArray, params: Mapping[str, Any], *, needed: bool = False) -> Any:
    along = params.get("along")
    if along is None and not needed:
        return None
    if not isinstance(along, str) or along not in array.dims:
        raise InvalidParameter(
            f"{array.name} has no dimension {along!r:.80}",
            found=", ".join(map(str, array.dims)) or "a single value",
            advice="Name one of these.",
        )
    return along


def _mapping(name: str, given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidParameter(
            f"A request needs {name}: an index for each dimension",
            found=f"{given!r:.80}",
            advice="Reload the page, so that the front-end and the kernel are of one version.",
        )
    return given


def _pair(place: Any) -> tuple[float, float]:
    try:
        x, y = (float(v) for v in place)
    except (TypeError, ValueError):
        x = y = float("nan")
    return x, y


def _not_through(dim: str) -> InvalidParameter:
    return InvalidParameter(
        f"{dim} lies in the picture itself",
        found=dim,
        advice="Choose a dimension that the picture has not.",
    )
