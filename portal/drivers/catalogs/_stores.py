"""The files and stores of a folder: finding, recognising and opening them, each one guarded."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._describe import tidy
from portal.drivers.catalogs._guard import (
    MOST_CHUNKS,
    Store,
    inspect_classic,
    inspect_hdf5,
    inspect_zarr,
)
from portal.errors import MissingDependency, PortalError, PortalWarning, Unavailable, Unreadable

if TYPE_CHECKING:
    import fsspec
    import xarray as xr

SUFFIXES = frozenset({".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5", ".hdf"})
PARTIAL = ".partial"
#: The record of a published dataset, beside its store, in a directory of their own.
RECORD = "stac-item.json"
STORE = "data.zarr"
#: Chunks along a dimension whose stored ones are too many to name.
FEW_CHUNKS = 1_000
MEDIA_TYPES = {
    "zarr": "application/vnd.zarr",
    "hdf5": "application/x-hdf5",
    "netcdf3": "application/netcdf",
}

_MARKS = frozenset({"zarr.json", ".zgroup", ".zmetadata", ".zarray"})
_HDF5 = b"\x89HDF\r\n\x1a\n"
_CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")


Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a Zarr store.

    Parameters
    ----------
    path, relative
        Where it lies, and its path from the folder.
    stamp
        Sizes and times of change of the file, or of the store's metadata.
    changed
        Seconds since the epoch at which it last changed; None where that is not known.
    record
        Path of the record it was published with; empty without one.
    """

    path: str
    relative: str
    stamp: str
    changed: float | None
    record: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A dataset with what its record needs to know of its store."""

    dataset: xr.Dataset
    kind: str
    store: Store
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory on a file system.

    Parameters
    ----------
    pattern
        Shell pattern of the paths from the folder, or of the names, that belong to it.
    depth
        How many directories deep it is searched.
    """

    fs: fsspec.AbstractFileSystem
    root: str
    pattern: str
    depth: int

    @property
    def local(self) -> Path | None:
        """The directory on this machine; None where it is elsewhere."""
        from fsspec.implementations.local import LocalFileSystem

        return Path(self.root).resolve() if isinstance(self.fs, LocalFileSystem) else None

    def entries(self, tell: Tell) -> Iterator[Entry]:
        """Give what the folder holds, in order of path.

        Links are not followed, and names that start with a dot or end in ``.partial`` are left
        alone.

        Parameters
        ----------
        tell
            Takes the path and the reason of what is passed over.

        Raises
        ------
        Unavailable
            The folder has gone or cannot be listed.
        """
        try:
            self.fs.invalidate_cache(self.root)
            listing = self.fs.ls(self.root, detail=True)
        except OSError as error:
            raise Unavailable(
                f"The folder {self.root} cannot be listed",
                found=str(error) or type(error).__name__,
                advice="Bring it back, or correct the path in the facility file.",
            ) from error
        yield from self._visit(self.root, listing, self.depth, tell)

    def _visit(
        self, path: str, listing: list[dict[str, Any]], depth: int, tell: Tell
    ) -> Iterator[Entry]:
        named = {PurePosixPath(info["name"]).name: info for info in listing}
        relative = self._relative(path) or PurePosixPath(path).name
        record, marks = named.get(RECORD), [named[m] for m in sorted(_MARKS & named.keys())]
        if record is not None:
            stamp, name = _stamp(record), f"{relative}.zarr"
            found = Entry(f"{path}/{STORE}", name, stamp, _changed(record), record["name"])
        elif marks:
            changed = max((c for m in marks if (c := _changed(m))), default=None)
            found = Entry(path, relative, "|".join(_stamp(m) for m in marks), changed)
        if record is not None or marks:
            if self._wanted(found.relative):
                yield found
            return
        for name, info in sorted(named.items()):
            if name.startswith(".") or name.endswith(PARTIAL):
                continue
            if info.get("islink"):
                self._mention_link(info, tell)
            elif info["type"] == "directory":
                yield from self._enter(info["name"], depth, tell)
            elif PurePosixPath(name).suffix.lower() in SUFFIXES:
                relative = self._relative(info["name"])
                if self._wanted(relative):
                    yield Entry(info["name"], relative, _stamp(info), _changed(info))

    def _enter(self, path: str, depth: int, tell: Tell) -> Iterator[Entry]:
        try:
            listing = self.fs.ls(path, detail=True)
        except OSError as error:
            tell(path, str(error))
            return
        names = {PurePosixPath(info["name"]).name for info in listing}
        if depth > 0 or names & _MARKS or RECORD in names:
            yield from self._visit(path, listing, depth - 1, tell)
        else:
            tell(path, f"it lies deeper than {self.depth} directories")

    def _mention_link(self, info: Mapping[str, Any], tell: Tell) -> None:
        target = Path(info["name"]).resolve()
        if self.local is None or not target.is_relative_to(self.local):
            tell(str(info["name"]), f"it is a link out of the folder, to {target}")

    def _relative(self, path: str) -> str:
        return path.removeprefix(self.root.rstrip("/")).strip("/")

    def _wanted(self, relative: str) -> bool:
        names = (relative, PurePosixPath(relative).name)
        return any(fnmatch.fnmatchcase(name, self.pattern) for name in names)

    def holds(self, path: str) -> bool:
        """Whether a path lies in the folder, links resolved."""
        if self.local is not None:
            return Path(path).resolve().is_relative_to(self.local)
        root = self.root.rstrip("/")
        return ".." not in path.split("/") and (path == root or path.startswith(f"{root}/"))

    def open(self, path: str, *, lazy: bool) -> Opened:
        """Open one file or store, after its guard has read its metadata.

        Parameters
        ----------
        lazy
            True gives Dask arrays in the stored chunks; False gives arrays that are read when
            they are used, without Dask.

        Raises
        ------
        Unavailable
            It has gone.
        Unreadable, TooLarge, MissingDependency
            It is damaged, of an unknown format, unsafe, or declares more than it can hold.
        """
        with reading(path):
            if self.fs.isdir(path):
                return self._open_zarr(path, lazy)
            return self._open_file(path, lazy)

    def _open_zarr(self, path: str, lazy: bool) -> Opened:
        import zarr

        store = inspect_zarr(self.fs, path)
        source: Any = path
        if self.local is None:
            source = zarr.storage.FsspecStore.from_mapper(self.fs.get_mapper(path), read_only=True)
        kwargs = {"engine": "zarr", "consolidated": store.consolidated}
        dataset, kwargs = _open(source, kwargs, store, lazy)
        return Opened(dataset, "zarr", store, kwargs)

    def _open_file(self, path: str, lazy: bool) -> Opened:
        with self.fs.open(path, "rb") as file:
            head = file.read(8)
        size = int(self.fs.size(path) or 0)
        if head == _HDF5:
            kind = "hdf5"
            store = inspect_hdf5(self._source(path), path, size, self.local)
            kwargs: dict[str, Any] = {"engine": "h5netcdf", "phony_dims": "sort"}
            if store.group != "/":
                kwargs["group"] = store.group
        elif head.startswith(_CLASSIC):
            kind = "netcdf3"
            if self.local is None:
                raise MissingDependency(
                    f"The classic NetCDF file {path} is read from local folders only",
                    found=f"a folder on {self.fs.protocol}",
                    advice="Write it as NetCDF-4 or Zarr: ds.to_zarr(…).",
                )
            store = inspect_classic(path, size)
            kwargs = {"engine": "netcdf4"}
        else:
            raise Unreadable(
                f"{path} is neither HDF5 nor NetCDF",
                found=f"{size:,} bytes that start with {head!r}",
                advice="Correct its suffix, or copy it anew.",
            )
        dataset, kwargs = _open(self._source(path), kwargs, store, lazy)
        return Opened(dataset, kind, store, kwargs)

    def _source(self, path: str) -> Any:
        return path if self.local is not None else self.fs.open(path, "rb")


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Name the file in whatever goes wrong while its bytes are decoded.

    Raises
    ------
    Unavailable
        It has gone.
    Unreadable
        It is damaged, or cannot be expressed.
    """
    try:
        yield
    except PortalError:
        raise
    except FileNotFoundError as error:
        raise Unavailable(
            f"{path} has gone", found=str(error), advice="Bring it back, or search again."
        ) from error
    except Exception as error:  # decoders are plug-ins that fail on damaged bytes as they like
        raise Unreadable(
            f"{path} cannot be read",
            found=f"{type(error).__name__}: {error}",
            advice="It is damaged, or xarray cannot express it: try xarray.open_dataset on it.",
        ) from error


def _open(
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


def _changed(info: Mapping[str, Any]) -> float | None:
    moment = info.get("mtime", info.get("LastModified"))
    if moment is None:
        return None
    return float(moment.timestamp()) if hasattr(moment, "timestamp") else float(moment)


def _stamp(info: Mapping[str, Any]) -> str:
    tag = info.get("ETag") or info.get("etag") or info.get("ino") or ""
    return f"{info.get('size')}:{_changed(info)}:{tag}"


def quiet(path: str, reason: str) -> None:
    """Say nothing: whoever lists the folder is told."""


def skip(path: str, reason: str) -> None:
    """Warn that something of a folder is passed over, and why."""
    warnings.warn(f"{path} is passed over: {reason}", PortalWarning, stacklevel=2)
