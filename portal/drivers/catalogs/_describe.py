"""What a dataset says of itself in CF terms: extents, times, variables; no array is read.

Coordinates are read where they are small: those of dimensions, and two-dimensional latitudes and
longitudes up to :data:`LARGEST_COORDINATE`.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from portal.core.asset import Provider
from portal.core.variable import Dimension, Variable

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

LARGEST_COORDINATE = 64 * 2**20
LONGEST_TEXT = 5_000
#: Degrees of longitude that data around the globe may leave out.
WIDEST_GAP = 5.0

#: Attributes that name variables which describe others.
REFERENCES = ("bounds", "climatology", "grid_mapping")

_NAMES = {"lat": "y", "latitude": "y", "nav_lat": "y", "lon": "x", "longitude": "x", "nav_lon": "x"}
_DEGREES = {"north": "y", "n": "y", "east": "x", "e": "x"}
_UNITS = re.compile(r"^degrees?_?(north|east|n|e)$", re.IGNORECASE)
_VERTICAL = ("depth", "height", "altitude", "air_pressure")
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+")
_SPDX = (
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0",
    "CC0-1.0", "MIT", "ODbL-1.0", "ODC-By-1.0", "OGL-UK-3.0", "PDDL-1.0",
)  # fmt: skip


def tidy(dataset: xr.Dataset) -> xr.Dataset:
    """Make coordinates of the variables that only describe others: bounds and grid mappings."""
    return dataset.set_coords([n for n in _referred(dataset) if n in dataset.data_vars])


def _referred(dataset: xr.Dataset) -> set[str]:
    return {
        word
        for variable in dataset.variables.values()
        for key in REFERENCES
        for word in str(variable.attrs.get(key, variable.encoding.get(key, ""))).split()
    }


def describe(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the keywords of :meth:`portal.core.item.Item.build` that the dataset itself gives."""
    variables = [_variable(str(n), v) for n, v in dataset.data_vars.items()]
    dimensions = [_dimension(dataset, str(n), int(s)) for n, s in dataset.sizes.items()]
    used = {d for v in variables for d in v.dims}
    return {
        "bbox": _bbox(dataset) or _stated_bbox(dataset),
        "time": _interval(dataset),
        "variables": variables,
        "dimensions": [d for d in dimensions if d.name in used],
    }


def credit(dataset: xr.Dataset) -> dict[str, Any]:
    """Return title, description, keywords, licence, providers and citation, where it has them."""

    def first(*keys: str) -> str:
        return next((t for k in keys if (t := _text(dataset.attrs.get(k)))), "")

    found: dict[str, Any] = {
        "title": first("title"),
        "description": first("summary", "description", "abstract", "comment"),
        "citation": first("citation", "references"),
    }
    words = re.split(r"[,;>]", first("keywords"))
    found["keywords"] = list(dict.fromkeys(w for word in words if (w := word.strip())))
    makers = dict.fromkeys(n for k in ("institution", "creator_name") if (n := first(k)))
    found["providers"] = [Provider(name, ("producer",)) for name in makers]
    licence = first("license", "licence")
    if licence in _SPDX:
        found["license"] = licence
    elif licence:
        found["description"] = f"{found['description']} Licence: {licence}".strip()
    doi = _DOI.search(first("doi"))
    found["doi"] = doi.group() if doi else ""
    return {key: value for key, value in found.items() if value}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return "".join(c if c.isprintable() else " " for c in text).strip()[:LONGEST_TEXT]


def _variable(name: str, array: xr.DataArray) -> Variable:
    attrs = array.attrs
    return Variable(
        name,
        tuple(str(d) for d in array.dims),
        _text(attrs.get("long_name")),
        _text(attrs.get("standard_name")),
        _text(attrs.get("units")),
        str(array.dtype),
    )


def _role(name: str, array: xr.DataArray) -> str:
    """Return x, y, z, t or an empty text."""
    attrs = array.attrs
    standard = str(attrs.get("standard_name", ""))
    if standard == "time" or (not standard and (array.dtype.kind == "M" or _is_cftime(array))):
        return "t"
    if standard in ("latitude", "longitude"):
        return "y" if standard == "latitude" else "x"
    units = _UNITS.match(str(attrs.get("units", "")).strip())
    if units:
        return _DEGREES[units.group(1).lower()]
    if standard in _VERTICAL or attrs.get("axis") == "Z" or "positive" in attrs:
        return "z"
    return "" if standard else _NAMES.get(name.lower(), "")


def _is_cftime(array: xr.DataArray) -> bool:
    if array.dtype.kind != "O" or not array.size:
        return False
    return hasattr(array[(0,) * array.ndim].item(), "calendar")


def _coordinates(dataset: xr.Dataset, role: str) -> Iterator[xr.DataArray]:
    aside = _referred(dataset)
    for name, array in dataset.coords.items():
        small = array.size > 0 and array.nbytes <= LARGEST_COORDINATE
        if small and str(name) not in aside and _role(str(name), array) == role:
            yield array


def _finite(array: xr.DataArray) -> np.ndarray[Any, Any]:
    import numpy as np

    if array.dtype.kind not in "iuf":
        return np.empty(0)
    values = np.asarray(array.to_numpy(), dtype=float).ravel()
    finite: np.ndarray[Any, Any] = values[np.isfinite(values)]
    return finite


def _bbox(dataset: xr.Dataset) -> tuple[float, float, float, float] | None:
    lats, lons = ([_finite(a) for a in _coordinates(dataset, r)] for r in "yx")
    south, north = _range(v for v in lats if v.size and abs(v).max() <= 90.001)
    if south is None or north is None:
        return None
    spans = [s for v in lons if v.size and (s := _longitudes(v))]
    if not spans:
        return None
    return (spans[0][0], max(south, -90.0), spans[0][1], min(north, 90.0))


def _stated_bbox(dataset: xr.Dataset) -> tuple[float, float, float, float] | None:
    """Return the box that its attributes state (ACDD 1.3), where no coordinate tells one."""
    names = ("lon_min", "lat_min", "lon_max", "lat_max")
    try:
        west, south, east, north = (float(dataset.attrs[f"geospatial_{n}"]) for n in names)
    except (KeyError, TypeError, ValueError):
        return None
    if not (-90.001 <= south <= north <= 90.001 and -360.001 <= west <= 360.001 >= east >= -360):
        return None
    if east - west >= 360:
        return (-180.0, max(south, -90.0), 180.0, min(north, 90.0))
    return (_wrap(west), max(south, -90.0), -_wrap(-east), min(north, 90.0))


def _range(arrays: Iterator[Any]) -> tuple[float | None, float | None]:
    found = [(round(float(v.min()), 6), round(float(v.max()), 6)) for v in arrays]
    return (min(f[0] for f in found), max(f[1] for f in found)) if found else (None, None)


def _longitudes(values: np.ndarray[Any, Any]) -> tuple[float, float] | None:
    """West and east from -180 to 180, either side of the widest gap around the globe.

    West is the greater where the antimeridian is crossed. Data whose widest gap is no wider than
    two of its steps, or than :data:`WIDEST_GAP`, goes around.
    """
    import numpy as np

    if values.min() < -360.001 or values.max() > 720.001:
        return None
    around = np.unique(values % 360)
    gaps = np.diff(around, append=around[0] + 360)
    widest = int(gaps.argmax())
    rest = np.delete(gaps, widest)
    if rest.size and gaps[widest] <= max(2 * float(np.median(rest)), WIDEST_GAP):
        return (-180.0, 180.0)
    west, east = around[(widest + 1) % around.size], around[widest]
    return (_wrap(float(west)), -_wrap(-float(east)))


def _wrap(degrees: float) -> float:
    return round((degrees + 180) % 360 - 180, 6)


def _interval(dataset: xr.Dataset) -> str | None:
    found = [ends for a in _coordinates(dataset, "t") if (ends := _ends(a))]
    if not found:
        return None
    return f"{min(e[0] for e in found)}/{max(e[1] for e in found)}"


def _ends(array: xr.DataArray) -> tuple[str, str] | None:
    """First and last time as RFC 3339; None where it is no time of the years 1 to 9999."""
    import numpy as np

    values = array.to_numpy().ravel()
    if values.dtype.kind == "M":
        values = values[~np.isnat(values)]
    elif not _is_cftime(array):
        return None
    if not values.size:
        return None
    low, high = _stamp(values.min()), _stamp(values.max())
    return (low, high) if low and high else None


def _stamp(moment: Any) -> str | None:
    if hasattr(moment, "calendar"):
        year, month = int(moment.year), int(moment.month)
        if not 1 <= year <= 9999:
            return None
        day = min(int(moment.day), calendar.monthrange(year, month)[1])
        return (
            f"{year:04}-{month:02}-{day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}Z"
        )
    text = str(moment.astype("datetime64[s]"))
    return (
        f"{text}Z"
        if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}", text) and text[:4] != "0000"
        else None
    )


def _dimension(dataset: xr.Dataset, name: str, size: int) -> Dimension:
    index = Dimension(name, "index", size=size, extent=(0, max(size - 1, 0)))
    if name not in dataset.coords or dataset[name].ndim != 1 or not size:
        return index
    array = dataset[name]
    role = _role(name, array)
    if role == "t":
        ends = _ends(array)
        return Dimension(name, "temporal", size=size, extent=ends) if ends else index
    values = _finite(array)
    if not values.size:
        return index
    unit = _text(array.attrs.get("units")) or None
    steps = values[1:] - values[:-1]
    regular = steps.size and math.isclose(steps.min(), steps.max(), rel_tol=1e-3)
    return Dimension(
        name,
        "spatial" if role in ("x", "y", "z") else "other",
        axis=role or None,
        size=size,
        extent=(float(values.min()), float(values.max())),
        unit=unit,
        step=float(steps.mean()) if regular else None,
    )
