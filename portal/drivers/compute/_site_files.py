"""SiteFileSystem: what file systems of sites have in common, as fsspec has them."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

_AT_ONCE: Final = 8

#: A path, and the bytes of the file from the first to before the last.
Range = tuple[str, int | None, int | None]


class SiteFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """It is asked anew at each call, since others write there too."""

    root_marker = "/"
    cachable = False
    #: What an opened file is.
    opened: ClassVar[type[AbstractBufferedFile]]

    def modified(self, path: str) -> datetime:
        """Return when a file was last changed."""
        return datetime.fromtimestamp(self.info(path)["mtime"], UTC)

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
        found = self._read_many([*zip(map(self._strip_protocol, paths), starts, ends, strict=True)])
        for failed in found:
            if isinstance(failed, OSError) and on_error != "return":
                raise failed
        return found

    def _read_many(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        def one(wanted: Range) -> bytes | OSError:
            try:
                return bytes(self.cat_file(*wanted))
            except OSError as error:
                return error

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(one, ranges))

    def tail(self, path: str, size: int = 1024) -> bytes:
        """Return the last ``size`` bytes."""
        return bytes(self.cat_file(path, start=-size)) if size else b""

    def rm(
        self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None
    ) -> None:
        """Remove files, or a directory with all that is in it; links are removed, not followed.

        Names are taken as they are: ``*`` stands for itself.
        """
        for one in [path] if isinstance(path, str) else path:
            self._remove(self._strip_protocol(one), recursive)

    def _remove(self, path: str, recursive: bool) -> None:
        if not recursive and self.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "it is a directory", path)
        self.rm_file(path)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **_: Any,
    ) -> AbstractBufferedFile:
        if mode not in ("rb", "wb", "xb", "ab"):
            raise ValueError(f"A file of a site is opened to read or to write, not {mode!r}")
        return self.opened(
            self, path, mode, block_size or "default", autocommit, cache_options=cache_options
        )
