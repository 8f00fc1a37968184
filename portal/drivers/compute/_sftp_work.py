"""What the file system over SFTP asks of a machine: coroutines on an SFTP client."""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import Iterable
from typing import Any, Final

import asyncssh

from portal.drivers.compute._site_files import Range
from portal.errors import Unreadable

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


def python_error(error: asyncssh.SFTPError, path: str, writing: bool = False) -> OSError:
    """Return what Python's own file functions would raise."""
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


async def info(sftp: asyncssh.SFTPClient, path: str) -> dict[str, Any]:
    """Describe a file, or what a link leads to."""
    own = await sftp.lstat(path)
    if not stat.S_ISLNK(own.permissions or 0):
        return _described(path, own)
    try:
        return _described(path, await sftp.stat(path)) | {"islink": True}
    except asyncssh.SFTPNoSuchFile:  # it leads nowhere
        return _described(path, own) | {"islink": True}


async def entries(sftp: asyncssh.SFTPClient, path: str) -> list[dict[str, Any]]:
    """Describe what a directory holds, or a file as itself; sorted by name."""
    if not await sftp.isdir(path):
        return [await info(sftp, path)]
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
    found += await asyncio.gather(*(info(sftp, link) for link in links))
    return sorted(found, key=lambda one: str(one["name"]))


async def beginning(
    sftp: asyncssh.SFTPClient, path: str, start: int | None, end: int | None
) -> tuple[int, int, bytes]:
    """Return where a range begins and ends, and its first bytes, which are often all of it.

    The size of the file and the bytes are asked for at once.
    """
    file: Any
    async with sftp.open(path, "rb") as file:
        first = max(0, start or 0)
        wanted = _HEAD if end is None or end < 0 else min(_HEAD, end - first)
        if start is not None and start < 0:
            wanted = 0
        attributes, head = await asyncio.gather(file.stat(), _some(file, wanted, first))
        if isinstance(head, asyncssh.SFTPError):
            if stat.S_ISDIR(attributes.permissions or 0):
                raise asyncssh.SFTPFileIsADirectory("it is a directory")
            raise head
    first, last, _ = slice(start, end).indices(attributes.size or 0)
    return first, last, head[: max(0, last - first)]


async def _some(file: Any, size: int, offset: int) -> bytes | asyncssh.SFTPError:
    try:
        return bytes(await file.read(size, offset)) if size > 0 else b""
    except asyncssh.SFTPError as error:
        if isinstance(error, _LOST):
            raise
        return error


async def read(sftp: asyncssh.SFTPClient, path: str, first: int, last: int) -> bytes:
    """Return the bytes from one place to another."""
    file: Any
    async with sftp.open(path, "rb") as file:
        return bytes(await file.read(last - first, first))


async def _read_range(
    sftp: asyncssh.SFTPClient, path: str, start: int | None, end: int | None
) -> bytes:
    first, last, head = await beginning(sftp, path, start, end)
    at = first + len(head)
    return head + await read(sftp, path, at, last) if at < last else head


async def read_many(sftp: asyncssh.SFTPClient, ranges: Iterable[Range]) -> list[bytes | OSError]:
    """Read ranges side by side; an error stands for what failed."""
    side_by_side = asyncio.Semaphore(_AT_ONCE)

    async def one(path: str, start: int | None, end: int | None) -> bytes | OSError:
        async with side_by_side:
            try:
                return await _read_range(sftp, path, start, end)
            except asyncssh.SFTPError as error:
                if isinstance(error, _LOST):
                    raise
                return python_error(error, path)

    return await asyncio.gather(*(one(*each) for each in ranges))


async def write(
    sftp: asyncssh.SFTPClient, path: str, value: bytes, mode: str, offset: int = 0
) -> None:
    """Write bytes into a file, which is made for its owner alone."""
    made = asyncssh.SFTPAttrs(permissions=_FILE)
    try:
        async with sftp.open(path, mode, made) as file:
            if value:
                await file.write(bytes(value), offset)
    except asyncssh.SFTPFailure as error:
        if "x" in mode:
            await _refuse_taken(sftp, path, error)
        raise


async def mkdir(sftp: asyncssh.SFTPClient, path: str) -> None:
    """Make a directory for its owner alone."""
    try:
        await sftp.mkdir(path, asyncssh.SFTPAttrs(permissions=_DIRECTORY))
    except asyncssh.SFTPFailure as error:
        await _refuse_taken(sftp, path, error)
        raise


async def _refuse_taken(sftp: asyncssh.SFTPClient, path: str, error: Exception) -> None:
    """Say that a name is taken, which protocol 3 tells as a failure of no kind."""
    if await sftp.lexists(path):
        raise asyncssh.SFTPFileAlreadyExists("it is there already") from error


async def makedirs(sftp: asyncssh.SFTPClient, path: str, exist_ok: bool) -> None:
    """Make a directory and those above it."""
    try:
        await mkdir(sftp, path)
    except asyncssh.SFTPFileAlreadyExists:
        if not exist_ok or not await sftp.isdir(path):
            raise
    except asyncssh.SFTPNoSuchFile:
        above = path.rpartition("/")[0]
        if not above:
            raise
        await makedirs(sftp, above, exist_ok=True)
        await makedirs(sftp, path, exist_ok)


async def remove(sftp: asyncssh.SFTPClient, path: str, recursive: bool) -> None:
    """Remove a file or a link, or a directory with all that is in it."""
    attributes = await sftp.lstat(path)
    if not stat.S_ISDIR(attributes.permissions or 0):
        await sftp.remove(path)
    elif recursive:
        await sftp.rmtree(path)
    else:
        raise asyncssh.SFTPFileIsADirectory("it is a directory")
