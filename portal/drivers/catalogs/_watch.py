"""A Zarr store that is watched as it is read: what its metadata say is held against its bytes.

The metadata that Zarr itself reads are checked on their way, so that a server gains nothing by
answering otherwise the second time. A chunk that would unpack to more than its array declares is
refused by the size in its header, before it is unpacked.
"""

from __future__ import annotations

import bz2
import json
import lzma
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.storage import WrapperStore

from portal.drivers.catalogs._guard import ZARR_DOCUMENTS, itemsize_of, refuse_code
from portal.errors import TooLarge, Unreadable

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

#: Filters may make values wider before they are packed, and texts have no width.
MOST_WIDENED = 16
LEAST_ALLOWED = 2**20
LARGEST_TEXT = 2**30
#: Deflate packs 1,032 bytes into one at most; fewer than this are unpacked without a look.
_DEFLATE = 1_032
_UNSEEN = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Limit:
    """What a chunk may unpack to: bytes, and the codec that packed it last."""

    bytes: int
    codec: str
    sharded: bool = False


class Watched(WrapperStore[Any]):
    """Checks metadata and chunks as they are read.

    Parameters
    ----------
    where
        The store's address, for messages.
    limits
        What the chunks of an array may unpack to, by the array's path; filled as metadata pass.
    documents
        Metadata that are given in place of the store's own.
    """

    def __init__(
        self,
        store: Store,
        where: str = "",
        limits: dict[str, Limit] | None = None,
        documents: Mapping[str, bytes] | None = None,
    ) -> None:
        super().__init__(store)
        self.where = where
        self.limits: dict[str, Limit] = {} if limits is None else limits
        self.documents = documents or {}

    def _with_store(self, store: Store) -> Watched:
        return Watched(store, self.where, self.limits, self.documents)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of a key.

        Raises
        ------
        TooLarge
            They would unpack to more than the array declares.
        Unreadable
            They name a codec that runs code.
        """
        data: Buffer | None
        if key in self.documents and byte_range is None:
            data = prototype.buffer.from_bytes(self.documents[key])
        else:
            data = await self._store.get(key, prototype, byte_range)
        if data is None:
            return None
        path, _, base = key.rpartition("/")
        if base in ZARR_DOCUMENTS:
            if byte_range is None:
                self._learn(key, path, base, data.to_bytes())
            return data
        limit = self._limit(path)
        if limit is not None and (byte_range is not None or not limit.sharded):
            unpacked = size_of(data.to_bytes(), limit)
            if unpacked > limit.bytes:
                raise TooLarge(
                    f"The chunk {key} of {self.where} unpacks to more than its array declares",
                    found=f"{unpacked:,} bytes or more, where {limit.bytes:,} would be many",
                    advice="Check who made it: it was not unpacked.",
                )
        return data

    def _learn(self, key: str, path: str, base: str, text: bytes) -> None:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(document, dict):
            return
        refuse_code(f"{self.where}: {key}", document)
        if base == ".zmetadata":
            nodes = document.get("metadata")
        elif base == "zarr.json":
            nodes = (document.get("consolidated_metadata") or {}).get("metadata")
        else:
            nodes = None
        found: dict[str, Any] = {path: document}
        for name, node in (nodes if isinstance(nodes, dict) else {}).items():
            found["/".join(filter(None, (path, name.removesuffix("/.zarray"))))] = node
        for name, node in found.items():
            limit = limit_of(node, self.where) if isinstance(node, Mapping) else None
            if limit is not None:
                self.limits[name] = limit

    def _limit(self, path: str) -> Limit | None:
        while path and path not in self.limits:
            path = path.rpartition("/")[0]
        return self.limits.get(path)


def limit_of(node: Mapping[str, Any], where: str = "a store") -> Limit | None:
    """Read what an array's chunks may unpack to; None for what is no array.

    Raises
    ------
    Unreadable
        Its metadata are damaged.
    """
    if "shape" not in node:
        return None
    try:
        codecs = node.get("codecs")
        chunks = node.get("chunks") or node["chunk_grid"]["configuration"]["chunk_shape"]
        sharded = False
        if codecs is None:
            packer = node.get("compressor") or (node.get("filters") or [{}])[-1]
            name = str(packer.get("id", ""))
        else:
            while codecs and codecs[-1].get("name") == "sharding_indexed":
                sharded, inner = True, codecs[-1]["configuration"]
                chunks, codecs = inner["chunk_shape"], inner["codecs"]
            kept = [c["name"] for c in codecs if c["name"] not in ("crc32c", "numcodecs.crc32")]
            name = str(kept[-1]) if kept else ""
        size = itemsize_of(node.get("dtype", node.get("data_type")))
        declared = math.prod(int(n) for n in chunks) * abs(size)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Unreadable(
            f"The metadata of a Zarr array of {where} cannot be read",
            found=f"{type(error).__name__}: {error}",
            advice="Write the store anew.",
        ) from error
    allowed = LARGEST_TEXT if size < 0 else max(declared * MOST_WIDENED, LEAST_ALLOWED)
    return Limit(allowed, name.removeprefix("numcodecs."), sharded)


def size_of(data: bytes, limit: Limit) -> int:
    """Return the bytes that a chunk unpacks to, as its header says; at least those it has.

    Where the header does not say it, the chunk is unpacked piece by piece up to the limit.
    """
    match limit.codec:
        case "blosc":
            return int.from_bytes(data[4:8], "little")
        case "lz4":
            return int.from_bytes(data[:4], "little")
        case "zstd":
            return _zstd(data)
        case "zlib" | "gzip":
            if len(data) * _DEFLATE <= _UNSEEN:
                return len(data)
            bits = 31 if limit.codec == "gzip" else 15
            return _stream(zlib.decompressobj(bits).decompress, data, limit.bytes)
        case "bz2":
            return _stream(bz2.BZ2Decompressor().decompress, data, limit.bytes)
        case "lzma":
            return _stream(lzma.LZMADecompressor().decompress, data, limit.bytes)
    return len(data)


def _stream(unpack: Callable[[bytes, int], bytes], data: bytes, most: int) -> int:
    """Unpack up to one byte more than is allowed, and keep nothing."""
    try:
        return len(unpack(data, most + 1))
    except (OSError, zlib.error, lzma.LZMAError, EOFError):
        return len(data)


def _zstd(data: bytes) -> int:
    """The content's size in a Zstandard frame (RFC 8878, 3.1.1.1); that of the data if unsaid."""
    if data[:4] != b"\x28\xb5\x2f\xfd" or len(data) < 6:
        return len(data)
    flags = data[4]
    single = bool(flags & 0x20)
    width = (int(single), 2, 4, 8)[flags >> 6]
    start = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    said = int.from_bytes(data[start : start + width], "little") + (256 if width == 2 else 0)
    return said if width else len(data)
