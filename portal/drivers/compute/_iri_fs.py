"""The files of an IRI facility, as fsspec has them."""

from __future__ import annotations

import errno
import io
import posixpath
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Final

from fsspec.spec import AbstractBufferedFile

from portal.drivers.compute import _iri_parts as parts
from portal.drivers.compute._iri_facility import moment
from portal.drivers.compute._iri_problem import Uncertain
from portal.drivers.compute._iri_tasks import PART, Files, Inexact
from portal.drivers.compute._site_files import SiteFileSystem
from portal.errors import PortalError, Unreadable

_FILE, _DIRECTORY = "600", "700"
#: Names of files that hold lines of text.
_TEXTS: Final = (".jsonl", ".log")
_KINDS: Final = {"d": "directory", "directory": "directory", "-": "file", "file": "file"}

#: Runs a command at the facility and waits until it has ended well: see IriCompute.
Work = Callable[[Sequence[str]], None]


class IriFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is read in ranges, a block ahead, and sent as a whole when it is closed."""

    _kept: IO[bytes]

    def _fetch_range(self, start: int, end: int) -> bytes:
        return bytes(self.fs.cat_file(self.path, start, end))

    def _initiate_upload(self) -> None:
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
        if "x" in self.mode and self.fs.exists(self.path):
            raise FileExistsError(errno.EEXIST, "it is there already", self.path)
        if "a" in self.mode and self.fs.exists(self.path):
            self._kept.write(self.fs.cat_file(self.path))

    def _upload_chunk(self, final: bool = False) -> bool:
        self._kept.write(self.buffer.getvalue())
        if final:
            with self._kept as kept:
                parts.put(self.fs, kept, self.path)
        return True


class IriFileSystem(SiteFileSystem):
    """Synchronous, and safe to use from many threads.

    Directories that it makes have the mode 0700, files 0600. A file of more than 5 MiB is moved in
    parts of that size: a job at the facility puts them together, and takes them apart where the
    service does not give exact parts of files itself.

    Parameters
    ----------
    work
        Runs a command at the facility.
    scratch
        A directory there, for parts of large files.
    """

    protocol = "iri"
    opened = IriFile

    def __init__(self, files: Files, work: Work, scratch: str) -> None:
        super().__init__()
        self.scratch = scratch
        self.files = files
        self.work = work
        self._bytes_told = True

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe a file or what a link leads to: size in bytes, mtime, mode, uid, gid, type."""
        path = self._strip_protocol(path) or "/"
        found = self.files.do("stat", path=path, dereference=True)
        try:
            mode = int(found["mode"])
            kind = "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"
            return {
                "name": path,
                "size": int(found["size"]),
                "type": kind,
                "mtime": float(found["mtime"]),
                "mode": mode,
                "uid": found.get("uid"),
                "gid": found.get("gid"),
            }
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _unknown(path, found) from error

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is something; a service that does not answer is not taken for a no."""
        return self._kind(path) is not None

    def isdir(self, path: str) -> bool:
        """Whether it is a directory."""
        return self._kind(path) == "directory"

    def isfile(self, path: str) -> bool:
        """Whether it is a file."""
        return self._kind(path) == "file"

    def _kind(self, path: str) -> str | None:
        try:
            return str(self.info(path)["type"])
        except (FileNotFoundError, NotADirectoryError):
            return None

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a directory, or a file as itself; links as what they lead to."""
        path = self._strip_protocol(path) or "/"
        try:
            listed = self.files.do(
                "ls", path=path, showHidden=True, recursive=False, dereference=False
            )
        except NotADirectoryError:
            return [self.info(path)] if detail else [path]
        if not isinstance(listed, list):
            raise _unknown(path, listed)
        found = [self._entry(path, each) for each in listed]
        alone = len(found) == 1 and found[0]["name"] == posixpath.join(
            path, path.rpartition("/")[2]
        )
        if alone and found[0]["type"] == "file" and self.info(path)["type"] != "directory":
            found = [self.info(path)]
        found.sort(key=lambda one: str(one["name"]))
        return found if detail else [one["name"] for one in found]

    def _entry(self, directory: str, entry: Any) -> dict[str, Any]:
        try:
            name, kind = str(entry["name"]), _KINDS.get(str(entry["type"]), "other")
            size, permissions = int(entry["size"]), str(entry.get("permissions") or "")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _unknown(directory, entry) from error
        name = name.removeprefix(f"{directory.rstrip('/')}/")
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Unreadable(
                f"The IRI service lists a file of {directory} under a name that cannot be",
                found=repr(name),
                advice="Do not trust this service, and tell the facility.",
            )
        whole = posixpath.join(directory, name)
        if str(entry["type"]) in ("symlink", "l", "link"):
            try:
                return self.info(whole) | {"islink": True}
            except FileNotFoundError:
                kind = "other"
        changed = moment(entry.get("last_modified") or entry.get("lastModified"))
        found = {"name": whole, "size": size, "type": kind, "permissions": permissions}
        return found if changed is None else {**found, "mtime": changed}

    def checksum(self, path: str) -> str:
        """Return the SHA-256 of a file, in hexadecimal digits."""
        return self.files.checksum(self._strip_protocol(path))

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return a file's bytes from ``start`` to ``end``; negative ones count from its end."""
        path = self._strip_protocol(path)
        if start is not None and -PART <= start < 0 and end is None:
            try:
                return self.files.tail(path, -start, text=path.endswith(_TEXTS))
            except Inexact:
                return self._exact(path, start, end)
        if (start or 0) < 0 or (end or 0) < 0:
            start, end, _step = slice(start, end).indices(self.info(path)["size"])
        if not start and end is None and not path.endswith(_TEXTS):
            return self._whole(path)
        try:
            return self._ranged(path, start or 0, end)
        except Inexact:
            return self._exact(path, start, end)

    def _whole(self, path: str) -> bytes:
        """Return a file of unknown size: most are small, and read by one request."""
        try:
            return self.files.download(path)
        except PortalError:  # too large, or what ails it is said once more
            size = self.info(path)["size"]
            if size <= PART:
                raise
        try:
            return self._ranged(path, 0, size)
        except Inexact:
            return parts.split_and_read(self, path, 0, size)

    def _ranged(self, path: str, start: int, end: int | None) -> bytes:
        found, text = bytearray(), path.endswith(_TEXTS)
        if not (text or self._bytes_told):
            raise Inexact
        while end is None or start + len(found) < end:
            wanted = PART if end is None else min(PART, end - start - len(found))
            try:
                data = self.files.view(path, start + len(found), wanted, text=text)
            except Inexact:
                self._bytes_told = self._bytes_told and text
                raise
            found += data[:wanted]
            if len(data) < wanted:
                break
        return bytes(found)

    def _exact(self, path: str, start: int | None, end: int | None) -> bytes:
        """Return a range of a file of which the service gives exactly only the whole."""
        size = self.info(path)["size"]
        if size <= PART:
            return self.files.download(path)[start:end]
        first, last, _ = slice(start, end).indices(size)
        return parts.split_and_read(self, path, first, max(first, last))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write a file."""
        path = self._strip_protocol(path)
        if mode == "create" and self.exists(path):
            raise FileExistsError(errno.EEXIST, "it is there already", path)
        if len(value) > PART:
            parts.put(self, io.BytesIO(value), path)
            return
        self.files.upload(path, bytes(value))
        self.chmod(path, _FILE)

    def put_file(self, lpath: str, rpath: str, callback: Any = None, **_: Any) -> None:
        """Send a file; one of many parts goes on where it was cut."""
        if Path(lpath).is_dir():
            self.makedirs(rpath, exist_ok=True)
            return
        with Path(lpath).open("rb") as file:
            parts.put(self, file, self._strip_protocol(rpath))

    def get_file(self, rpath: str, lpath: Any, callback: Any = None, **_: Any) -> None:
        """Fetch a file, compared by its checksum; one of many parts goes on where it was cut."""
        parts.get(self, self._strip_protocol(rpath), lpath)

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a directory that is not there yet."""
        if create_parents:
            self.makedirs(path, exist_ok=False)
            return
        path = self._strip_protocol(path)
        try:
            self.files.do("mkdir", path=path, parent=False)
        except Uncertain:
            if not self.isdir(path):
                raise
        self.chmod(path, _DIRECTORY)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and those above it."""
        path = self._strip_protocol(path)
        try:
            self.mkdir(path, create_parents=False)
        except FileExistsError:
            if not exist_ok or not self.isdir(path):
                raise
        except FileNotFoundError:
            above = path.rpartition("/")[0]
            if not above:
                raise
            self.makedirs(above, exist_ok=True)
            self.makedirs(path, exist_ok)

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        """Rename; a file that has the new name is replaced."""
        old, new = self._strip_protocol(path1), self._strip_protocol(path2)
        try:
            self.files.do("mv", path=old, target_path=new)
        except Uncertain:
            if self.exists(old) or not self.exists(new):
                raise

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy a file."""
        old, new = self._strip_protocol(path1), self._strip_protocol(path2)
        if self.isdir(old):
            self.makedirs(new, exist_ok=True)
            return
        self.files.do("cp", path=old, target_path=new, dereference=True)
        self.chmod(new, _FILE)

    def rm_file(self, path: str) -> None:
        """Remove what has a name."""
        path = self._strip_protocol(path)
        try:
            self.files.do("rm", path=path)
        except Uncertain:
            if self.exists(path):
                raise

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        if self.ls(path, detail=False):
            raise OSError(errno.ENOTEMPTY, "it is not empty", path)
        self.rm_file(path)

    def chmod(self, path: str, mode: int | str) -> None:
        """Change who may use a file."""
        text = mode if isinstance(mode, str) else f"{mode:o}"
        self.files.do("chmod", path=self._strip_protocol(path), mode=text)


def _unknown(path: str, found: Any) -> Unreadable:
    return Unreadable(
        f"The IRI service describes {path} in a form that Portal does not know",
        found=repr(found)[:500],
        advice="Tell the facility, and the makers of Portal, what it answered.",
    )
