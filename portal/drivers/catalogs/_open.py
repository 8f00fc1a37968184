"""Open one file or store lazily, whatever its format, after its guard has read its metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._describe import tidy
from portal.drivers.catalogs._guard import (
    MOST_CHUNKS,
    Store,
    inspect_classic,
    inspect_hdf5,
    inspect_zarr,
)
from portal.drivers.catalogs._place import Place
from portal.drivers.catalogs._reach import Refused, shown
from portal.errors import Denied, MissingDependency, PortalError, Unavailable, Unreadable

if TYPE_CHECKING:
    import xarray as xr

_NOT_ALLOWED = frozenset({"PermissionError", "PermissionDeniedError", "UnauthenticatedError"})
#: Chunks along a dimension whose stored ones are too many to name.
FEW_CHUNKS = 1_000
MEDIA_TYPES = {
    "zarr": "application/vnd.zarr",
    "hdf5": "application/x-hdf5",
    "netcdf3": "application/netcdf",
}
_HDF5 = b"\x89HDF\r\n\x1a\n"
_CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")


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
    with reading(place.path):
        if place.fs.isdir(place.path) if store is None else store:
            return _open_zarr(place, lazy, kwargs or {})
        return _open_file(place, lazy, kwargs or {})


def _open_zarr(place: Place, lazy: bool, kwargs: Mapping[str, Any]) -> Opened:
    store = inspect_zarr(place.fs, place.path, listed=not place.far)
    if place.far and not store.consolidated:
        if not place.listed:
            raise Unreadable(
                f"The Zarr store {shown(place.path)} has no consolidated metadata",
                found="a server that lists no files, so that its arrays cannot be found",
                advice="Ask who keeps it to write them: zarr.consolidate_metadata(store).",
            )
        store = inspect_zarr(place.fs, place.path)
    told = {"engine": "zarr", "consolidated": store.consolidated, **kwargs}
    dataset, told = decode(place.zarr(), told, store, lazy)
    return Opened(dataset, "zarr", store, told)


def _open_file(place: Place, lazy: bool, kwargs: Mapping[str, Any]) -> Opened:
    path = place.path
    size = int(place.fs.size(path) or 0)
    with place.fs.open(path, "rb") as file:
        head = file.read(8)
    if head == _HDF5:
        kind = "hdf5"
        store = inspect_hdf5(place.source(), path, size, place.root)
        told: dict[str, Any] = {"engine": "h5netcdf", "phony_dims": "sort"}
        if store.group != "/":
            told["group"] = store.group
    elif head.startswith(_CLASSIC):
        kind = "netcdf3"
        if not place.local:
            raise MissingDependency(
                f"The classic NetCDF file {path} is read from local folders only",
                found=f"a folder on {place.fs.protocol}",
                advice="Write it as NetCDF-4 or Zarr: ds.to_zarr(…).",
            )
        store = inspect_classic(path, size)
        told = {"engine": "netcdf4"}
    else:
        raise Unreadable(
            f"{path} is neither HDF5 nor NetCDF",
            found=f"{size:,} bytes that start with {head!r}",
            advice="Correct its suffix, or copy it anew.",
        )
    dataset, told = decode(place.source(), {**told, **kwargs}, store, lazy)
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
    source: Any, kwargs: dict[str, Any], store: Store, lazy: bool
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Open with xarray; times that cannot be decoded are left as the numbers they are."""
    import xarray as xr

    chunks: dict[str, int] | None = {} if lazy and store.chunks <= MOST_CHUNKS else None
    try:
        dataset = xr.open_dataset(source, chunks=chunks, **kwargs)
    except ValueError as error:
        if "decode time" not in str(error):
            raise
        kwargs = kwargs | {"decode_times": False}
        dataset = xr.open_dataset(source, chunks=chunks, **kwargs)
    if lazy and chunks is None:
        dataset = dataset.chunk({d: -(-n // FEW_CHUNKS) for d, n in dataset.sizes.items()})
    return tidy(dataset), kwargs
