"""The dataset that the tools are tried on, and what may hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr


@pytest.fixture(scope="module")
def plain() -> xr.Dataset:
    rng = np.random.default_rng(1)
    values = rng.normal(280, 10, (30, 4, 18, 36)).astype(np.float32)
    values[rng.random(values.shape) < 0.05] = np.nan
    ds = xr.Dataset(
        {"t": (("time", "depth", "lat", "lon"), values, {"units": "K"})},
        {
            "time": np.arange("2001-01", "2003-07", dtype="M8[M]").astype("M8[ns]"),
            "depth": ("depth", [5.0, 20.0, 50.0, 100.0], {"units": "m", "positive": "down"}),
            "lat": ("lat", np.arange(-85.0, 90, 10), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(5.0, 360, 10), {"units": "degrees_east"}),
        },
    )
    ds.t.encoding["chunks"] = (7, 2, 9, 12)
    return ds


@pytest.fixture(scope="module")
def held(plain: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("tools")
    plain.to_zarr(folder / "a.zarr", zarr_format=2, consolidated=True)
    plain.to_netcdf(folder / "a.nc", engine="h5netcdf")
    stored = xr.open_zarr(folder / "a.zarr", chunks=None)
    with xr.open_dataset(folder / "a.nc", engine="h5netcdf") as file:
        yield {
            "numpy": plain,
            "dask": plain.chunk(time=11, depth=1, lat=5, lon=36),
            "zarr": stored,
            "dask-zarr": xr.open_zarr(folder / "a.zarr"),
            "netcdf": file,
        }
