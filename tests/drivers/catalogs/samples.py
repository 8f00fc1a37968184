"""One small dataset, written in every format that a folder may hold."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import xarray as xr

#: What is written, the names of the variable apart: 3 times, 4 latitudes, 5 longitudes.
FORMATS = (
    "three.zarr", "two.zarr", "three.zarr.zip", "ice", "four.nc", "classic.nc", "records.nc",
    "plain.h5", "kerchunk.json", "table.parq",
)  # fmt: skip


def grid() -> xr.Dataset:
    """3 times, 4 latitudes (north first), 5 longitudes."""
    time = np.arange("2001-01-01", "2001-01-04", dtype="datetime64[D]").astype("datetime64[ns]")
    values = np.arange(60, dtype="f4").reshape(3, 4, 5)
    told = {"standard_name": "air_temperature", "units": "K"}
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), values, told)},
        coords={
            "time": ("time", time, {"standard_name": "time"}),
            "lat": ("lat", [50.0, 40, 30, 20], {"units": "degrees_north"}),
            "lon": ("lon", np.arange(5) * 10.0, {"units": "degrees_east"}),
        },
        attrs={"title": "Air temperature of a box"},
    )


def write(root: Path, url: str = "") -> None:
    """Write all of :data:`FORMATS`.

    Parameters
    ----------
    url
        What the references name the directory by; itself without one.
    """
    import h5py

    data = grid().chunk(time=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        data.to_zarr(root / "three.zarr", consolidated=True, zarr_format=3)
    data.to_zarr(root / "two.zarr", consolidated=True, zarr_format=2)
    with zipfile.ZipFile(root / "three.zarr.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted((root / "three.zarr").rglob("*")):
            packed.write(path, path.relative_to(root / "three.zarr"))
    write_icechunk(root / "ice")
    parts = {"t2m": {"chunksizes": (1, 4, 5)}}
    data.to_netcdf(root / "four.nc", engine="h5netcdf", encoding=parts)
    data.to_netcdf(root / "classic.nc", engine="netcdf4", format="NETCDF3_CLASSIC")
    data.to_netcdf(
        root / "records.nc", engine="netcdf4", format="NETCDF3_64BIT", unlimited_dims=["time"]
    )
    with h5py.File(root / "plain.h5", "w") as file:
        file.create_dataset("entry/t2m", data=grid()["t2m"].values, chunks=(1, 4, 5))
    refs = references(root / "two.zarr", f"{url or root}/two.zarr")
    (root / "kerchunk.json").write_text(json.dumps({"version": 1, "refs": refs}))
    write_table(root / "table.parq", refs)


def write_icechunk(path: Path) -> None:
    """Write the dataset as an Icechunk repository."""
    import icechunk

    repository = icechunk.Repository.create(icechunk.local_filesystem_storage(str(path)))
    session = repository.writable_session("main")
    grid().chunk(time=1).to_zarr(session.store, consolidated=False)
    session.commit("the dataset")


def references(store: Path, url: str) -> dict[str, object]:
    """A Zarr store of format 2 as references: its metadata inline, its chunks by address."""
    refs: dict[str, object] = {}
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        key = str(path.relative_to(store))
        if path.name == ".zmetadata":
            continue
        if path.name.startswith(".z"):
            refs[key] = path.read_text()
        else:
            refs[key] = [f"{url}/{key}", 0, path.stat().st_size]
    return refs


def write_table(path: Path, refs: dict[str, object]) -> None:
    """Write references as kerchunk's Parquet files, ten rows each."""
    import pyarrow as pa
    from pyarrow import parquet

    metadata = {k: json.loads(str(v)) for k, v in refs.items() if "/.z" in f"/{k}"}
    path.mkdir()
    (path / ".zmetadata").write_text(json.dumps({"metadata": metadata, "record_size": 10}))
    for key, node in metadata.items():
        if not key.endswith(".zarray"):
            continue
        name = key.removesuffix("/.zarray")
        counts = [-(-n // c) for n, c in zip(node["shape"], node["chunks"], strict=True)]
        rows = []
        for place in np.ndindex(*counts):
            found = refs.get(f"{name}/{'.'.join(map(str, place))}", [None, 0, 0])
            rows.append((*found, None))
        (path / name).mkdir()
        columns = dict(zip(("path", "offset", "size", "raw"), zip(*rows, strict=True), strict=True))
        types = {"path": pa.string(), "offset": pa.int64(), "size": pa.int64(), "raw": pa.binary()}
        table = pa.table({k: pa.array(list(v), types[k]) for k, v in columns.items()})
        parquet.write_table(table, path / name / "refs.0.parq")


def write_geotiff(path: Path) -> None:
    """Two bands of 200 by 300, in tiles."""
    import rasterio
    from affine import Affine

    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=200, count=2, dtype="int16", nodata=-9999,
        crs="EPSG:4326", transform=Affine(0.1, 0, -120, 0, -0.1, 50), tiled=True,
        blockxsize=128, blockysize=128, compress="deflate",
    ) as file:  # fmt: skip
        values = np.arange(300 * 200 * 2) % 3000
        file.write(values.astype("i2").reshape(2, 200, 300))


def write_grib(path: Path, *, heights: bool = False, steps: int = 3, day: int = 1) -> None:
    """Air temperature on a regular grid, one message for each step (and one of wind).

    Parameters
    ----------
    heights
        Whether messages on two other levels are added, which make another hypercube each.
    day
        Of January 2001; the values of each are greater by one.
    """
    import eccodes

    def message(name: str, kind: str, level: int, step: int, file: object) -> None:
        handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
        told = {
            "dataDate": 20010100 + day, "dataTime": 0, "Ni": 5, "Nj": 4,
            "latitudeOfFirstGridPointInDegrees": 50, "latitudeOfLastGridPointInDegrees": 20,
            "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 40,
            "iDirectionIncrementInDegrees": 10, "jDirectionIncrementInDegrees": 10,
            "typeOfLevel": kind, "level": level, "shortName": name, "stepRange": str(step),
        }  # fmt: skip
        for key, value in told.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.arange(20.0) + 20 * step + level + day - 1)
        eccodes.codes_write(handle, file)
        eccodes.codes_release(handle)

    with path.open("wb") as file:
        for step in range(steps):
            message("t", "isobaricInhPa", 500, step, file)
        if heights:
            message("2t", "heightAboveGround", 2, 0, file)
            message("10u", "heightAboveGround", 10, 0, file)
