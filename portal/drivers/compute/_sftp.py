"""The files of a machine over the connection that its commands use (SFTP), as fsspec has them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import asyncssh
from fsspec.spec import AbstractBufferedFile

from portal.drivers.compute import _sftp_work
from portal.drivers.compute._site_files import Range, SiteFileSystem

if TYPE_CHECKING:
    from portal.drivers.compute._ssh import SshTransport

#: What a range without an end is taken to hold, for the time that it is given.
_LARGE: Final = 1 << 26


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


class SftpFileSystem(SiteFileSystem):
    """Synchronous, and safe to use from many threads: they share the transport's connection.

    Directories that it makes have the mode 0700, files 0600, from the moment they are there. Bytes
    of a name that are no UTF-8 are kept as Python's file functions keep them (surrogate escapes).
    """

    protocol = "sftp"
    opened = SftpFile

    def __init__(self, transport: SshTransport) -> None:
        super().__init__()
        self._transport = transport

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe a file or what a link leads to: size in bytes, mtime, mode, uid, gid, type."""
        path = self._strip_protocol(path)
        with _told(path):
            return self._transport.sftp(lambda sftp: _sftp_work.info(sftp, path))

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a directory, or a file as itself."""
        path = self._strip_protocol(path)
        with _told(path):
            found = self._transport.sftp(lambda sftp: _sftp_work.entries(sftp, path))
        return found if detail else [one["name"] for one in found]

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return a file's bytes from ``start`` to ``end``; negative ones count from its end."""
        path = self._strip_protocol(path)
        with _told(path):
            first, last, head = self._transport.sftp(
                lambda sftp: _sftp_work.beginning(sftp, path, start, end)
            )
            at = first + len(head)
            if at >= last:
                return head
            rest = self._transport.sftp(
                lambda sftp: _sftp_work.read(sftp, path, at, last), size=last - at
            )
            return head + rest

    def _read_many(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        size = sum((end or _LARGE) - (start or 0) for _, start, end in ranges)
        return self._transport.sftp(
            lambda sftp: _sftp_work.read_many(sftp, ranges), size=max(0, size)
        )

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write a file."""
        path = self._strip_protocol(path)
        flags = "xb" if mode == "create" else "wb"
        with _told(path, writing=True):
            self._transport.sftp(
                lambda sftp: _sftp_work.write(sftp, path, value, flags),
                again=mode != "create",
                size=len(value),
            )

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a directory that is not there yet."""
        if create_parents:
            self.makedirs(path, exist_ok=False)
            return
        path = self._strip_protocol(path)
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: _sftp_work.mkdir(sftp, path), again=False)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and those above it."""
        path = self._strip_protocol(path)
        with _told(path, writing=True):
            self._transport.sftp(
                lambda sftp: _sftp_work.makedirs(sftp, path, exist_ok), again=exist_ok
            )

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        """Rename at once; a file that has the new name is replaced."""
        old, new = self._strip_protocol(path1), self._strip_protocol(path2)
        with _told(old, writing=True):
            self._transport.sftp(lambda sftp: sftp.posix_rename(old, new), again=False)

    def _remove(self, path: str, recursive: bool) -> None:
        with _told(path, writing=True):
            self._transport.sftp(lambda sftp: _sftp_work.remove(sftp, path, recursive), again=False)

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
            self._transport.sftp(
                lambda sftp: _sftp_work.write(sftp, path, value, "r+b", offset), size=len(value)
            )


@contextlib.contextmanager
def _told(path: str, *, writing: bool = False) -> Iterator[None]:
    """Raise what SFTP reports as the errors that Python's own file functions raise."""
    try:
        yield
    except asyncssh.SFTPError as error:
        raise _sftp_work.python_error(error, path, writing) from error
