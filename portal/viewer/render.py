"""One view of one variable: selection, chunks, decimation, quantisation, message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import axis_of
from portal.viewer.call import Unheard, go_on
from portal.viewer.coordinates import coordinate_of, labels_of
from portal.viewer.decimate import area_mean, block_middles, extremes
from portal.viewer.describe import Description, VariableView, describe, view_along
from portal.viewer.earth import Earth
from portal.viewer.frame import Frame, frame_of
from portal.viewer.geometry import Geometry
from portal.viewer.layout import geometry_of
from portal.viewer.limits import Limits, limits_of
from portal.viewer.quantise import pack
from portal.viewer.read import read, strides
from portal.viewer.request import FrameRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.call import Call

MOST_GEOMETRIES = 32


class Viewer:
    """Frames of one dataset, or of two that are compared.

    Colour limits are found once for each variable and kept, as are the last geometries.

    Parameters
    ----------
    ds
        Any dataset; what is lazy stays lazy until a frame needs it.
    other
        A second one: ``data: "b"``, and ``minus: "b:NAME"``.
    """

    def __init__(self, ds: xr.Dataset, other: xr.Dataset | None = None) -> None:
        self._earths = {"a": Earth(_named(ds))}
        if other is not None:
            self._earths["b"] = Earth(_named(other))
        self.ds = self._earths["a"].ds
        self.description: Description = describe(self.ds)
        self.other = None if other is None else self._earths["b"].ds
        self.other_description = None if self.other is None else describe(self.other)
        self._limits: dict[tuple[str, str], Limits] = {}
        self._geometries: dict[tuple[object, ...], Geometry] = {}

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

    def answer(self, request: FrameRequest, call: Call | None = None) -> Frame:
        """Render what a face asks for; `call` may stop it and hears of its progress."""
        call = call or Unheard()
        began = time.perf_counter()
        stamps = {"received": time.time() * 1000}
        view, array = self._view(request)
        at = _checked_index(view, array, request.index)
        header = {
            "version": 2,
            "kind": view.kind,
            "variable": view.name,
            "title": view.title,
            "units": "days" if array.dtype.kind in "Mm" else view.units,
            "index": at,
            "labels": {
                d: labels_of(coordinate_of(array, d), [i], array.sizes[d])[0] for d, i in at.items()
            },
            "stamps": stamps,
        }

        def stamp(stage: str) -> None:
            go_on(call)
            stamps[stage] = round(1000 * (time.perf_counter() - began), 3)

        if view.kind in {"map", "image"}:
            return self._picture(array, view, header, request, at, stamp)
        if view.x is not None:
            return _series(array.isel(at), view, header, view.x, request.width)
        return _single(array.isel(at), view, header)

    def _view(self, request: FrameRequest) -> tuple[VariableView, xr.DataArray]:
        ds, description = self.ds, self.description
        if request.data == "b":
            if self.other is None or self.other_description is None:
                raise InvalidParameter(
                    "There is no second dataset to view",
                    found="data: 'b'",
                    advice="Give it to the viewer.",
                )
            ds, description = self.other, self.other_description
        view = description.variable(request.variable)
        if view is None:
            names = ", ".join(v.name for v in description.variables) or "none"
            raise InvalidParameter(
                f"There is no variable {request.variable!r} to view",
                found=names,
                advice="Name one of these.",
            )
        if view.kind == "none":
            raise InvalidParameter(
                f"{request.variable} cannot be shown",
                found=view.problem,
                advice="Choose another variable.",
            )
        array = ds[request.variable]
        return view_along(array, view, request.x, request.y), array

    def _geometry(self, array: xr.DataArray, view: VariableView, request: FrameRequest) -> Geometry:
        size = request.width, request.height
        key = (request.data, view.name, view.x, view.y, request.window, *size)
        found = self._geometries.pop(key, None)
        if found is None:
            found = geometry_of(
                array,
                view,
                self._earths[request.data],
                width=request.width,
                height=request.height,
                window=request.window,
                data=request.data,
            )
        self._geometries[key] = found
        while len(self._geometries) > MOST_GEOMETRIES:
            self._geometries.pop(next(iter(self._geometries)), None)
        return found

    def _picture(
        self,
        array: xr.DataArray,
        view: VariableView,
        header: dict[str, Any],
        request: FrameRequest,
        at: dict[str, int],
        stamp: Callable[[str], None],
    ) -> Frame:
        geometry = self._geometry(array, view, request)
        # A mean of category codes would be another category.
        codes = "flag_values" in array.attrs or "flag_masks" in array.attrs
        nearest = codes or request.quality == "moving"
        picks = geometry.picks
        if nearest:
            picks = tuple(
                p[block_middles(s, p.size)] for p, s in zip(picks, geometry.starts, strict=True)
            )
        picture = _plane(array, geometry.dims, at, picks)
        stamp("read")
        if not nearest:
            picture = area_mean(picture, *geometry.starts)
        stamp("decimated")
        limits = self._limits_of(array, view, request.data, picture)
        packed = pack(picture)
        stamp("packed")
        notes = [*view.notes, *geometry.notes]
        if max(geometry.factors) > 1:
            how = "one of" if nearest else "the mean of"
            notes.append(f"each pixel shows {how} {_times(geometry.factors)} cells")
        arrays = {"cells": packed.cells}
        if geometry.key not in request.have:
            arrays |= geometry.arrays()
        return frame_of(
            header
            | {
                "shape": list(picture.shape),
                "encoding": packed.encoding(),
                "geometry": geometry.key,
                "geometry_kind": geometry.kind,
                **geometry.header,
                "factors": geometry.factors,
                **limits.header(),
                "notes": notes + _value_notes(picture),
            },
            arrays,
        )

    def _limits_of(
        self, array: xr.DataArray, view: VariableView, data: str, picture: NDArray[np.generic]
    ) -> Limits:
        limits = self._limits.get((data, view.name))
        if limits is None:
            limits = limits_of(array, view, picture)
            if limits.found:
                self._limits[data, view.name] = limits
        return limits


def _named(ds: xr.Dataset) -> xr.Dataset:
    """Turn names into text: xarray takes any hashable one, requests and JSON know text."""
    odd = {n: str(n) for n in (*ds.variables, *ds.dims) if not isinstance(n, str)}
    return ds.rename(odd) if odd else ds


def _plane(
    array: xr.DataArray,
    dims: tuple[str, ...],
    at: Mapping[str, int],
    picks: tuple[NDArray[np.intp], ...],
) -> NDArray[np.generic]:
    region = {d: slice(int(p.min()), int(p.max()) + 1) for d, p in zip(dims, picks, strict=True)}
    stored = read(array.isel({**at, **region}).transpose(*dims))
    for axis, pick in enumerate(picks):
        stored = stored.take(pick - pick.min(), axis)
    return stored


def _times(factors: list[float]) -> str:
    return " × ".join(f"{f:.3g}" for f in factors)


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


def _series(
    array: xr.DataArray, view: VariableView, header: dict[str, Any], dim: str, width: int
) -> Frame:
    (stride,) = strides(array.sizes[dim])
    axis = axis_of(array, dim, stride=stride)
    stored = read(array.isel({dim: slice(None, None, stride)}))
    values = np.asarray(stored[axis.order // stride], dtype=np.float64)
    x, y, kept = extremes(axis.values, values, points=12 * width)
    notes = [*view.notes]
    if kept.size < values.size:
        notes.append(f"{values.size:,} values drawn by their lowest and highest")
    if stride > 1:
        notes.append(f"one value in {stride} was read: the series is very long")
    labels = None if axis.labels is None else [axis.labels[i] for i in kept]
    return frame_of(
        header
        | {
            "shape": list(y.shape),
            "encoding": {"dtype": "f64"},
            "x": axis.header() | {"labels": labels},
            "notes": notes + _value_notes(y),
        },
        {"x": x, "cells": y},
    )


def _single(array: xr.DataArray, view: VariableView, header: dict[str, Any]) -> Frame:
    value = np.asarray(read(array), dtype=np.float64).reshape(1)
    return frame_of(
        header | {"shape": [1], "encoding": {"dtype": "f64"}, "notes": list(view.notes)},
        {"cells": value},
    )


def _value_notes(values: NDArray[np.generic]) -> list[str]:
    finite = np.isfinite(values)
    if not finite.any():
        return (
            ["no data in this slice"]
            if np.isnan(values).all()
            else ["no finite value in this slice"]
        )
    if values.size > 1 and np.isfinite(values).all() and values.min() == values.max():
        return ["the same value everywhere in this slice"]
    return []


def _checked_index(
    view: VariableView, array: xr.DataArray, index: Mapping[str, object]
) -> dict[str, int]:
    checked = dict.fromkeys(view.sliders, 0)
    for dim, i in index.items():
        if dim not in view.sliders:
            raise InvalidParameter(
                f"{view.name} has no slider {dim!r}",
                found=", ".join(view.sliders) or "none",
                advice="Give an index for one of these.",
            )
        size = array.sizes[dim]
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or not 0 <= i < size:
            raise InvalidParameter(
                f"The index of {dim} is out of range",
                found=repr(i),
                advice=f"Give a whole number from 0 to {size - 1}.",
            )
        checked[dim] = int(i)
    return checked
