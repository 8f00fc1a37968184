"""The files and stores of a folder: finding, recognising and opening them, each one guarded."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._open import Opened, open_place
from portal.drivers.catalogs._place import Place
from portal.errors import PortalWarning, Unavailable

if TYPE_CHECKING:
    import fsspec

SUFFIXES = frozenset({".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5", ".hdf"})
PARTIAL = ".partial"
#: The record of a published dataset, beside its store, in a directory of their own.
RECORD = "stac-item.json"
STORE = "data.zarr"

_MARKS = frozenset({"zarr.json", ".zgroup", ".zmetadata", ".zarray"})


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
        """Open one file or store, as :func:`portal.drivers.catalogs._open.open_place` does."""
        return open_place(Place(self.fs, path, self.local), lazy=lazy)


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
