"""Open GRIB files (cfgrib) and GeoTIFFs (rioxarray) lazily, once their headers have been weighed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._describe import tidy
from portal.drivers.catalogs._guard import LARGEST_COORDINATE, Array, Store, weigh
from portal.drivers.catalogs._needs import need
from portal.drivers.catalogs._open import Opened, decode
from portal.drivers.catalogs._place import Place
from portal.drivers.catalogs._reach import shown
from portal.errors import TooLarge, Unreadable

if TYPE_CHECKING:
    import xarray as xr

#: Dask chunks of a GeoTIFF are whole tiles or strips, of about so many bytes together.
_CHUNK = "32MiB"
#: A GRIB file that is elsewhere is copied once, for its headers, if it has no more bytes than this.
LARGEST_COPY = 2**30


def open_geotiff(place: Place, size: int, lazy: bool, kwargs: dict[str, Any]) -> Opened:
    """Open a GeoTIFF; no other format of GDAL's is read, nor a file that it names.

    Raises
    ------
    TooLarge, Unreadable, MissingDependency
        It declares more than it can hold, is damaged, or rioxarray is not installed.
    """
    import dask

    need("rioxarray", "geotiff")
    rasterio = need("rasterio", "geotiff")
    options: dict[str, Any] = {"driver": "GTiff"}
    if not place.local:
        options["opener"] = place.fs
    with (
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
        rasterio.open(place.path, **options) as file,
    ):
        arrays = [
            Array(f"band {n}", (file.height, file.width), _bytes(dtype), block)
            for n, (dtype, block) in enumerate(zip(file.dtypes, file.block_shapes, strict=True), 1)
        ]
        bounds = _bounds(file)
    declared, chunks = weigh(shown(place.url), arrays, size)
    store = Store(size, declared, chunks)
    told = {"engine": "rasterio", **kwargs}
    with dask.config.set({"array.chunk-size": _CHUNK}):
        dataset, told = decode(place.path, told | {"open_kwargs": options}, store, lazy, "auto")
    told.pop("open_kwargs")
    return Opened(dataset.assign_attrs(bounds), "geotiff", store, told)


def _bounds(file: Any) -> dict[str, float]:
    """Return the outer edges in degrees, as the attributes of ACDD 1.3; none without a CRS."""
    if file.crs is None:
        return {}
    errors, warp = need("rasterio.errors", "geotiff"), need("rasterio.warp", "geotiff")
    try:
        west, south, east, north = warp.transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    except errors.CRSError:
        return {}
    names = ("lon_min", "lat_min", "lon_max", "lat_max")
    edges = (west, south, east, north)
    return {f"geospatial_{n}": round(v, 6) for n, v in zip(names, edges, strict=True)}


def _bytes(dtype: str) -> int:
    import numpy as np

    return 4 if dtype == "complex_int16" else int(np.dtype(dtype).itemsize)


def open_grib(place: Place, size: int, lazy: bool, kwargs: dict[str, Any]) -> Opened:
    """Open a GRIB file; no index is written beside it.

    A file of several grids or kinds of levels becomes one dataset, in which names that would meet
    tell their kind of level.

    Raises
    ------
    TooLarge, Unreadable, MissingDependency
        It declares more than it can hold, is damaged, or cfgrib is not installed.
    """
    cfgrib = need("cfgrib", "grib")
    if not place.local:
        return _open_far(place, size, lazy, kwargs)
    store = _weigh_grib(place.path, shown(place.url), size)
    backend = {"indexpath": "", **kwargs.pop("backend_kwargs", {})}
    told = {"engine": "cfgrib", "backend_kwargs": backend, **kwargs}
    try:
        strict = told | {"backend_kwargs": backend | {"errors": "raise"}}
        dataset, _ = decode(place.path, strict, store, lazy)
    except cfgrib.DatasetBuildError as error:
        if "filter_by_keys" in backend:
            raise
        parts = cfgrib.open_datasets(place.path, indexpath="", chunks={} if lazy else None)
        if not parts:
            raise Unreadable(
                f"The GRIB file {shown(place.url)} cannot be read",
                found=str(error)[:300],
                advice="Say which of its messages are meant: backend_kwargs.filter_by_keys.",
            ) from error
        dataset = tidy(_together(parts))
    return Opened(dataset, "grib", store, told)


def _open_far(place: Place, size: int, lazy: bool, kwargs: dict[str, Any]) -> Opened:
    """Open a GRIB file that is elsewhere: it is read once for its headers, then by messages."""
    from portal.drivers.catalogs._refs import stored_references
    from portal.virtual.grib import read_messages, refer

    if size > LARGEST_COPY:
        raise TooLarge(
            f"The GRIB file {shown(place.url)} is too large to be read once for its headers",
            found=f"{size:,} bytes",
            advice="Make a virtual store of it where it lies: portal virtualize.",
        )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "copy.grib"
        with place.file() as source_file, path.open("wb") as copy:
            shutil.copyfileobj(source_file, copy, 2**20)
        store = _weigh_grib(str(path), shown(place.url), size)
        held = read_messages(path, name=shown(place.url))
    source, _ = stored_references(place, refer(held.fields, place.url), size)
    told = {"engine": "zarr", "consolidated": False}
    fields, _ = decode(source, told, store, lazy)
    dataset = tidy(held.coordinates.assign(fields.data_vars))
    dropped = kwargs.get("drop_variables") or []
    return Opened(dataset.drop_vars(dropped, errors="ignore"), "grib", store, {"engine": "cfgrib"})


def _weigh_grib(path: str, where: str, size: int) -> Store:
    """Read the headers of a GRIB file's messages, and no field."""
    eccodes = need("eccodes", "grib")
    arrays = []
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - ecCodes takes this kind of file
            while (
                message := eccodes.codes_grib_new_from_file(file, headers_only=True)
            ) is not None:
                try:
                    points = int(eccodes.codes_get(message, "numberOfPoints"))
                    length = int(eccodes.codes_get(message, "totalLength"))
                finally:
                    eccodes.codes_release(message)
                if points * 8 > LARGEST_COORDINATE:
                    raise TooLarge(
                        f"A message of {where} declares a grid of {points:,} points",
                        found=f"{length:,} bytes are stored",
                        advice="Check who made it: it was not opened.",
                    )
                arrays.append(Array("", (points,), 4))
    except eccodes.CodesInternalError as error:
        raise Unreadable(
            f"The GRIB file {where} cannot be read",
            found=f"{type(error).__name__}: {error}, in message {len(arrays) + 1}",
            advice="It is damaged or was not written to its end: copy it anew.",
        ) from error
    declared, chunks = weigh(where, arrays, size)
    return Store(size, declared, chunks)


def _together(parts: list[xr.Dataset]) -> xr.Dataset:
    """Merge what cfgrib gives apart: coordinates and names that differ get names that differ."""
    import xarray as xr

    whole = xr.Dataset()
    for number, given in enumerate(sorted(parts, key=lambda part: -sum(part.sizes.values()))):
        part = given
        kind = next((str(v.attrs.get("GRIB_typeOfLevel", "")) for v in part.values()), "")
        mark = kind or str(number)
        names: dict[str, str] = {}
        for name, coordinate in part.coords.items():
            if name in whole.coords and not coordinate.equals(whole.coords[name]):
                names[str(name)] = f"{name}_{mark}"
        for name in part.data_vars:
            if name in whole:
                names[str(name)] = f"{name}_{mark}"
        for old, new in names.items():
            unique = new if new not in whole else f"{new}_{number}"
            part = part.rename({old: unique})
        whole = whole.merge(part, compat="no_conflicts")
    return whole
