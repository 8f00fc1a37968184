"""One frame on its way: what is asked for becomes cells, and cells a message."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import axis_of
from portal.viewer.call import go_on
from portal.viewer.coordinates import coordinate_of, labels_of, upright
from portal.viewer.decimate import area_mean, block_middles, extremes
from portal.viewer.describe import view_along
from portal.viewer.frame import Frame, frame_of
from portal.viewer.limits import limits_alone
from portal.viewer.minus import align
from portal.viewer.quantise import pack
from portal.viewer.read import strides

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.call import Call
    from portal.viewer.describe import VariableView
    from portal.viewer.limits import Limits
    from portal.viewer.minus import Second
    from portal.viewer.planes import Plane
    from portal.viewer.render import Viewer
    from portal.viewer.request import FrameRequest

    Picks = Mapping[str, NDArray[np.intp]]


class Shot:
    """A frame of a viewer that is being made.

    Parameters
    ----------
    viewer
        Whose dataset it is.
    request
        What is asked for.
    call
        Who waits for it.
    alone
        Whether colour limits that are not known yet are those of this frame.
    """

    def __init__(
        self, viewer: Viewer, request: FrameRequest, call: Call, *, alone: bool = False
    ) -> None:
        self._began = time.perf_counter()
        self._stamps = {"received": round(time.time() * 1000, 3)}
        self._viewer, self._request, self._call = viewer, request, call
        self._alone = alone
        view, self._array = viewer.variable(request.data, request.variable)
        self.view = view_along(self._array, view, request.x, request.y)
        self._at = _checked_index(self.view, self._array, request.index)
        self._notes = list(self.view.notes)
        self._touched = {"chunks": 0, "bytes": 0, "cached": 0}
        self._minus: Second | None = None
        if request.minus is not None:
            self._minus = viewer.second(request.data, self.view, self._array, request.minus)
            self._notes += self._minus.notes

    def picture(self) -> Frame:
        """Make a picture."""
        request, array = self._request, self._array
        geometry = self._viewer.geometry(array, self.view, request)
        # A mean of category codes would be another category.
        codes = "flag_values" in array.attrs or "flag_masks" in array.attrs
        nearest = codes or request.quality == "moving"
        picks = geometry.picks
        if nearest:
            picks = tuple(
                p[block_middles(s, p.size)] for p, s in zip(picks, geometry.starts, strict=True)
            )
        cells = self._read(dict(zip(geometry.dims, picks, strict=True)))
        if not nearest:
            cells = area_mean(cells, *geometry.starts, step=lambda: go_on(self._call))
        self._stamp("decimated")
        limits = self._limits(cells)
        uneven = request.scale in {"log", "symlog"}
        span = math.ulp(0.0) if uneven else limits.span
        packed = pack(cells, moving=request.quality == "moving", span=span)
        self._stamp("packed")
        self._notes += geometry.notes
        if max(geometry.factors, default=1) > 1:
            how = "one of" if nearest else "the mean of"
            times = " × ".join(f"{f:.3g}" for f in geometry.factors)
            self._notes.append(f"each pixel shows {how} {times} cells")
        arrays: dict[str, NDArray[Any]] = {"cells": packed.cells}
        if geometry.key not in request.have:
            arrays |= geometry.arrays()
        header = self._header(cells) | {
            "encoding": packed.encoding(),
            "geometry": geometry.key,
            "geometry_kind": geometry.kind,
            **geometry.header,
            "factors": geometry.factors,
            **limits.header(),
        }
        return frame_of(header, arrays)

    def series(self, dim: str) -> Frame:
        """Make a curve along a dimension; a long one keeps its peaks."""
        (stride,) = strides(self._array.sizes[dim])
        axis = axis_of(self._array, dim, stride=stride)
        values = self._read({dim: axis.order}).astype(np.float64)
        x, y, kept = extremes(axis.values, values, points=12 * self._request.width)
        if kept.size < values.size:
            self._notes.append(f"{values.size:,} values drawn by their lowest and highest")
        if stride > 1:
            self._notes.append(f"one value in {stride} was read: the series is very long")
        labels = None if axis.labels is None else [axis.labels[i] for i in kept]
        header = self._header(y) | {
            "encoding": {"dtype": "f64"},
            "x": axis.header() | {"labels": labels, **upright(self._array, dim)},
        }
        return frame_of(header, {"x": x, "cells": y})

    def single(self) -> Frame:
        """Make a frame of one number."""
        value = np.asarray(self._read({}), dtype=np.float64).reshape(1)
        header = self._header(value) | {"encoding": {"dtype": "f64"}}
        return frame_of(header, {"cells": value})

    def _read(self, picks: Picks) -> NDArray[Any]:
        values = self._plane(self._request.data, self._array, self._at, picks)
        if self._minus is not None:
            there = align(self._array, self._minus.array, self._at, picks)
            self._notes += there.notes
            values = self._minus.taken(values, there, self._plane)
        self._stamp("read")
        return values

    def _plane(
        self, data: str, array: xr.DataArray, at: Mapping[str, int], picks: Picks
    ) -> NDArray[Any]:
        plane = self._stored(data, array, at, picks)
        self._notes += plane.notes
        for name in self._touched:
            self._touched[name] += getattr(plane, name)
        return plane.values

    def _stored(self, data: str, array: xr.DataArray, at: Mapping[str, int], picks: Picks) -> Plane:
        viewer = self._viewer
        source = viewer.source(data, array)
        return viewer.reader.plane(
            array, source, at, picks, call=self._call, lane=self._request.lane
        )

    def _limits(self, cells: NDArray[Any]) -> Limits:
        request = self._request
        key = (request.data, self.view.name, request.minus)
        if self._alone and self._minus is None:
            known = self._viewer.known_limits(key)
            return known or limits_alone(self._array, self.view, cells, self._sampled)
        array = None if self._minus else self._array
        return self._viewer.limits(key, array, self.view, cells, self._sampled, self._call)

    def _sampled(self, at: Mapping[str, int], picks: Picks) -> NDArray[Any]:
        return self._stored(self._request.data, self._array, at, picks).values

    def _header(self, cells: NDArray[Any]) -> dict[str, Any]:
        array, view = self._array, self.view
        title = view.title if self._minus is None else f"{view.title} − {self._minus.view.title}"
        return {
            "version": 2,
            "kind": view.kind,
            "variable": view.name,
            "title": title,
            "units": "days" if array.dtype.kind in "Mm" else view.units,
            "index": self._at,
            "labels": {
                d: labels_of(coordinate_of(array, d), [i], array.sizes[d])[0]
                for d, i in self._at.items()
            },
            "shape": list(cells.shape),
            "notes": [*dict.fromkeys(self._notes), *_value_notes(cells)],
            "stamps": self._stamps,
            "touched": self._touched,
        }

    def _stamp(self, stage: str) -> None:
        go_on(self._call)
        self._stamps[stage] = round(1000 * (time.perf_counter() - self._began), 3)


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
