"""DAP2 by pydap's own server, of NetCDF files in a directory and of datasets in memory.

The handler of files is one of ours. pydap 3.5.9 has its own, which answers no part of a variable:
its ``LazyVariable`` gives every part the shape of the whole. It has no grids either, as Hyrax,
THREDDS and ERDDAP have.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

with warnings.catch_warnings():
    # webob imports cgi, gunicorn imports pkg_resources where it is there.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pydap.handlers.lib import BaseHandler
    from pydap.model import BaseType, DatasetType, GridType
    from pydap.wsgi.app import DapServer
    from pydap.wsgi.ssf import ServerSideFunctions

from tests.drivers.catalogs.servers.wsgi import App


def directory(path: Path) -> App:
    """pydap's server of a directory: its listing at ``/``, its files as DAP2."""
    app = DapServer(str(path))
    app.handlers = [_File]
    served: App = app
    return served


def grids(datasets: Mapping[str, xr.Dataset]) -> App:
    """Serve datasets by name as Hyrax, THREDDS and ERDDAP do: arrays with coordinates are grids."""
    apps = {name: ServerSideFunctions(_Grids(name, ds)) for name, ds in datasets.items()}

    def app(environ: dict[str, Any], start: Any) -> Any:
        name, _, _ = environ["PATH_INFO"].strip("/").rpartition(".")
        if name not in apps:
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no such dataset"]
        return apps[name](environ, start)

    return app


class _Grids(BaseHandler):
    """A dataset in memory, its values as they are stored."""

    def __init__(self, name: str, dataset: xr.Dataset) -> None:
        super().__init__()
        held = DatasetType(name, attributes={"NC_GLOBAL": _plain(dataset.attrs)})
        for key, array in dataset.variables.items():
            if key in dataset.dims:
                held[key] = _base(str(key), array)
        for key, array in dataset.variables.items():
            if key in dataset.dims:
                continue
            if all(d in dataset.variables for d in array.dims) and array.ndim:
                grid = GridType(str(key), attributes=_plain(array.attrs))
                grid[key] = _base(str(key), array)
                for dim in array.dims:
                    grid[dim] = _base(str(dim), dataset.variables[dim])
                held[key] = grid
            else:
                held[key] = _base(str(key), array)
        self.dataset = held


class _File(_Grids):
    """A NetCDF file."""

    extensions = re.compile(r"^.*\.nc$")

    def __init__(self, filepath: str) -> None:
        with xr.open_dataset(filepath, decode_cf=False, engine="h5netcdf") as dataset:
            super().__init__(Path(filepath).name, dataset.load())


def _base(name: str, array: xr.Variable) -> BaseType:
    values = array.to_numpy()
    if values.dtype == np.int64:
        values = values.astype(np.int32)
    return BaseType(name, values, dims=tuple(map(str, array.dims)), attributes=_plain(array.attrs))


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(k): v.tolist() if isinstance(v, np.ndarray | np.generic) else v
        for k, v in attrs.items()
    }
