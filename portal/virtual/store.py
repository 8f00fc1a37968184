"""A read-only Zarr store over references."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)

from portal.virtual.references import References

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype

#: Reads bytes: the file's address, the first byte, the number of bytes or None for all.
Fetch = Callable[[str, int, int | None], bytes]


class ReferenceStore(Store):
    """Reads chunks from where the references say.

    Parameters
    ----------
    references
        What the keys stand for.
    fetch
        Reads a byte range; it is called in threads, and pickles.
    """

    def __init__(self, references: References, fetch: Fetch) -> None:
        super().__init__(read_only=True)
        self._references = references
        self._fetch = fetch

    def __eq__(self, value: object) -> bool:
        return isinstance(value, ReferenceStore) and value._references == self._references

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return f"references://{id(self._references)}"

    def with_read_only(self, read_only: bool = True) -> ReferenceStore:
        """Return itself: it cannot be written."""
        if not read_only:
            raise ValueError("references are read only")
        return self

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of a key, or a part of them; None without one."""
        entry = self._references.entries.get(key)
        if entry is None:
            return None
        if isinstance(entry, bytes):
            start, stop = _bounds(byte_range, len(entry))
            return prototype.buffer.from_bytes(entry[start:stop])
        url, offset, length = entry
        if byte_range is not None and length is not None:
            start, stop = _bounds(byte_range, length)
            offset, length = offset + start, max(stop - start, 0)
        data = await asyncio.to_thread(self._fetch, url, offset, length)
        if byte_range is not None and entry[2] is None:
            start, stop = _bounds(byte_range, len(data))
            data = data[start:stop]
        return prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return several parts."""
        return list(await asyncio.gather(*(self.get(k, prototype, r) for k, r in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._references.entries

    @property
    def supports_writes(self) -> bool:
        """It cannot be written."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """Nothing can be deleted."""
        return False

    @property
    def supports_listing(self) -> bool:
        """Its keys are known."""
        return True

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse to write."""
        raise ValueError("references are read only")

    async def delete(self, key: str) -> None:
        """Refuse to delete."""
        raise ValueError("references are read only")

    async def list(self) -> AsyncIterator[str]:
        """Give every key."""
        for key in self._references.entries:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Give the keys that start with a text."""
        for key in self._references.entries:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Give the names in a directory."""
        start = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
        keys = (k for k in self._references.entries if k.startswith(start))
        for name in dict.fromkeys(k[len(start) :].partition("/")[0] for k in keys):
            yield name


def _bounds(part: ByteRequest | None, length: int) -> tuple[int, int]:
    match part:
        case RangeByteRequest(start, end):
            return min(start, length), min(end, length)
        case OffsetByteRequest(offset):
            return min(offset, length), length
        case SuffixByteRequest(suffix):
            return max(length - suffix, 0), length
    return 0, length
