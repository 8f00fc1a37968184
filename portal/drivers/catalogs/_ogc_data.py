"""Collections of OGC APIs as datasets: a coverage as NetCDF, an EDR cube as CoverageJSON.

These APIs answer with whole arrays, which are read up to the length of one answer, refused beyond
it, and given as Dask arrays in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from portal.core.query import BBox
from portal.drivers.catalogs._covjson import read_coverage
from portal.drivers.catalogs._fields import dicts
from portal.drivers.catalogs._ogc import CoveragesApi, EdrApi, split_collection
from portal.drivers.catalogs._open import open_place
from portal.drivers.catalogs._place import place_of
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._service import LARGEST_PAGE, Service
from portal.errors import TooLarge, UnknownItem, Unreadable

if TYPE_CHECKING:
    import xarray as xr

#: Bytes in memory of a coverage whose answer, compressed, may be shorter.
LARGEST_IN_MEMORY = 16 * LARGEST_PAGE


def open_collection(href: str, reach: Reach, timeout: float) -> xr.Dataset:
    """Read the collection at an address.

    Raises
    ------
    UnknownItem
        It has gone.
    Unreadable
        It offers neither a coverage in NetCDF nor a cube, or contradicts itself.
    Denied, Unavailable, TooLarge, MissingDependency
    """
    split = split_collection(href)
    assert split is not None
    base, name = split
    service = Service(base, reach=reach, timeout=timeout)
    about = service.get(f"collections/{name}", absent=(404, 410))
    if not isinstance(about, dict):
        raise UnknownItem(f"{shown(href)} has gone", advice="Search again.")
    coverage = next(
        (
            str(link.get("href"))
            for link in dicts(about.get("links") or [])
            if str(link.get("rel")).endswith("coverage") and "netcdf" in str(link.get("type"))
        ),
        None,
    )
    if coverage is not None:
        more = dict(parse_qsl(urlsplit(coverage).query))
        return _netcdf(CoveragesApi(service, more).coverage(name).read(), href)
    if "cube" in (about.get("data_queries") or {}):
        return _cube(EdrApi(service), name, about)
    raise Unreadable(
        f"{shown(href)} gives no data that Portal reads",
        found="neither a coverage in NetCDF nor a cube of environmental data",
        advice=f"See what it offers at {shown(href)}.",
    )


def _netcdf(content: bytes, href: str) -> xr.Dataset:
    with TemporaryDirectory(prefix="portal-") as directory:
        path = Path(directory) / "coverage.nc"
        path.write_bytes(content)
        place = place_of(str(path), Reach.of(directory))
        with open_place(place, lazy=False, store=False).dataset as dataset:
            if dataset.nbytes > LARGEST_IN_MEMORY:
                raise TooLarge(
                    f"The coverage {shown(href)} is read whole, and too large for that",
                    found=f"{dataset.nbytes:,} bytes in memory, more than {LARGEST_IN_MEMORY:,}",
                    advice="Ask who keeps it for the file, or for a Zarr store of it.",
                )
            return dataset.load().chunk()


def _cube(api: EdrApi, name: str, about: Mapping[str, Any]) -> xr.Dataset:
    box = BBox.of(about["extent"]["spatial"]["bbox"][0])
    cube = read_coverage(api.query_data(name, "cube", bbox=box.to_list()))
    if "position" in about["data_queries"]:
        _check(api, name, cube)
    return cube.chunk()


def _check(api: EdrApi, name: str, cube: xr.Dataset) -> None:
    """Hold two corners of a cube against what the service says of those points.

    A service may mix up the order of its axes (pygeoapi does so in CoverageJSON where time comes
    first or south before north), and nothing in the cube shows it.

    Raises
    ------
    Unreadable
        They differ.
    """
    import numpy as np

    for column in (0, -1):
        corner = cube.isel(lon=column, lat=0)
        point = f"POINT({float(corner.lon)} {float(corner.lat)})"
        said = read_coverage(api.query_data(name, "position", coords=point))
        for variable in cube.data_vars:
            ours, theirs = (np.asarray(d[variable]).ravel() for d in (corner, said))
            if ours.size != theirs.size or not np.allclose(ours, theirs, equal_nan=True):
                raise Unreadable(
                    f"The collection {name!r} of {shown(api.url)} contradicts itself",
                    found=f"its cube and its position query differ in {variable} at {point}",
                    advice="Ask who keeps it for a coverage in NetCDF, or for the file.",
                )
