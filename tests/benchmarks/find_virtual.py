"""Opening 100 NetCDF files: one of them, all by ``open_mfdataset``, all through a virtual store.

A file holds a day: 24 hours of 181 by 360, compressed. The three take turns; the values that are
read afterwards are the same ones.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from portal.drivers.catalogs.folder import FolderCatalog
from portal.virtual.collect import virtualize
from tests.benchmarks.report import figure

FILES = 100
ROUNDS = 5
HOURS, SOUTH_NORTH, WEST_EAST = 24, 181, 360


def write(directory: Path) -> list[Path]:
    """Write the files."""
    lat, lon = np.arange(SOUTH_NORTH) - 90.0, np.arange(WEST_EAST) - 180.0
    hours = np.arange(HOURS) * np.timedelta64(1, "h")
    encoding = {
        "t2m": {"zlib": True, "complevel": 1, "chunksizes": (1, SOUTH_NORTH, WEST_EAST)},
        "time": {"units": "hours since 2001-01-01"},
    }
    field = np.round(288 + 30 * np.cos(np.radians(lat))[:, None] + np.zeros(WEST_EAST), 1)
    found = []
    for day in range(FILES):
        start = np.datetime64("2001-01-01", "ns") + np.timedelta64(day, "D")
        values = np.repeat(field[None].astype("f4"), HOURS, 0) + np.float32(day)
        data = xr.Dataset(
            {"t2m": (("time", "lat", "lon"), values)},
            {"time": start + hours, "lat": lat, "lon": lon},
        )
        found.append(directory / f"{day:03}.nc")
        data.to_netcdf(found[-1], engine="h5netcdf", encoding=encoding)
    return found


def figures() -> list[dict[str, Any]]:
    """Open in turns, then read one hour's mean."""
    with tempfile.TemporaryDirectory() as directory:
        files = write(Path(directory))
        began = time.perf_counter()
        virtualize(files, Path(directory) / "all")
        made = time.perf_counter() - began
        catalog = FolderCatalog("bench", path=directory, pattern="all")
        (item,) = catalog.items()
        one = FolderCatalog("bench", path=directory, pattern="000.nc")
        (first,) = one.items()
        ways: dict[str, Callable[[], xr.Dataset]] = {
            "one": lambda: one.open(first),
            "many": lambda: _many(files),
            "virtual": lambda: catalog.open(item),
        }
        opened: dict[str, list[float]] = {name: [] for name in ways}
        means = {}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = time.perf_counter()
                dataset = way()
                opened[name].append(1000 * (time.perf_counter() - began))
                means[name] = float(dataset["t2m"].isel(time=-1).mean())
                dataset.close()
    if means["many"] != means["virtual"]:
        raise AssertionError(f"the ways read different values: {means}")
    took = {name: statistics.median(values) for name, values in opened.items()}
    return [
        figure(
            f"open {FILES} files through a virtual store",
            took["virtual"],
            "ms",
            goal=took["one"],
            peer="open_mfdataset",
            peer_value=took["many"],
        ),
        figure("open one of the files", took["one"], "ms"),
        figure(f"make the virtual store of {FILES} files", made, "s"),
    ]


def _many(files: list[Path]) -> xr.Dataset:
    return xr.open_mfdataset(
        files,
        engine="h5netcdf",
        chunks={},
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
        combine="nested",
        concat_dim="time",
    )
