"""Files of object stores, read in blocks that are kept: HDF5 and zip read here and there."""

from __future__ import annotations

from typing import Any

from fsspec.spec import AbstractBufferedFile

#: Bytes of a block, and how many are kept for one open file.
BLOCK = 2**20
MOST_BLOCKS = 32


class BlockFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is read in whole blocks, each asked for once while it is kept."""

    def __init__(self, fs: Any, path: str, size: int | None = None) -> None:
        kept = {"maxblocks": MOST_BLOCKS}
        super().__init__(
            fs, path, "rb", block_size=BLOCK, cache_type="blockcache", cache_options=kept, size=size
        )

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.cat_file(self.path, start=start, end=end)
        return data

    def __reduce__(self) -> tuple[Any, ...]:
        return (BlockFile, (self.fs, self.path, self.size))
