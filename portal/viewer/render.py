"""One view of one variable: selection, chunks, decimation, quantisation, message."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.call import Unheard
from portal.viewer.describe import Description, VariableView, describe
from portal.viewer.earth import Earth
from portal.viewer.frame import Frame
from portal.viewer.geometry import Geometry
from portal.viewer.lanes import in_time, wait_for
from portal.viewer.layout import geometry_of
from portal.viewer.limits import Limits, limits_alone, limits_of
from portal.viewer.minus import Second, about_zero, check_places, linked, second_of
from portal.viewer.planes import Reader, shared_reader
from portal.viewer.request import FrameRequest
from portal.viewer.shot import Shot

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.call import Call
    from portal.viewer.limits import Read
    from portal.viewer.sources import Source

MOST_GEOMETRIES = 32
SAMPLE_PATIENCE = 1.0
"""Seconds for a sample that the colour limits are found from."""


class Viewer:
    """Frames of one dataset, or of two that are compared.

    Colour limits are found once for each variable and kept, as are the last geometries. What was
    read is kept by the reader, up to its bound, as long as this viewer lives.

    Parameters
    ----------
    ds
        Any dataset; what is lazy stays lazy until a frame needs it.
    other
        A second one: ``data: "b"``, and ``minus: "b:NAME"``.
    reader
        What reads the arrays; by default the one that all viewers of the process share.
    """

    def __init__(
        self, ds: xr.Dataset, other: xr.Dataset | None = None, *, reader: Reader | None = None
    ) -> None:
        self._earths = {"a": Earth(_named(ds))}
        if other is not None:
            self._earths["b"] = Earth(_named(other))
        self.ds = self._earths["a"].ds
        self.description: Description = describe(self.ds)
        self.other = None if other is None else self._earths["b"].ds
        self.other_description: Description | None = None
        if self.other is not None:
            self.other_description = linked(self.ds, self.other, describe(self.other))
        self.reader = reader or shared_reader()
        self._sources: dict[tuple[str, str], Source | None] = {}
        self._limits: dict[tuple[object, ...], Future[Limits | None]] = {}
        self._seconds: dict[tuple[object, ...], Second] = {}
        self._geometries: OrderedDict[tuple[object, ...], Geometry] = OrderedDict()
        self._lock = threading.Lock()

    def frame(
        self,
        variable: str,
        index: Mapping[str, int] | None = None,
        *,
        width: int,
        height: int,
        call: Call | None = None,
        **more: Any,
    ) -> Frame:
        """Render a slice of a variable at the resolution of a screen.

        See `render` for what is done, and `portal.viewer.request.FrameRequest` for the parameters.
        """
        return self.answer(FrameRequest(variable, index or {}, width, height, **more), call)

    def answer(
        self, request: FrameRequest, call: Call | None = None, *, alone: bool = False
    ) -> Frame:
        """Render what a face asks for; `call` may stop it and hears of its progress.

        Parameters
        ----------
        alone
            Nothing else will be seen with it: colour limits that are not known yet are those of
            this frame, and no further slice is read for them.

        Raises
        ------
        InvalidParameter
            An unknown variable, dimension or index, or a variable that has no picture.
        GridMismatch
            Two variables that have no difference.
        Interrupted
            The call was cancelled.
        Unreadable
            The store behind the array failed.
        """
        shot = Shot(self, request, call or Unheard(), alone=alone)
        view = shot.view
        if view.kind in {"map", "image"}:
            return shot.picture()
        return shot.single() if view.x is None else shot.series(view.x)

    def variable(self, data: str, name: object) -> tuple[VariableView, xr.DataArray]:
        """Return a variable of a dataset, and how it is shown.

        Raises
        ------
        InvalidParameter
            There is none, or it has no picture.
        """
        ds, description = self.ds, self.description
        if data == "b":
            if self.other is None or self.other_description is None:
                raise InvalidParameter(
                    "There is no second dataset to view",
                    found="data: 'b'",
                    advice="Give it to the viewer.",
                )
            ds, description = self.other, self.other_description
        view = description.variable(name) if isinstance(name, str) else None
        if view is None:
            names = ", ".join(v.name for v in description.variables) or "none"
            raise InvalidParameter(
                f"There is no variable {name!r} to view",
                found=names,
                advice="Name one of these.",
            )
        if view.kind == "none":
            raise InvalidParameter(
                f"{name} cannot be shown",
                found=view.problem,
                advice="Choose another variable.",
            )
        return view, ds[view.name]

    def second(self, data: str, view: VariableView, array: xr.DataArray, minus: str) -> Second:
        """Return what is taken away from a variable; ``b:NAME`` is one of the second dataset.

        Raises
        ------
        InvalidParameter
            There is none, or its units measure something else.
        GridMismatch
            Its cells lie elsewhere.
        """
        key = (data, view.name, view.x, view.y, minus)
        if key not in self._seconds:
            there, _, name = minus.rpartition(":") if minus.startswith("b:") else ("a", "", minus)
            found = second_of(view, *self.variable(there, name), there)
            check_places(array, view, self._earths[data], found, self._earths[there])
            self._seconds[key] = found
        return self._seconds[key]

    def earth(self, data: str) -> Earth:
        """Return the places of the cells of a dataset."""
        return self._earths[data]

    def source(self, data: str, array: xr.DataArray) -> Source | None:
        """Return what reads a variable; None for one in memory."""
        key = data, str(array.name)
        if key not in self._sources:
            self._sources[key] = self.reader.source(array.variable)
        return self._sources[key]

    def geometry(self, array: xr.DataArray, view: VariableView, request: FrameRequest) -> Geometry:
        """Return where the cells of a picture lie."""
        size = request.width, request.height
        key = (request.data, view.name, view.x, view.y, request.window, *size)
        with self._lock:
            found = self._geometries.get(key)
            if found is not None:
                self._geometries.move_to_end(key)
                return found
        made = geometry_of(
            array,
            view,
            self._earths[request.data],
            width=request.width,
            height=request.height,
            window=request.window,
            data=request.data,
        )
        with self._lock:
            self._geometries[key] = made
            while len(self._geometries) > MOST_GEOMETRIES:
                self._geometries.popitem(last=False)
        return made

    def limits(
        self,
        key: tuple[object, ...],
        array: xr.DataArray | None,
        view: VariableView,
        seen: NDArray[np.generic],
        read: Read,
        call: Call,
    ) -> Limits:
        """Return the colour limits of a variable; without an array those of a difference.

        They are looked for once: who asks meanwhile waits. A store that does not deliver a sample
        in `SAMPLE_PATIENCE` seconds does without.
        """
        while True:
            with self._lock:
                coming = self._limits.get(key)
                if coming is None:
                    mine = self._limits[key] = Future()
                    break
            if (limits := wait_for(coming, call)) is not None:
                return limits
        found: Limits | None = None
        try:
            if array is None:
                found = about_zero(seen)
            else:
                found = in_time(
                    lambda: limits_of(array, view, seen, read), SAMPLE_PATIENCE, call
                ) or limits_alone(array, view, seen, read)
        finally:
            # None: whoever waits looks for itself.
            known = found if found is not None and found.found else None
            if known is None:
                del self._limits[key]
            mine.set_result(known)
        return found

    def known_limits(self, key: tuple[object, ...]) -> Limits | None:
        """Return the colour limits of a variable if they have been found."""
        coming = self._limits.get(key)
        return coming.result() if coming is not None and coming.done() else None


def _named(ds: xr.Dataset) -> xr.Dataset:
    """Turn names into text: xarray takes any hashable one, requests and JSON know text."""
    odd = {n: str(n) for n in (*ds.variables, *ds.dims) if not isinstance(n, str)}
    return ds.rename(odd) if odd else ds


def render(
    ds: xr.Dataset, variable: str, indexers: Mapping[str, int], width: int, height: int
) -> Frame:
    """Render a slice of a variable at the resolution of a screen.

    Only the chunks of that slice are read (plus, the first time, a bounded sample for the colour
    limits). North comes out on top and west on the left, longitudes of 0..360 are rolled to
    -180..180. A picture with more cells than pixels becomes an area mean that leaves out NaN (see
    `portal.viewer.decimate.area_mean`), a slice of more than 64 million cells is read with a
    stride first, a long series keeps its peaks. Values are quantised to 16 bits (see
    `portal.viewer.quantise.pack`).

    Parameters
    ----------
    ds
        The dataset, lazy or not.
    variable
        Name of a variable.
    indexers
        Integer index for each slider dimension; what is missing is 0.
    width, height
        Most pixels of the picture.

    Raises
    ------
    InvalidParameter
        An unknown variable, dimension or index, or a variable that has no picture.
    Unreadable
        The store behind the array failed.
    """
    return Viewer(ds).frame(variable, indexers, width=width, height=height)
