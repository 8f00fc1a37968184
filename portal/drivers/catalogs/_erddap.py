"""What ERDDAP says of a dataset (``/info/ID/index.json``), and its tables as lazy datasets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from portal.core.asset import Provider
from portal.core.query import BBox, Interval
from portal.core.variable import Dimension, Variable
from portal.drivers.catalogs import _fields
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import InvalidItem, TooLarge

if TYPE_CHECKING:
    import xarray as xr

#: A table of more bytes than this is not opened whole.
LARGEST_TABLE = 256 * 2**20
#: ERDDAP's types, as NetCDF-3 and DAP2 hold them.
TYPES = {
    "byte": "i1", "ubyte": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "long": "f8", "ulong": "f8", "float": "f4", "double": "f8",
}  # fmt: skip
_TEXT_BYTES = 64
_ALTERED = ("_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned")
_CODING = ("units", "calendar", *_ALTERED)
_AXES = {"longitude": "x", "latitude": "y", "altitude": "z", "depth": "z"}
_ROWS = re.compile(r"\brow\s*=\s*(\d+)\s*;")


@dataclass(slots=True)
class Information:
    """The rows of an information table.

    Parameters
    ----------
    attributes
        Values by variable and name; those of the whole under ``NC_GLOBAL``.
    variables
        ERDDAP's type and the dimensions of each data variable.
    dimensions
        The number of values of each dimension; none for a table.
    """

    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    dimensions: dict[str, int] = field(default_factory=dict)


def information(rows: Iterable[dict[str, Any]]) -> Information:
    """Read an information table.

    Raises
    ------
    InvalidItem
        It describes no variables.
    """
    found = Information()
    for row in rows:
        kind, name = row.get("Row Type"), str(row.get("Variable Name", ""))
        value, of = str(row.get("Value") or ""), str(row.get("Data Type", ""))
        if kind == "attribute":
            typed = _typed(value, of)
            found.attributes.setdefault(name, {})[str(row.get("Attribute Name", ""))] = typed
        elif kind == "dimension" and (size := re.search(r"nValues=(\d+)", value)):
            found.dimensions[name] = int(size[1])
        elif kind == "variable":
            found.variables[name] = (of, tuple(d.strip() for d in value.split(",") if d.strip()))
    if not found.variables:
        raise InvalidItem(
            "The information of a dataset names no variables",
            found=f"attributes of {', '.join(found.attributes) or 'nothing'}"[:200],
            advice="Check the server's /info page of it.",
        )
    return found


def _typed(value: str, kind: str) -> Any:
    if kind not in TYPES:
        return value
    numbers = [_fields.number(part) for part in value.split(",")]
    plain = [n for n in numbers if n is not None]
    return plain[0] if len(plain) == 1 else plain


def record(found: Information) -> dict[str, Any]:
    """Return the keywords of :meth:`portal.core.item.Item.build` that the information gives."""
    said = found.attributes.get("NC_GLOBAL", {})
    about = _fields.text(said.get("summary"))
    licence = _fields.licence(said.get("license"))
    if licence == "other" and (words := _fields.text(said.get("license"))):
        about = f"{about}\n\nLicence: {words}".strip()
    keywords = [w.strip() for w in _fields.text(said.get("keywords")).split(",")]
    maker = _fields.text(said.get("institution"))
    doi = _fields.doi(said.get("doi")) or _fields.doi(said.get("id"))
    return {
        "title": " ".join(_fields.text(said.get("title")).split()) or "dataset",
        "description": about,
        "license": licence,
        "doi": doi,
        "citation": _fields.text(said.get("citation")),
        "keywords": [k for k in (*keywords, _fields.text(said.get("cdm_data_type"))) if k],
        "providers": [Provider(maker, ("producer",))] if maker else [],
        "bbox": _box(found),
        "time": _time(found),
        "variables": [variable(found, name) for name in found.variables],
        "dimensions": [_dimension(found, name) for name in found.dimensions],
        "links": _fields.links(said.get("infoUrl"), doi),
    }


def variable(found: Information, name: str) -> Variable:
    """Describe a variable as it opens: where decoding alters its type or units, they are left out."""
    attrs = found.attributes.get(name, {})
    kind, dims = found.variables[name]
    long_name, standard, units = (
        _fields.text(attrs.get(k)) for k in ("long_name", "standard_name", "units")
    )
    timed = " since " in units
    altered = timed or kind == "byte" or any(key in attrs for key in _ALTERED)
    names = {"f4": "float32", "f8": "float64", "i2": "int16", "i4": "int32"}
    return Variable(
        name,
        dims,
        long_name,
        standard,
        "" if timed else units,
        "" if altered else names.get(TYPES.get(kind, ""), ""),
    )


def _range(found: Information, name: str) -> tuple[float, float] | None:
    ends = found.attributes.get(name, {}).get("actual_range")
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    return (min(ends), max(ends))


def _dimension(found: Information, name: str) -> Dimension:
    size, ends = found.dimensions[name], _range(found, name)
    if ends is None:
        return Dimension(name, "index", size=size, extent=(0, max(size - 1, 0)))
    if name == "time":
        extent = tuple(_fields.millis(end * 1000) for end in ends)
        return Dimension(name, "temporal", size=size, extent=(extent[0], extent[1]))
    axis = _AXES.get(name)
    units = _fields.text(found.attributes.get(name, {}).get("units"))
    kind = "spatial" if axis else "other"
    return Dimension(name, kind, axis=axis, size=size, extent=ends, unit=units or None)


def _box(found: Information) -> BBox | None:
    said = found.attributes.get("NC_GLOBAL", {})
    lon = _range(found, "longitude") or [said.get(f"geospatial_lon_{e}") for e in ("min", "max")]
    lat = _range(found, "latitude") or [said.get(f"geospatial_lat_{e}") for e in ("min", "max")]
    return _fields.box(lon[0], lat[0], lon[1], lat[1])


def _time(found: Information) -> Interval | None:
    ends = _range(found, "time")
    if ends is not None:
        return _fields.period([_fields.millis(end * 1000) for end in ends])
    said = found.attributes.get("NC_GLOBAL", {})
    return _fields.period([said.get("time_coverage_start"), said.get("time_coverage_end")])


@dataclass(frozen=True, slots=True)
class Table:
    """Downloads a table as NetCDF-3; it can be sent to another process."""

    url: str
    reach: Reach
    timeout: float
    most: int

    def __call__(self) -> dict[str, Any]:
        """Return the values of every column."""
        import netCDF4
        import numpy as np

        from portal.drivers.catalogs._dap import decoding
        from portal.drivers.catalogs._fetch import fetch

        data = fetch(self.reach, self.url, timeout=self.timeout, most=self.most)
        with decoding(self.url), netCDF4.Dataset("table", memory=data) as held:
            held.set_auto_maskandscale(False)
            held.set_auto_chartostring(False)
            return {
                name: np.asarray(
                    [b"".join(row).decode("utf-8", "replace").strip("\0 ") for row in v[:]], object
                )
                if v.dtype.kind == "S" and v.ndim == 2
                else v[:]
                for name, v in held.variables.items()
            }


def open_table(url: str, found: Information, reach: Reach, *, timeout: float) -> xr.Dataset:
    """Open a table lazily, its columns along the dimension ``row``.

    Its header is read for the number of rows. The whole table is downloaded once, when something
    of it is computed: a server gives distinct rows where it is asked for some columns only.

    Raises
    ------
    TooLarge
        It has more bytes than :data:`LARGEST_TABLE`.
    Unavailable, Denied, Unreadable, UnknownItem
    """
    import dask.array as da
    import numpy as np
    import xarray as xr
    from dask.delayed import delayed

    from portal.drivers.catalogs._dap import decoding
    from portal.drivers.catalogs._fetch import fetch, rubbish

    head = fetch(reach, f"{url}.ncHeader", timeout=timeout, most=2**22)
    rows = _ROWS.search(head.decode("utf-8", "replace"))
    if rows is None:
        raise rubbish(f"{url}.ncHeader", head, "the header of a table")
    count = int(rows[1])
    dtypes = {n: np.dtype(TYPES.get(kind, "O")) for n, (kind, _) in found.variables.items()}
    size = count * sum(_TEXT_BYTES if t.kind == "O" else t.itemsize for t in dtypes.values())
    if size > LARGEST_TABLE:
        raise TooLarge(
            f"The table {shown(url)} is too large to be opened whole",
            found=f"{count:,} rows of {len(dtypes)} columns, about {size:,} bytes",
            advice=f"Take a part of it from its page, {shown(url)}.html",
        )
    table = delayed(Table(f"{url}.nc", reach, timeout, 4 * math.ceil(size) + 2**22))()
    columns = {}
    for name, stored in dtypes.items():
        attrs = {k: _as(v, stored) for k, v in found.attributes.get(name, {}).items()}
        timed = " since " in str(attrs.get("units", ""))
        dtype = np.dtype("M8[ns]") if timed else stored
        coding = {k: attrs.pop(k) for k in _CODING if timed and k in attrs}
        values = delayed(_column)(table, name, count, coding, dtype)
        array = da.from_delayed(values, (count,), dtype)  # type: ignore[no-untyped-call]
        columns[name] = xr.Variable("row", array, attrs)
    with decoding(url):
        aside = {n: v for n, v in columns.items() if v.dtype.kind in "OM"}
        rest = xr.Dataset({n: v for n, v in columns.items() if n not in aside})
        decoded = xr.decode_cf(rest, decode_times=False, decode_coords=False)
        whole = decoded.assign(aside)[list(columns)]
        return whole.assign_attrs(found.attributes.get("NC_GLOBAL", {}))


def _column(
    table: dict[str, Any], name: str, count: int, coding: dict[str, Any], dtype: Any
) -> Any:
    """Take a column out of a table; times are decoded here, where the values are at hand."""
    import numpy as np
    import xarray as xr

    from portal.errors import Unreadable

    values = table.get(name)
    if values is None or np.shape(values) != (count,):
        raise Unreadable(
            f"The table has no column {name!r} of {count:,} rows",
            found="none" if values is None else f"the shape {np.shape(values)}",
            advice="It has grown: open it anew.",
        )
    if dtype.kind == "M":
        raw = xr.Variable("row", np.asarray(values, float), coding)
        return xr.conventions.decode_cf_variable(name, raw).to_numpy().astype(dtype)
    return np.asarray(values).astype(dtype)


def _as(value: Any, dtype: Any) -> Any:
    """Give an attribute the type of its column where it is one of its values."""
    return dtype.type(value) if isinstance(value, float) and dtype.kind in "iuf" else value
