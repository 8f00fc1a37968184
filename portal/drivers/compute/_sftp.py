"""The files of a machine over the connection that its commands use (SFTP), as fsspec has them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import asyncssh
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from portal.errors import Unreadable

if TYPE_CHECKING:
    from portal.drivers.compute._ssh import SshTransport

_FILE, _DIRECTORY = 0o600, 0o700
#: Bytes that are asked for together with a file's size: most files are read by that alone.
_HEAD: Final = 1 << 18
_AT_ONCE: Final = 32
_ERRORS: Final[tuple[tuple[type[asyncssh.SFTPError], int], ...]] = (
    (asyncssh.SFTPNoSuchFile, errno.ENOENT),
    (asyncssh.SFTPNoSuchPath, errno.ENOENT),
    (asyncssh.SFTPPermissionDenied, errno.EACCES),
    (asyncssh.SFTPFileAlreadyExists, errno.EEXIST),
    (asyncssh.SFTPNotADirectory, errno.ENOTDIR),
    (asyncssh.SFTPFileIsADirectory, errno.EISDIR),
    (asyncssh.SFTPNoSpaceOnFilesystem, errno.ENOSPC),
    (asyncssh.SFTPQuotaExceeded, errno.EDQUOT),
)
_LOST: Final = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)


class SftpFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Synchronous, and safe to use from many threads: they share the transport's connection.

    Directories that it makes have the mode 0700, files 0600, from the moment they are there. Bytes
    of a name that are no UTF-8 are kept as Python's file functions keep them (surrogate escapes).
    """

    protocol = "sftp"
    root_marker = "/"
    cachable = False

    def __init__(self, transport: SshTransport) -> None:
        super().__init__()
        self._transport = transport

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe a file or what a link leads to: size in bytes, mtime, mode, uid, gid, type."""
        path = self._strip_protocol(path)
        with _told(path):
            return self._transport.sftp(lambda sftp: _info(sftp, path))

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a directory, or a file as itself."""
        path = self._strip_protocol(path)
        with _told(path):
            found = self._transport.sftp(lambda sftp: _list(sftp, path))
        return found if detail else [one["name"] for one in found]

    def modified(self, path: str) -> datetime:
        """Return when a file was last changed."""
        return datetime.fromtimestamp(self.info(path)["mtime"], UTC)

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return a file's bytes from ``start`` to ``end``; negative ones count from its end."""
        path = self._strip_protocol(path)
        with _told(path):
            return self._transport.sftp(lambda sftp: _read(sftp, path, start, end))

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Return ranges of files, asked for side by side; an error stands for what failed."""
        many = len(paths)
        starts = starts if isinstance(starts, list) else [starts] * many
        ends = ends if isinstance(ends, list) else [ends] * many
        ranges = [
            (self._strip_protocol(path), start, end)
            for path, start, end in zip(paths, starts, ends, strict=True)
        ]
        found = self._transport.sftp(lambda sftp: _read_many(sftp, ranges))
        for failed in found:
            if isinstance(failed, OSError) and on_error != "return":
                raise failed
        return found

    def tail(self, path: str, size: int = 1024) -> bytes:
        """Return the last ``size`` bytes."""
        return self.cat_file(path, start=-size) if size else b""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write a file."""
        path = self._strip_protocol(path)
        flags = "xb" if mode == "create" else "wb"
        with _told(path, writing=True):
            self._transport.sftp(
                lambda sftp: _write(sftp, path, value, flags), again=mode != "create"
            )

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a directory that is not there yet."""
        if create_parents:
            self.makedirs(path, exist_ok=False)
            return
        path = self._strip_protocol(path)
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: _mkdir(sftp, path), again=False)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and those above it."""
        path = self._strip_protocol(path)
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: _makedirs(sftp, path, exist_ok), again=exist_ok)

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        """Rename at once; a file that has the new name is replaced."""
        old, new = self._strip_protocol(path1), self._strip_protocol(path2)
        with _told(old, writing=True):
            self._transport.sftp(lambda sftp: sftp.posix_rename(old, new), again=False)

    def rm(
        self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None
    ) -> None:
        """Remove files, or a directory with all that is in it; links are removed, not followed.

        Names are taken as they are: ``*`` stands for itself.
        """
        for one in [path] if isinstance(path, str) else path:
            self._remove(self._strip_protocol(one), recursive)

    def _remove(self, path: str, recursive: bool) -> None:
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: _rm(sftp, path, recursive), again=False)

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self.rm(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        path = self._strip_protocol(path)
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: sftp.rmdir(path), again=False)

    def chmod(self, path: str, mode: int) -> None:
        """Change who may use a file."""
        path = self._strip_protocol(path)
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: sftp.chmod(path, mode))

    def append(self, path: str, offset: int, value: bytes) -> None:
        """Write bytes at a place of a file; after a cut they are written there again."""
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: _write(sftp, path, value, "r+b", offset))

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **_: Any,
    ) -> SftpFile:
        if mode not in ("rb", "wb", "xb", "ab"):
            raise ValueError(f"A file over SFTP is opened to read or to write, not {mode!r}")
        return SftpFile(
            self, path, mode, block_size or "default", autocommit, cache_options=cache_options
        )


class SftpFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is read in ranges, a block ahead, and written in blocks."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        return bytes(self.fs.cat_file(self.path, start, end))

    def _initiate_upload(self) -> None:
        self._base = 0
        if "a" in self.mode and self.fs.exists(self.path):
            self._base = self.fs.info(self.path)["size"]
        else:
            self.fs.pipe_file(self.path, b"", mode="create" if "x" in self.mode else "overwrite")

    def _upload_chunk(self, final: bool = False) -> bool:
        self.fs.append(self.path, self._base + self.offset, self.buffer.getvalue())
        return True


@contextlib.contextmanager
def _told(path: str, *, writing: bool = False) -> Iterator[None]:
    """Raise what SFTP reports as the errors that Python's own file functions raise."""
    try:
        yield
    except asyncssh.SFTPError as error:
        raise _python_error(error, path, writing) from error


def _python_error(error: asyncssh.SFTPError, path: str, writing: bool = False) -> OSError:
    for kind, number in _ERRORS:
        if isinstance(error, kind):
            return OSError(number, error.reason, path)
    full = "; the disk there may be full, or a quota used up" if writing else ""
    return OSError(errno.EIO, f"the machine answered {error.reason!r}{full}", path)


def _described(path: str, attributes: asyncssh.SFTPAttrs) -> dict[str, Any]:
    mode = attributes.permissions or 0
    kind = "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"
    return {
        "name": path,
        "size": attributes.size or 0,
        "type": kind,
        "mtime": float(attributes.mtime or 0),
        "mode": mode,
        "uid": attributes.uid,
        "gid": attributes.gid,
        "islink": False,
    }


async def _info(sftp: asyncssh.SFTPClient, path: str) -> dict[str, Any]:
    own = await sftp.lstat(path)
    if not stat.S_ISLNK(own.permissions or 0):
        return _described(path, own)
    try:
        return _described(path, await sftp.stat(path)) | {"islink": True}
    except asyncssh.SFTPNoSuchFile:  # it leads nowhere
        return _described(path, own) | {"islink": True}


async def _list(sftp: asyncssh.SFTPClient, path: str) -> list[dict[str, Any]]:
    if not await sftp.isdir(path):
        return [await _info(sftp, path)]
    found, links = [], []
    for entry in await sftp.readdir(path):
        name = str(entry.filename)
        if name in (".", ".."):
            continue
        if "/" in name or not name:
            raise Unreadable(
                f"The machine lists a file of {path} under a name that cannot be",
                found=repr(name),
                advice="Do not trust this machine, and tell its administrator.",
            )
        whole = f"{path.rstrip('/')}/{name}"
        if stat.S_ISLNK(entry.attrs.permissions or 0):
            links.append(whole)
        else:
            found.append(_described(whole, entry.attrs))
    found += await asyncio.gather(*(_info(sftp, link) for link in links))
    return sorted(found, key=lambda one: str(one["name"]))


async def _read(sftp: asyncssh.SFTPClient, path: str, start: int | None, end: int | None) -> bytes:
    """Read a range: the file's size and its first bytes are asked for at once."""
    file: Any
    async with sftp.open(path, "rb") as file:
        first = start if start is not None and start >= 0 else 0
        wanted = _HEAD if end is None or end < 0 else min(_HEAD, max(0, end - first))
        if start is not None and start < 0:
            wanted = 0
        attributes, head = await asyncio.gather(file.stat(), _head(file, wanted, first))
        if isinstance(head, asyncssh.SFTPError):
            if stat.S_ISDIR(attributes.permissions or 0):
                raise asyncssh.SFTPFileIsADirectory("it is a directory")
            raise head
        first, last, _ = slice(start, end).indices(attributes.size or 0)
        if last - first <= len(head):
            return head[: max(0, last - first)]
        rest = await file.read(last - first - len(head), first + len(head))
        return head + bytes(rest)


async def _head(file: Any, size: int, offset: int) -> bytes | asyncssh.SFTPError:
    try:
        return bytes(await file.read(size, offset)) if size else b""
    except asyncssh.SFTPError as error:
        if isinstance(error, _LOST):
            raise
        return error


async def _read_many(
    sftp: asyncssh.SFTPClient, ranges: list[tuple[str, int | None, int | None]]
) -> list[bytes | OSError]:
    side_by_side = asyncio.Semaphore(_AT_ONCE)

    async def one(path: str, start: int | None, end: int | None) -> bytes | OSError:
        async with side_by_side:
            try:
                return await _read(sftp, path, start, end)
            except asyncssh.SFTPError as error:
                if isinstance(error, _LOST):
                    raise
                return _python_error(error, path)

    return await asyncio.gather(*(one(*each) for each in ranges))


async def _write(
    sftp: asyncssh.SFTPClient, path: str, value: bytes, mode: str, offset: int = 0
) -> None:
    made = asyncssh.SFTPAttrs(permissions=_FILE)
    try:
        async with sftp.open(path, mode, made) as file:
            if value:
                await file.write(bytes(value), offset)
    except asyncssh.SFTPFailure as error:
        if "x" in mode:
            await _refuse_taken(sftp, path, error)
        raise


async def _mkdir(sftp: asyncssh.SFTPClient, path: str) -> None:
    try:
        await sftp.mkdir(path, asyncssh.SFTPAttrs(permissions=_DIRECTORY))
    except asyncssh.SFTPFailure as error:
        await _refuse_taken(sftp, path, error)
        raise


async def _refuse_taken(sftp: asyncssh.SFTPClient, path: str, error: Exception) -> None:
    """Say that a name is taken, which protocol 3 tells as a failure of no kind."""
    if await sftp.lexists(path):
        raise asyncssh.SFTPFileAlreadyExists("it is there already") from error


async def _makedirs(sftp: asyncssh.SFTPClient, path: str, exist_ok: bool) -> None:
    try:
        await _mkdir(sftp, path)
    except asyncssh.SFTPFileAlreadyExists:
        if not exist_ok or not await sftp.isdir(path):
            raise
    except asyncssh.SFTPNoSuchFile:
        above = path.rpartition("/")[0]
        if not above:
            raise
        await _makedirs(sftp, above, exist_ok=True)
        await _makedirs(sftp, path, exist_ok)


async def _rm(sftp: asyncssh.SFTPClient, path: str, recursive: bool) -> None:
    attributes = await sftp.lstat(path)
    if not stat.S_ISDIR(attributes.permissions or 0):
        await sftp.remove(path)
    elif recursive:
        await sftp.rmtree(path)
    else:
        raise asyncssh.SFTPFileIsADirectory("it is a directory")
