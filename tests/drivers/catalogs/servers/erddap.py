"""A small server that speaks ERDDAP's documented shapes, over real DAP2 and NetCDF.

It is no ERDDAP: none can be installed here. Search, the list of datasets, their information, the
answer where nothing matches, and tables as NetCDF-3 with their headers are of ERDDAP's form;
``griddap`` is pydap's DAP2.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

import numpy as np
import xarray as xr

from tests.drivers.catalogs.servers import dap
from tests.drivers.catalogs.servers.wsgi import App

_TYPES = {"float64": "double", "float32": "float", "int32": "int", "int16": "short", "int8": "byte"}
_INDEX = ("griddap", "Subset", "tabledap", "Accessible", "Title", "Summary", "Info", "Institution",
          "Dataset ID")  # fmt: skip
_INFO = ("Row Type", "Variable Name", "Attribute Name", "Data Type", "Value")


def erddap(
    base: Callable[[], str], grids: Mapping[str, xr.Dataset], tables: Mapping[str, xr.Dataset]
) -> App:
    """Serve datasets, values as they are stored, below ``/erddap``.

    Parameters
    ----------
    base
        Gives the server's own address.
    tables
        Datasets of one dimension, ``row``.
    """
    served = dap.grids(grids)
    held = {**grids, **tables}

    def app(environ: dict[str, Any], start: Any) -> Any:
        path = environ["PATH_INFO"].removeprefix("/erddap/")
        query = {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        if path.startswith("griddap/"):
            return served({**environ, "PATH_INFO": path.removeprefix("griddap")}, start)
        if path in ("info/index.json", "search/index.json", "search/advanced.json"):
            names = [n for n, ds in held.items() if "search" not in path or _fits(n, ds, query)]
            page, size = int(query.get("page", 1)), int(query.get("itemsPerPage", 1000))
            names = names[(page - 1) * size : page * size]
            rows = [_row(base(), n, held[n], grids=n in grids) for n in names]
            return _json(start, _INDEX, rows) if rows else _none(start)
        parts = unquote(path).split("/")
        if parts[0] == "info" and len(parts) == 3 and parts[1] in held:
            return _json(start, _INFO, _information(held[parts[1]]))
        name, _, ending = parts[-1].partition(".")
        if parts[0] == "tabledap" and name in tables:
            return _table(start, tables[name], ending)
        return _none(start)

    return app


def _json(start: Any, names: tuple[str, ...], rows: list[list[Any]]) -> list[bytes]:
    table = {"columnNames": names, "columnTypes": ["String"] * len(names), "rows": rows}
    start("200 OK", [("Content-Type", "application/json;charset=UTF-8")])
    return [json.dumps({"table": table}).encode()]


def _none(start: Any) -> list[bytes]:
    start("404 Not Found", [("Content-Type", "text/plain;charset=UTF-8")])
    said = "Not Found: Your query produced no matching results."
    return [f'Error {{\n    code=404;\n    message="{said}";\n}}\n'.encode()]


def _row(base: str, name: str, dataset: xr.Dataset, *, grids: bool) -> list[str]:
    at = f"{base}/erddap"
    grid = f"{at}/griddap/{name}" if grids else ""
    table = "" if grids else f"{at}/tabledap/{name}"
    attrs = dataset.attrs
    return [grid, "", table, "public", attrs["title"], attrs.get("summary", ""),
            f"{at}/info/{name}/index.json", attrs.get("institution", ""), name]  # fmt: skip


def _fits(name: str, dataset: xr.Dataset, query: Mapping[str, str]) -> bool:
    """Each word is in the metadata; the ranges asked for overlap those of the dataset."""
    text = json.dumps(_information(dataset)).casefold() + name.casefold()
    wanted = query.get("searchFor", "").casefold().split()
    ranges = {}
    for key, variable in (("Lon", "longitude"), ("Lat", "latitude"), ("Time", "time")):
        if variable in dataset.variables:
            ranges[key] = tuple(map(float, _range(dataset[variable].values)))
    for key in ("Lon", "Lat", "Time"):
        low, high = (query.get(f"{end}{key}", "(ANY)") for end in ("min", "max"))
        if (low, high) == ("(ANY)", "(ANY)"):
            continue
        if key not in ranges:
            return False
        if low != "(ANY)" and ranges[key][1] < float(low):
            return False
        if high != "(ANY)" and ranges[key][0] > float(high):
            return False
    return all(word in text for word in wanted)


def _information(dataset: xr.Dataset) -> list[list[str]]:
    rows = _attributes("NC_GLOBAL", dataset.attrs)
    gridded = [d for d in dataset.dims if d in dataset.variables]
    for name in gridded:
        values = dataset[name].values
        many = f"nValues={values.size}, evenlySpaced=true, averageSpacing=1.0"
        rows.append(["dimension", str(name), "", _TYPES[str(values.dtype)], many])
        rows += _attributes(str(name), {**dataset[name].attrs, "actual_range": _range(values)})
    for name, array in dataset.variables.items():
        if name in gridded:
            continue
        kind = _TYPES.get(str(array.dtype), "String")
        rows.append(
            ["variable", str(name), "", kind, ", ".join(map(str, array.dims if gridded else ()))]
        )
        attrs = dict(array.attrs)
        if kind != "String" and not gridded:
            attrs["actual_range"] = _range(array.values)
        rows += _attributes(str(name), attrs)
    return rows


def _range(values: np.ndarray) -> np.ndarray:
    known = values[values > -1e29]
    return np.array([known.min(), known.max()])


def _attributes(name: str, attrs: Mapping[Any, Any]) -> list[list[str]]:
    rows = []
    for key, value in attrs.items():
        array = np.atleast_1d(value)
        kind = _TYPES.get(str(array.dtype), "String")
        rows.append(["attribute", name, str(key), kind, ", ".join(map(str, array.tolist()))])
    return rows


def _table(start: Any, table: xr.Dataset, ending: str) -> list[bytes]:
    if ending == "ncHeader":
        lines = [f"    {n}(row=...)" for n in table.variables]
        start("200 OK", [("Content-Type", "text/plain")])
        head = [
            "netcdf table {",
            "  dimensions:",
            f"    row = {table.sizes['row']};",
            "  variables:",
        ]
        return ["\n".join([*head, *lines, "}"]).encode()]
    if ending == "nc":
        held = io.BytesIO(table.to_netcdf(engine="scipy", format="NETCDF3_CLASSIC"))
        start("200 OK", [("Content-Type", "application/x-netcdf")])
        return [held.getvalue()]
    return _none(start)
