"""What the coordinates of a dataset mean: which one is latitude, how a value is written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

Role = Literal["latitude", "longitude", "time", "vertical", "x", "y", ""]
CoordinateKind = Literal["longitude", "latitude", "time", "number", "text", "index"]

LARGEST_COORDINATE = 10_000_000
"""Longest coordinate, in values, that is read; beyond it positions are plain indices."""

# CF Conventions 1.11, sections 4.1 and 4.2: the units that make a coordinate a latitude or longitude.
_NORTH = {"degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"}
_EAST = {"degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"}
_PRESSURE = {"pa", "hpa", "mbar", "millibar", "dbar", "decibar", "bar", "kpa"}
_AXES: dict[str, Role] = {"X": "x", "Y": "y", "Z": "vertical", "T": "time"}
_NAMES: dict[str, Role] = {
    "lat": "latitude",
    "latitude": "latitude",
    "nav_lat": "latitude",
    "lon": "longitude",
    "longitude": "longitude",
    "nav_lon": "longitude",
    "time": "time",
    "depth": "vertical",
    "level": "vertical",
    "lev": "vertical",
    "height": "vertical",
    "altitude": "vertical",
    "plev": "vertical",
    "x": "x",
    "y": "y",
}


def text_of(value: object) -> str:
    """Text of an attribute, empty where it is missing or not text."""
    return value.strip() if isinstance(value, str) else ""


def role_of(name: str, coordinate: xr.DataArray | None) -> Role:
    """What a coordinate stands for, by its CF attributes first and its common names last.

    Rotated-pole coordinates (``grid_latitude``) are ``x`` and ``y``: their degrees are not places
    on the Earth.
    """
    attrs = {} if coordinate is None else coordinate.attrs
    standard_name = text_of(attrs.get("standard_name"))
    units = text_of(attrs.get("units")).lower()
    if standard_name in {"grid_latitude", "projection_y_coordinate"}:
        return "y"
    if standard_name in {"grid_longitude", "projection_x_coordinate"}:
        return "x"
    if standard_name == "latitude" or units in _NORTH:
        return "latitude"
    if standard_name == "longitude" or units in _EAST:
        return "longitude"
    if coordinate is not None and is_time(coordinate):
        return "time"
    if text_of(attrs.get("positive")).lower() in {"up", "down"} or units in _PRESSURE:
        return "vertical"
    axis = text_of(attrs.get("axis")).upper()
    if axis in _AXES:
        return _AXES[axis]
    role = _NAMES.get(name.lower(), "")
    if role in {"latitude", "longitude"} and units not in {"", "degree", "degrees"}:
        return "y" if role == "latitude" else "x"
    return role


def points_down(coordinate: xr.DataArray | None) -> bool:
    """Whether larger values lie lower: depths and pressures."""
    if coordinate is None:
        return False
    positive = text_of(coordinate.attrs.get("positive")).lower()
    if positive:
        return positive == "down"
    units = text_of(coordinate.attrs.get("units")).lower()
    return units in _PRESSURE or text_of(coordinate.attrs.get("standard_name")) == "depth"


def upright(array: xr.DataArray, dim: str) -> dict[str, bool]:
    """Say how a profile along a dimension is drawn.

    Returns
    -------
    dict
        ``upright``, whether its axis is the vertical one, and ``down``, whether larger values lie
        lower there.
    """
    coordinate = coordinate_of(array, dim)
    return {
        "upright": role_of(dim, coordinate) == "vertical",
        "down": points_down(coordinate),
    }


def is_time(coordinate: xr.DataArray) -> bool:
    """Whether the values are dates, of the standard calendar or of another one (cftime)."""
    return coordinate.dtype.kind == "M" or _holds_cftime(coordinate)


def _holds_cftime(coordinate: xr.DataArray) -> bool:
    if coordinate.dtype.kind != "O" or "cftime" not in sys.modules or coordinate.size == 0:
        return False
    import cftime

    first = coordinate[(0,) * coordinate.ndim].values.item()
    return isinstance(first, cftime.datetime)


def coordinate_of(array: xr.DataArray | xr.Dataset, dim: str) -> xr.DataArray | None:
    """Return the 1-D coordinate that names the steps of a dimension, or None.

    The coordinate of the dimension's own name is it, unless it is a bare number without units and
    an auxiliary coordinate holds the dates (NEMO's ``time_counter`` and ``time_centered``).
    """
    named: dict[str, xr.DataArray] = {
        str(name): c for name, c in array.coords.items() if c.dims == (dim,)
    }
    own = named.pop(dim, None)
    if own is not None and (is_time(own) or "units" in own.attrs or own.dtype.kind in "OUSTm"):
        return own
    others = list(named.values())
    dates = [c for c in others if is_time(c)]
    if len(dates) == 1:
        return dates[0]
    if own is None and len(others) == 1:
        return others[0]
    return own


def title_of(name: str, attrs: dict[Any, Any]) -> str:
    """Name for people: ``long_name``, else ``standard_name``, else the variable's name."""
    text = text_of(attrs.get("long_name")) or text_of(attrs.get("standard_name")).replace("_", " ")
    return text or name.replace("_", " ")


def units_of(attrs: dict[Any, Any]) -> str:
    """Units as written in the file; those of a bare number ("1") are left out."""
    units = text_of(attrs.get("units"))
    return "" if units in {"1", "-", "none", "None", "dimensionless"} else units


def kind_of(coordinate: xr.DataArray | None, role: Role) -> CoordinateKind:
    """How the values of a coordinate are placed and written."""
    if coordinate is None or coordinate.size > LARGEST_COORDINATE:
        return "index"
    if is_time(coordinate):
        return "time"
    if coordinate.dtype.kind in "iufbm":
        if role == "latitude":
            return "latitude"
        return "longitude" if role == "longitude" else "number"
    return "text"


def positions_of(coordinate: xr.DataArray | None, size: int) -> NDArray[np.float64]:
    """Place every step of a dimension on a line.

    Returns
    -------
    ndarray of float64, shape (size,)
        Numbers as they are; dates as days since 1970-01-01 of their own calendar; time spans in
        days; the index where there is no coordinate, where it is text, or where a place is unknown
        (NaN) or infinite.
    """
    index = np.arange(size, dtype=np.float64)
    if coordinate is None or size == 0 or coordinate.size > LARGEST_COORDINATE:
        return index
    if coordinate.dtype.kind in "Mm":
        steps = coordinate.values.astype(f"{coordinate.dtype.kind}8[us]")
        if np.isnat(steps).any():
            return index
        return np.asarray(steps.astype(np.int64) / 86_400e6, dtype=np.float64)
    if is_time(coordinate):
        import cftime

        values = coordinate.values
        days = cftime.date2num(values, "days since 1970-01-01", calendar=values.flat[0].calendar)
        return np.asarray(days, dtype=np.float64)
    if coordinate.dtype.kind in "iufb":
        numbers = np.asarray(coordinate.values, dtype=np.float64)
        return numbers if np.isfinite(numbers).all() else index
    return index


def labels_of(
    coordinate: xr.DataArray | None, indices: Sequence[int] | NDArray[np.intp], size: int
) -> list[str]:
    """Write chosen steps of a dimension for people: dates as ISO 8601, numbers without noise."""
    if coordinate is None or coordinate.size > LARGEST_COORDINATE:
        return [f"{i + 1} of {size}" for i in indices]
    values = coordinate.values[np.asarray(indices, dtype=np.intp)]
    if coordinate.dtype.kind == "M":
        return _shorten(["" if np.isnat(v) else str(v.astype("M8[s]")) for v in values])
    if coordinate.dtype.kind == "m":
        return [number(float(v / np.timedelta64(1, "s")) / 86_400) for v in values]
    if is_time(coordinate):
        return _shorten([str(v.isoformat()).split(".")[0] for v in values])
    if coordinate.dtype.kind in "iufb":
        return [number(v.item()) for v in values]
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def number(value: float) -> str:
    """Write a number with at most seven significant digits, the accuracy of float32."""
    return str(value) if isinstance(value, (int, bool)) else f"{value:.7g}"


def _shorten(moments: list[str]) -> list[str]:
    """ISO moments without the part that is zero in all of them, and a space for the T."""
    for zero in ("T00:00:00", ":00"):
        if all(m.endswith(zero) or not m for m in moments):
            return [m.removesuffix(zero).replace("T", " ") or "no date" for m in moments]
    return [m.replace("T", " ") or "no date" for m in moments]
