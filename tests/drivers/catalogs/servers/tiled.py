"""A real Tiled server: ``tiled serve catalog`` on SQLite, with an API key, and data written by its client."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tests.drivers.catalogs.servers.processes import free_port, http_answers, process


@contextmanager
def tiled_server(directory: Path) -> Iterator[tuple[str, str]]:
    """Start one whose catalog and log lie in a directory; give its URL and its API key.

    The key reaches it by its environment, not by its command line.
    """
    key = secrets.token_hex(16)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (directory / "data").mkdir(parents=True)
    command = [
        Path(sys.executable).parent / "tiled", "serve", "catalog", directory / "catalog.db",
        "--init", "--write", directory / "data", "--port", str(port),
    ]  # fmt: skip
    own = {
        "TILED_SINGLE_USER_API_KEY": key,
        "TILED_CACHE_DIR": str(directory / "cache"),
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
    }
    with process(command, ready=http_answers(f"{url}/healthz"), log=log_of(directory), env=own):
        yield url, key


def log_of(directory: Path) -> Path:
    """Where the server writes what it is asked."""
    return directory / "server.log"


@contextmanager
def client_of(url: str, key: str) -> Iterator[Any]:
    """Tiled's own client, to write with."""
    from tiled.client import from_uri

    root = from_uri(url, api_key=key, remember_me=False, show_progress=False)
    try:
        yield root
    finally:
        root.context.close()


def sea() -> xr.Dataset:
    """A year of sea surface temperature on a small grid, with what describes it."""
    rng = np.random.default_rng(11)
    time = (np.array("2010-01", "M8[M]") + np.arange(12)).astype("M8[ns]")
    sst = rng.normal(288, 5, (12, 4, 8)).astype("f4")
    about = {
        "units": "K",
        "standard_name": "sea_surface_temperature",
        "long_name": "temperature of the sea's skin",
    }
    return xr.Dataset(
        {"sst": (("time", "lat", "lon"), sst, about), "count": (("time",), np.arange(12))},
        coords={
            "time": time,
            "lat": ("lat", [-30.0, -10, 10, 30], {"units": "degrees_north"}),
            "lon": ("lon", np.arange(120.0, 160, 5), {"units": "degrees_east"}),
        },
        attrs={
            "title": "Sea surface temperature by satellite",
            "summary": "Monthly means.",
            "keywords": "ocean, satellite",
            "license": "CC-BY-4.0",
            "bbox": [120.0, -30.0, 155.0, 30.0],
            "time_coverage_start": "2010-01-01",
            "time_coverage_end": "2010-12-01",
        },
    )


def write_sample(url: str, key: str) -> None:
    """Write two arrays, an xarray dataset, a table and a Bluesky-like run."""
    import dask.array as da
    import pandas as pd
    from tiled.client.xarray import write_xarray_dataset
    from tiled.structures.core import Spec

    with client_of(url, key) as root:
        write_xarray_dataset(root, sea(), key="sst")
        image = da.from_array(np.arange(60, dtype="u2").reshape(6, 10), chunks=(2, 5))
        about = {"title": "Diffraction of a nickel foil", "bbox": [-72.9, 40.8, -72.8, 40.9]}
        images = root.create_container(key="images")
        images.write_array(image, key="nickel", metadata=about, dims=["y", "x"])
        images.write_array(np.arange(5.0), key="bare")
        images.write_array(np.array(3.5), key="scalar")
        images.write_array(np.empty((0, 4)), key="empty")
        root.write_table(pd.DataFrame({"a": [1, 2]}), key="table")
        run = root.create_container(
            key="run-0001",
            specs=[Spec("BlueskyRun", "1")],
            metadata={
                "start": {
                    "uid": "run-0001", "plan_name": "grid_scan", "scan_id": 4711,
                    "sample": {"name": "LaB6"}, "time": 1_600_000_000.0,
                },
                "stop": {"time": 1_600_000_360.0, "exit_status": "success"},
            },
        )  # fmt: skip
        primary = run.create_container(key="primary", metadata={"descriptors": []})
        stream = xr.Dataset(
            {"det": (("time",), np.arange(7.0), {"units": "counts"})},
            coords={"time": 1_600_000_000.0 + np.arange(7)},
        )
        write_xarray_dataset(primary, stream, key="data")
