"""The files and stores of a folder: found by their names and marks, not opened."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from portal.drivers.catalogs._open import (
    ICE_REFS,
    ICE_REPO,
    Opened,
    is_icechunk,
    open_place,
    reading,
)
from portal.drivers.catalogs._place import Place
from portal.drivers.catalogs._reach import Reach
from portal.errors import PortalWarning, Unavailable

if TYPE_CHECKING:
    import fsspec

SUFFIXES = frozenset(
    {".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5", ".hdf", ".grib", ".grib2", ".grb",
     ".grb2", ".tif", ".tiff"}
)  # fmt: skip
#: Files whose last suffix says too little; directories of references in Parquet.
NAMES = ("*.zarr.zip", "*kerchunk*.json", "*reference*.json", "*refs*.json")
PARTIAL = ".partial"
#: The record of a published dataset, beside its store, in a directory of their own.
RECORD = "stac-item.json"
STORE = "data.zarr"

_MARKS = frozenset({"zarr.json", ".zgroup", ".zmetadata", ".zarray"})

Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a store.

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
    store
        Whether it is a directory.
    """

    path: str
    relative: str
    stamp: str
    changed: float | None
    record: str = ""
    store: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory on a file system.

    Parameters
    ----------
    pattern
        Shell pattern of the paths from the folder, or of the names, that belong to it.
    depth
        How many directories deep it is searched.
    reach, storage
        Where what its files refer to may lie, and what is said of the object store.
    files
        What it holds, as paths from it; empty to list it.
    """

    fs: fsspec.AbstractFileSystem
    root: str
    pattern: str = "*"
    depth: int = 4
    reach: Reach = field(default_factory=Reach)
    storage: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def local(self) -> Path | None:
        """The directory on this machine; None where it is elsewhere."""
        from fsspec.implementations.local import LocalFileSystem

        return Path(self.root).resolve() if isinstance(self.fs, LocalFileSystem) else None

    @property
    def in_bucket(self) -> bool:
        """Whether it lies in an object store."""
        return type(self.fs).__module__.startswith("obstore")

    @property
    def far(self) -> bool:
        """Whether its files lie behind a network."""
        return self.in_bucket or "://" in self.root

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
        self.fs.invalidate_cache()
        if self.files:
            yield from self._named(tell)
            return
        try:
            with reading(self.root):
                listing = self.fs.ls(self.root, detail=True)
        except (OSError, Unavailable) as error:
            raise Unavailable(
                f"The folder {self.root} cannot be listed",
                found=str(error) or type(error).__name__,
                advice="Bring it back, or correct the path in the facility file.",
            ) from error
        yield from self._visit(self.root, listing, self.depth, tell)

    def _named(self, tell: Tell) -> Iterator[Entry]:
        for relative in sorted(self.files):
            path = f"{self.root.rstrip('/')}/{relative.strip('/')}"
            suffix = PurePosixPath(relative).suffix.lower()
            store = suffix not in SUFFIXES and not _special(PurePosixPath(relative).name)
            marks = [f"{path}/{mark}" for mark in ("zarr.json", ".zmetadata")] if store else [path]
            for mark in marks:
                try:
                    info = self.fs.info(mark)
                except FileNotFoundError:
                    continue
                yield Entry(path, relative.strip("/"), _stamp(info), _changed(info), "", store)
                break
            else:
                tell(path, "it is named in the option files, and is not there")

    def _visit(
        self, path: str, listing: list[dict[str, Any]], depth: int, tell: Tell
    ) -> Iterator[Entry]:
        named = {_name(info): info for info in listing}
        relative = self._relative(path) or _name({"name": path})
        record = named.get(RECORD)
        marks = [self._told(named[m]) for m in sorted(_MARKS & named.keys())]
        if not marks and is_icechunk(named.keys()):
            repo = named.get(ICE_REPO)
            marks = [self._told(repo)] if repo else self._branches(f"{path}/{ICE_REFS}")
        if record is not None:
            stamp, name = _stamp(record), f"{relative}.zarr"
            found = Entry(f"{path}/{STORE}", name, stamp, _changed(record), record["name"], True)
        elif marks:
            changed = max((c for m in marks if (c := _changed(m))), default=None)
            stamp = "|".join(_stamp(m) for m in marks)
            found = Entry(path, relative, stamp, changed, store=True)
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
                yield from self._enter(info["name"].rstrip("/"), depth, tell)
            elif PurePosixPath(name).suffix.lower() in SUFFIXES or _special(name):
                relative = self._relative(info["name"])
                if self._wanted(relative):
                    told = self._told(info)
                    yield Entry(info["name"], relative, _stamp(told), _changed(told))

    def _enter(self, path: str, depth: int, tell: Tell) -> Iterator[Entry]:
        try:
            listing = self.fs.ls(path, detail=True)
        except OSError as error:
            tell(path, str(error))
            return
        names = {_name(info) for info in listing}
        if depth > 0 or names & _MARKS or RECORD in names or is_icechunk(names):
            yield from self._visit(path, listing, depth - 1, tell)
        else:
            tell(path, f"it lies deeper than {self.depth} directories")

    def _branches(self, path: str) -> list[dict[str, Any]]:
        """The heads of an Icechunk repository."""
        listed = self.fs.find(path, detail=True)
        return [listed[name] for name in sorted(listed) if name.endswith("ref.json")]

    def _told(self, info: dict[str, Any]) -> dict[str, Any]:
        """What is known of a file: an index page says only its name."""
        if info.get("size") is not None:
            return info
        found: dict[str, Any] = self.fs.info(info["name"])
        return found

    def _mention_link(self, info: Mapping[str, Any], tell: Tell) -> None:
        target = Path(info["name"]).resolve()
        if self.local is None or not target.is_relative_to(self.local):
            tell(str(info["name"]), f"it is a link out of the folder, to {target}")

    def _relative(self, path: str) -> str:
        relative = path.removeprefix(self.root.rstrip("/")).strip("/")
        return unquote(relative) if "://" in self.root else relative

    def _wanted(self, relative: str) -> bool:
        names = (relative, PurePosixPath(relative).name)
        return any(fnmatch.fnmatchcase(name, self.pattern) for name in names)

    def path_of(self, href: str) -> str:
        """Return the path that a record's address is on the folder's file system."""
        if self.local is not None:
            return unquote(urlsplit(href).path) if href.startswith("file:") else href
        if "://" in self.root:
            return href
        return href.partition("://")[2] or href

    def holds(self, path: str) -> bool:
        """Whether a path lies in the folder, links resolved."""
        if self.local is not None:
            return Path(path).resolve().is_relative_to(self.local)
        root = self.root.rstrip("/")
        inside = path.strip("/") == root.strip("/") or path.startswith(f"{root}/")
        return inside and ".." not in unquote(path).split("/")

    def open(self, path: str, *, lazy: bool, store: bool | None = None) -> Opened:
        """Open one file or store, as :func:`portal.drivers.catalogs._open.open_place` does."""
        place = Place(self.fs, path, self.reach, self.storage, self.local)
        return open_place(place, lazy=lazy, store=store)


def _name(info: Mapping[str, Any]) -> str:
    return PurePosixPath(str(info["name"]).rstrip("/")).name


def _special(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in NAMES)


def _changed(info: Mapping[str, Any]) -> float | None:
    keys = ("mtime", "LastModified", "last_modified", "created", "Last-Modified")
    moment = next((info[key] for key in keys if info.get(key) is not None), None)
    if isinstance(moment, str):
        try:
            moment = parsedate_to_datetime(moment)
        except ValueError:
            return None
    if moment is None:
        return None
    return float(moment if isinstance(moment, int | float) else moment.timestamp())


def _stamp(info: Mapping[str, Any]) -> str:
    tag = next((info[k] for k in ("ETag", "etag", "e_tag", "ino") if info.get(k)), "")
    return f"{info.get('size')}:{_changed(info)}:{tag}"


def quiet(path: str, reason: str) -> None:
    """Say nothing: whoever lists the folder is told."""


def skip(path: str, reason: str) -> None:
    """Warn that something of a folder is passed over, and why."""
    warnings.warn(f"{path} is passed over: {reason}", PortalWarning, stacklevel=2)
