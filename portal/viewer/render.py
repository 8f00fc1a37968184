"""One view of one variable: selection, chunks, decimation, quantisation, message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import Axis, axis_of
from portal.viewer.coordinates import coordinate_of, labels_of, positions_of
from portal.viewer.decimate import area_mean, extremes, factor
from portal.viewer.describe import Description, VariableView, describe, places_of
from portal.viewer.frame import Frame, frame_of
from portal.viewer.limits import Limits, limits_of
from portal.viewer.quantise import pack
from portal.viewer.read import read, strides

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

LARGEST_SIDE = 4_096


class Viewer:
    """Frames of one dataset. Colour limits are found once for each variable and kept.

    Parameters
    ----------
    ds
        Any dataset; what is lazy stays lazy until a frame needs it.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        # xarray takes any hashable name; requests and JSON know text.
        odd = {n: str(n) for n in (*ds.variables, *ds.dims) if not isinstance(n, str)}
        self.ds = ds.rename(odd) if odd else ds
        self.description: Description = describe(self.ds)
        self._limits: dict[str, Limits] = {}

    def frame(
        self, variable: str, index: Mapping[str, int] | None = None, *, width: int, height: int
    ) -> Frame:
        """Render a slice of a variable at the resolution of a screen.

        See `render` for the parameters and what is done.
        """
        view = self._view(variable)
        array = self.ds[variable]
        at = _checked_index(view, array, index or {})
        width, height = _checked_size("width", width), _checked_size("height", height)
        header = {
            "version": 1,
            "kind": view.kind,
            "variable": view.name,
            "title": view.title,
            "units": "days" if array.dtype.kind in "Mm" else view.units,
            "index": at,
            "labels": {
                d: labels_of(coordinate_of(array, d), [i], array.sizes[d])[0] for d, i in at.items()
            },
        }
        if view.y is not None and view.x is not None:
            return self._picture(array.isel(at), view, header, view.x, view.y, width, height)
        if view.x is not None:
            return _series(array.isel(at), view, header, view.x, width)
        return _single(array.isel(at), view, header)

    def _view(self, variable: str) -> VariableView:
        view = self.description.variable(variable)
        if view is None:
            names = ", ".join(v.name for v in self.description.variables) or "none"
            raise InvalidParameter(
                f"There is no variable {variable!r} to view",
                found=names,
                advice="Name one of these.",
            )
        if view.kind == "none":
            raise InvalidParameter(
                f"{variable} cannot be shown",
                found=view.problem,
                advice="Choose another variable.",
            )
        return view

    def _picture(
        self,
        array: xr.DataArray,
        view: VariableView,
        header: dict[str, Any],
        x: str,
        y: str,
        width: int,
        height: int,
    ) -> Frame:
        sy, sx = strides(array.sizes[y], array.sizes[x])
        places = places_of(array, x, y)
        columns = axis_of(array, x, stride=sx, as_map=view.kind == "map")
        down = "latitude" in places and _falls(places["latitude"], y)
        rows = axis_of(array, y, stride=sy, vertical=True, downwards=down)
        thin = {y: slice(None, None, sy), x: slice(None, None, sx)}
        stored = read(array.isel(thin).transpose(y, x))
        upright = stored[np.ix_(rows.order // sy, columns.order // sx)]
        fy, fx = factor(rows.values.size, height), factor(columns.values.size, width)
        # A mean of category codes would be another category.
        codes = "flag_values" in array.attrs or "flag_masks" in array.attrs
        picture = upright[::fy, ::fx] if codes else area_mean(upright, fy, fx)
        rows, columns = rows.blocks(fy), columns.blocks(fx)
        limits = self._limits_of(view, picture)
        packed = pack(picture)
        notes = list(view.notes)
        if sy > 1 or sx > 1:
            notes.append(f"one cell in {sy} × {sx} was read: the slice is very large")
        if fy > 1 or fx > 1:
            how = "one of" if codes else "the mean of"
            notes.append(f"each pixel shows {how} {fy} × {fx} cells")
        arrays: dict[str, NDArray[Any]] = {
            "x": columns.values,
            "x_edges": columns.edges,
            "y": rows.values,
            "y_edges": rows.edges,
            "cells": packed.cells,
        }
        for role, coordinate in places.items():
            at = coordinate.isel({y: rows.order, x: columns.order}).transpose(y, x)
            degrees = np.asarray(read(at), dtype=np.float64)
            # Ocean models leave fill values where there is no place.
            arrays[role] = np.where(abs(degrees) <= 720, degrees, np.nan).astype(np.float32)
        return frame_of(
            header
            | {
                "shape": list(picture.shape),
                "encoding": packed.encoding(),
                "x": columns.header(),
                "y": rows.header(),
                "equal": _is_equal(view, columns, rows),
                "limits": [limits.low, limits.high],
                "color_map": limits.color_map,
                "notes": notes + _value_notes(picture),
            },
            arrays,
        )

    def _limits_of(self, view: VariableView, picture: NDArray[np.generic]) -> Limits:
        limits = self._limits.get(view.name)
        if limits is None:
            limits = limits_of(self.ds[view.name], view, picture)
            if limits.found:
                self._limits[view.name] = limits
        return limits


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


def _is_equal(view: VariableView, columns: Axis, rows: Axis) -> bool:
    """Whether a unit is as long upwards as sideways: maps, projected metres, grid indices."""
    if view.kind == "map":
        return True
    both = {columns.kind, rows.kind}
    return both == {"index"} or (both == {"number"} and columns.units == rows.units != "")


def _falls(latitude: xr.DataArray, y: str) -> bool:
    """Whether the latitudes of a curvilinear grid fall where its row coordinate grows."""
    (x,) = (d for d in latitude.dims if d != y)
    ends = latitude.isel({x: latitude.sizes[x] // 2, y: [0, -1]})
    latitudes = np.asarray(read(ends), dtype=np.float64)
    rows = positions_of(coordinate_of(latitude, y), latitude.sizes[y])
    return bool((latitudes[1] - latitudes[0]) * (rows[-1] - rows[0]) < 0)


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


def _checked_size(name: str, pixels: object) -> int:
    if isinstance(pixels, bool) or not isinstance(pixels, int | np.integer) or pixels < 1:
        raise InvalidParameter(
            f"The {name} of a picture has to be at least 1 pixel",
            found=repr(pixels),
            advice="Give a whole number of pixels.",
        )
    return min(int(pixels), LARGEST_SIDE)
