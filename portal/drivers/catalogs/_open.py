"""Open one file or store lazily, whatever its format, after its guard has read its metadata."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._describe import tidy
from portal.drivers.catalogs._guard import (
    MOST_CHUNKS,
    Store,
    inspect_zarr,
)
from portal.drivers.catalogs._guard_files import inspect_classic, inspect_hdf5
from portal.drivers.catalogs._place import Place
from portal.drivers.catalogs._reach import Refused, shown
from portal.errors import Denied, PortalError, Unavailable, Unreadable
from portal.virtual.ice import quiet_codecs

if TYPE_CHECKING:
    import xarray as xr

#: What an Icechunk repository's branches lie in: a directory, or a file since its second format.
ICE_REFS, ICE_REPO = "refs", "repo"
_NOT_ALLOWED = frozenset({"PermissionError", "PermissionDeniedError", "UnauthenticatedError"})
#: Chunks along a dimension whose stored ones are too many to name.
FEW_CHUNKS = 1_000
MEDIA_TYPES = {
    "zarr": "application/vnd.zarr",
    "icechunk": "application/vnd.icechunk",
    "references": "application/vnd.kerchunk+json",
    "parquet": "application/vnd.kerchunk+parquet",
    "hdf5": "application/x-hdf5",
    "netcdf3": "application/netcdf",
    "grib": "application/wmo-GRIB2",
    "geotiff": "image/tiff; application=geotiff",
    "zip": "application/vnd.zarr+zip",
}
#: The media types of those that are directories.
STORES = tuple(MEDIA_TYPES[kind] for kind in ("zarr", "icechunk", "parquet"))
_HDF5 = b"\x89HDF\r\n\x1a\n"
#: What the files of a kind start with.
_MAGIC = {
    "hdf5": (_HDF5,),
    "netcdf3": (b"CDF\x01", b"CDF\x02", b"CDF\x05"),
    "grib": (b"GRIB",),
    "geotiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "zip": (b"PK\x03\x04",),
    "references": (b"{", b" {", b"\n{"),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A dataset with what its record needs to know of its store."""

    dataset: xr.Dataset
    kind: str
    store: Store
    kwargs: Mapping[str, Any]


def open_place(
    place: Place, *, lazy: bool, store: bool | None = None, kwargs: Mapping[str, Any] | None = None
) -> Opened:
    """Open one file or store.

    Parameters
    ----------
    lazy
        True gives Dask arrays in the stored chunks; False gives arrays that are read when
        they are used, without Dask.
    store
        Whether it is a directory (a Zarr store) rather than a file; None to look.
    kwargs
        Further keywords of ``xarray.open_dataset``.

    Raises
    ------
    Unavailable
        It has gone.
    Denied
        It leads to what may not be reached.
    Unreadable, TooLarge, MissingDependency
        It is damaged, of an unknown format, unsafe, or declares more than it can hold.
    """
    told = dict(kwargs or {})
    with reading(place.url):
        if place.fs.isdir(place.path) if store is None else store:
            return _open_directory(place, lazy, told)
        return _open_file(place, lazy, told)


def is_icechunk(names: Collection[str]) -> bool:
    """Whether a directory that holds these names is an Icechunk repository."""
    return "snapshots" in names and (ICE_REFS in names or ICE_REPO in names)


def _open_directory(place: Place, lazy: bool, kwargs: dict[str, Any]) -> Opened:
    if place.listed and is_icechunk(names_in(place)):
        return _open_repository(place, lazy, kwargs)
    try:
        store = inspect_zarr(place.fs, place.path, listed=not place.far)
    except FileNotFoundError:
        marks = (f"{ICE_REFS}/branch.main/ref.json", ICE_REPO)
        if not place.listed and any(place.fs.exists(f"{place.path}/{mark}") for mark in marks):
            return _open_repository(place, lazy, kwargs)
        raise
    if store.table:
        from portal.drivers.catalogs._refs import open_table

        source, store = open_table(place)
        return _decoded(place, source, "parquet", store, kwargs, lazy)
    if place.far and not store.consolidated:
        if not place.listed:
            raise Unreadable(
                f"The Zarr store {shown(place.url)} has no consolidated metadata",
                found="a server that lists no files, so that its arrays cannot be found",
                advice="Ask who keeps it to write them: zarr.consolidate_metadata(store).",
            )
        store = inspect_zarr(place.fs, place.path)
    return _decoded(place, place.zarr(), "zarr", store, kwargs, lazy)


def _open_repository(place: Place, lazy: bool, kwargs: dict[str, Any]) -> Opened:
    from portal.drivers.catalogs._icechunk import open_repository

    source, store = open_repository(place)
    return _decoded(place, source, "icechunk", store, kwargs, lazy)


def names_in(place: Place) -> set[str]:
    """Return the names in a directory."""
    return {PurePosixPath(str(n).rstrip("/")).name for n in place.fs.ls(place.path, detail=False)}


def _decoded(
    place: Place, source: Any, kind: str, store: Store, kwargs: dict[str, Any], lazy: bool
) -> Opened:
    """Open a Zarr store; what a record keeps of how tells others of the format itself."""
    from portal.drivers.catalogs._watch import Watched

    told = {"engine": "zarr", "consolidated": store.consolidated, **kwargs}
    with quiet_codecs():
        watched = source if isinstance(source, Watched) else Watched(source, shown(place.url))
        dataset, told = decode(watched, told, store, lazy)
    if kind != "zarr":
        told = {k: v for k, v in told.items() if k not in ("engine", "consolidated")}
    return Opened(dataset, kind, store, told)


def _open_file(place: Place, lazy: bool, kwargs: dict[str, Any]) -> Opened:
    path = place.path
    size = int(place.fs.size(path) or 0)
    with place.file() as file:
        head = file.read(8)
    kind = next((k for k, marks in _MAGIC.items() if head.startswith(marks)), "")
    if kind == "hdf5":
        source = place.source()
        store = inspect_hdf5(source, path, size, place.root)
        told: dict[str, Any] = {"engine": "h5netcdf", "phony_dims": "sort"}
        if store.group != "/":
            told["group"] = store.group
    elif kind == "netcdf3" and place.local:
        store, told, source = inspect_classic(path, size), {"engine": "netcdf4"}, path
    elif kind in ("netcdf3", "references"):
        from portal.drivers.catalogs import _refs

        if kind == "netcdf3":
            source, store = _refs.open_classic(place, size)
        else:
            source, store = _refs.open_references(place)
        return _decoded(place, source, kind, store, kwargs, lazy)
    elif kind == "zip":
        from portal.drivers.catalogs._zip import unpacked

        return replace(_open_directory(unpacked(place, size), lazy, kwargs), kind="zip")
    elif kind in ("grib", "geotiff"):
        from portal.drivers.catalogs import _rasters

        given = _rasters.open_grib if kind == "grib" else _rasters.open_geotiff
        return given(place, size, lazy, kwargs)
    else:
        raise Unreadable(
            f"{shown(place.url)} is of a format that is not known",
            found=f"{size:,} bytes that start with {head!r}, neither HDF5 nor NetCDF, GRIB, "
            "GeoTIFF, a zipped Zarr store or references",
            advice="Correct its suffix, or copy it anew.",
        )
    dataset, told = decode(source, {**told, **kwargs}, store, lazy)
    return Opened(dataset, kind, store, told)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Name the file in whatever goes wrong while its bytes are decoded.

    Raises
    ------
    Unavailable
        It has gone.
    Denied
        It leads to what may not be reached.
    Unreadable
        It is damaged, or cannot be expressed.
    """
    try:
        yield
    except Refused as error:
        raise Denied(error.happened, found=error.found, advice=error.advice) from error
    except PortalError:
        raise
    except Exception as error:  # decoders are plug-ins that fail on damaged bytes as they like
        raise _named(path, error) from error


def _named(path: str, error: Exception) -> PortalError:
    """Say what an error of a decoder or of a file system is, with the file's name."""
    chain = list(_chain(error))
    happened, found = shown(path), f"{type(error).__name__}: {error}"[:500]
    for cause in chain:
        if isinstance(cause, Refused):
            return Denied(cause.happened, found=cause.found, advice=cause.advice)
    names = {type(e).__name__ for e in chain}
    status = next((s for e in chain if (s := getattr(e, "status", None))), None)
    if names & _NOT_ALLOWED or status in (401, 403):
        return Denied(
            f"{happened} may not be read",
            found=found,
            advice="Ask who keeps it for access; keys come from the environment, not from options.",
        )
    if names & {"FileNotFoundError", "NotFoundError"}:
        return Unavailable(
            f"{happened} has gone", found=found, advice="Bring it back, or search again."
        )
    if any(isinstance(e, ConnectionError | TimeoutError) or _remote(e) for e in chain):
        return Unavailable(
            f"{happened} cannot be reached",
            found=found,
            advice="Try again; if it stays so, tell whoever keeps it.",
        )
    return Unreadable(
        f"{happened} cannot be read",
        found=found,
        advice="It is damaged, or xarray cannot express it: try xarray.open_dataset on it.",
    )


def _remote(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("aiohttp", "obstore")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and those it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def decode(
    source: Any, kwargs: dict[str, Any], store: Store, lazy: bool, chunks: Any = None
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Open with xarray; times that cannot be decoded are left as the numbers they are.

    Parameters
    ----------
    chunks
        Dask chunks where it is lazy; None for the stored ones.
    """
    import xarray as xr

    few = store.chunks <= MOST_CHUNKS
    cut = ({} if chunks is None else chunks) if lazy and few else None
    try:
        dataset = xr.open_dataset(source, chunks=cut, **kwargs)
    except ValueError as error:
        if "decode time" not in str(error):
            raise
        kwargs = kwargs | {"decode_times": False}
        dataset = xr.open_dataset(source, chunks=cut, **kwargs)
    if lazy and cut is None:
        dataset = dataset.chunk({d: -(-n // FEW_CHUNKS) for d, n in dataset.sizes.items()})
    return tidy(dataset), kwargs
