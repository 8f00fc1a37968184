"""What of a dataset can be looked at, and how: found from its metadata, no data is read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from portal.errors import InvalidParameter
from portal.viewer.coordinates import (
    LARGEST_COORDINATE,
    CoordinateKind,
    Role,
    coordinate_of,
    is_time,
    kind_of,
    labels_of,
    role_of,
    text_of,
    title_of,
    units_of,
)
from portal.viewer.meshes import Mesh, attributes, mesh_of, meshes, places_of, with_places

if TYPE_CHECKING:
    import xarray as xr

ViewKind = Literal["map", "image", "series", "value", "none"]

MOST_LABELS = 5_000
"""Longest dimension whose step labels travel with the description."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension with what its slider shows.

    Attributes
    ----------
    labels
        One text per step; None for a dimension longer than `MOST_LABELS`, whose current label
        comes with each frame.
    link
        Of a second dataset: for each step of the first the nearest of this one; None where the
        steps are the same, or have nothing to compare.
    """

    name: str
    size: int
    title: str
    units: str
    kind: CoordinateKind
    labels: tuple[str, ...] | None
    link: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class VariableView:
    """One variable and the way it is shown.

    Attributes
    ----------
    kind
        ``map`` (over places on the Earth), ``image`` (any two dimensions), ``series`` (one),
        ``value`` (none), or ``none`` when it cannot be shown; `problem` then says why.
    x, y
        Dimensions of the picture; a series has `x` alone, as has a map of the cells of a mesh.
    sliders
        The remaining dimensions, in the order of the array.
    notes
        What a reader of the picture should know.
    """

    name: str
    kind: ViewKind
    title: str
    units: str
    dtype: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    x: str | None = None
    y: str | None = None
    sliders: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """All that a viewer needs to draw its controls, before any data is read."""

    variables: tuple[VariableView, ...]
    dimensions: tuple[Dimension, ...]
    default: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def variable(self, name: str) -> VariableView | None:
        """Return the variable of this name, or None."""
        return next((v for v in self.variables if v.name == name), None)


def describe(ds: xr.Dataset) -> Description:
    """Find which variables can be viewed and along which dimensions.

    Latitude, longitude, time and the vertical are found by the CF attributes (``standard_name``,
    ``units``, ``axis``, ``positive``), then by common names. Bounds, grid mappings and other
    helper variables are left out as long as anything else is there. Only 1-D coordinates of at
    most `MOST_LABELS` steps are read.

    Parameters
    ----------
    ds
        Any dataset; its arrays may be lazy.
    """
    known = meshes(ds)
    ds = with_places(ds, known)
    helpers = _helpers(ds).union(*(m.names for m in known.values()))
    names = [str(n) for n in ds.data_vars]
    shown = [n for n in names if n not in helpers] or names
    views = tuple(view_of(ds[n], n, mesh_of(ds[n], known)) for n in shown)
    # A Dask array of unknown chunks has dimensions of unknown (NaN) length.
    dims = dict.fromkeys(d for v in views for d in v.dims if ds.sizes[d] == ds.sizes[d])
    order: list[ViewKind] = ["map", "image", "series", "value", "none"]
    best = min(views, key=lambda v: order.index(v.kind), default=None)
    return Description(
        variables=views,
        dimensions=tuple(_dimension(ds, d) for d in dims),
        default=best.name if best else "",
    )


def view_along(
    array: xr.DataArray, view: VariableView, x: str | None, y: str | None
) -> VariableView:
    """Show a variable along other dimensions; what is None stays as it was, where it can.

    Raises
    ------
    InvalidParameter
        The variable has no such dimension, or both are one.
    """
    if (x is None or x == view.x) and (y is None or y == view.y):
        return view
    for dim in (x, y):
        if dim is not None and dim not in view.dims:
            raise InvalidParameter(
                f"{view.name} has no dimension {dim!r}",
                found=", ".join(view.dims) or "none",
                advice="Name one of these.",
            )
    rest = [d for d in (view.x, view.y, *reversed(view.dims)) if d is not None]
    x = x or next((d for d in rest if d != y), None)
    if view.y is not None:
        y = y or next((d for d in reversed(rest) if d != x), None)
    if x is not None and x == y:
        raise InvalidParameter(
            "The two axes of a picture are two dimensions",
            found=f"{x!r} on both",
            advice="Name another dimension for one of them.",
        )
    roles = {d: role_of(d, coordinate_of(array, d)) for d in (x, y) if d}
    kind: ViewKind = "image" if y else "series"
    if list(roles.values()) == ["longitude", "latitude"]:
        kind = "map"
    sliders = tuple(d for d in view.dims if d not in {x, y})
    return replace(view, kind=kind, x=x, y=y, sliders=sliders)


def view_of(array: xr.DataArray, name: str, mesh: Mesh | None = None) -> VariableView:
    """Choose the way one variable is shown; `mesh` is the unstructured grid that it lies on."""
    dims = tuple(str(d) for d in array.dims)
    problem = _problem(array, dims)
    notes = _dtype_notes(array)
    roles = {d: role_of(d, coordinate_of(array, d)) for d in dims}
    x: str | None = None
    y: str | None = None
    kind: ViewKind = "none"
    if not problem and mesh is not None:
        x, kind = mesh.dim, "map"
    elif not problem:
        x, y = _axes(array, dims, roles)
        kind = "value" if x is None else "series" if y is None else "image"
        if x is not None and y is not None:
            straight = roles[x] == "longitude" and roles[y] == "latitude"
            if straight or (places_of(array, x, y) and array.sizes[x] > 1 < array.sizes[y]):
                kind = "map"
    return VariableView(
        name=name,
        kind=kind,
        title=title_of(name, array.attrs),
        units=units_of(array.attrs),
        dtype=str(array.dtype),
        dims=dims,
        shape=tuple(array.shape),
        x=x,
        y=y,
        sliders=tuple(d for d in dims if d not in {x, y}),
        notes=tuple(notes),
        problem=problem,
    )


def _axes(
    array: xr.DataArray, dims: tuple[str, ...], roles: dict[str, Role]
) -> tuple[str | None, str | None]:
    """Choose the horizontal and vertical dimension of the picture; a series has no vertical one."""
    candidates = [d for d in dims if array.sizes[d] > 1]
    if len(candidates) < 2:
        return (candidates[0] if candidates else None), None

    def first(*wanted: Role, but: str | None = None) -> str | None:
        hits = (d for w in wanted for d in candidates if roles[d] == w and d != but)
        return next(hits, None)

    x = first("longitude", "x")
    y = first("latitude", "y", "vertical", but=x)
    if x is None and y is None:
        y, x = [d for d in candidates if d != first("time") or len(candidates) == 2][-2:]
    elif x is None:
        rest = [d for d in candidates if d != y]
        x = first("time") or rest[-1]
    elif y is None:
        rest = [d for d in candidates if d != x]
        y = next((d for d in reversed(rest) if roles[d] != "time"), rest[-1])
    return x, y


def _problem(array: xr.DataArray, dims: tuple[str, ...]) -> str:
    empty = [d for d in dims if array.sizes[d] == 0]
    if empty:
        return f"It holds no values: its dimension {empty[0]} has length 0."
    if any(isinstance(n, float) and math.isnan(n) for n in array.shape):
        return "The length of its dimensions is not known; call .compute_chunk_sizes() first."
    if array.dtype.kind not in "biufcMm":
        what = "text" if array.dtype.kind in "SUT" else f"values of the type {array.dtype}"
        return f"It holds {what}, which has no picture; view a variable of numbers."
    return ""


def _dtype_notes(array: xr.DataArray) -> list[str]:
    if array.dtype.kind == "c":
        return ["complex numbers, shown by their magnitude"]
    if array.dtype.kind == "b":
        return ["true is shown as 1, false as 0"]
    if array.dtype.kind == "M":
        return ["dates, shown as days since 1970-01-01"]
    return ["time spans, shown in days"] if array.dtype.kind == "m" else []


def _helpers(ds: xr.Dataset) -> set[str]:
    """Variables that describe others: bounds, grid mappings, mesh topologies and their parts."""
    found: set[str] = set()
    for name, variable in ds.variables.items():
        attrs = attributes(variable)
        for key in ("bounds", "grid_mapping", "climatology"):
            # The CF grid_mapping attribute may read "crs: x y": names end with a colon.
            found.update(w.strip(":") for w in text_of(attrs.get(key)).split())
        is_part = "grid_mapping_name" in attrs or "cf_role" in attrs
        if is_part or (str(name).endswith(("_bnds", "_bounds")) and variable.ndim > 1):
            found.add(str(name))
    return found


def _dimension(ds: xr.Dataset, dim: str) -> Dimension:
    coordinate = coordinate_of(ds, dim)
    size = ds.sizes[dim]
    role = role_of(dim, coordinate)
    kind = kind_of(coordinate, role)
    short = size <= MOST_LABELS
    units = "" if coordinate is None or is_time(coordinate) else units_of(coordinate.attrs)
    if coordinate is not None and coordinate.dtype.kind == "m":
        units = "days"
    readable = coordinate is not None and coordinate.size <= LARGEST_COORDINATE
    return Dimension(
        name=dim,
        size=size,
        title=title_of(dim, coordinate.attrs if coordinate is not None and readable else {}),
        units=units,
        kind=kind,
        labels=tuple(labels_of(coordinate, range(size), size)) if short else None,
    )
