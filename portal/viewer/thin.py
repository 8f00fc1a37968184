"""A few cells of large chunks: of Zarr on disk, compressed by Blosc, only the blocks that hold them.

Blosc cuts a chunk into blocks, of 128 kB to 2 MB, and compresses each on its own. A point's series
through chunks of one slice each needs one block of every chunk: a thirtieth of what zarr decodes.
"""

from __future__ import annotations

import itertools
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from portal.viewer.sources import lazy_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    Pick = NDArray[np.intp]

#: Pieces of a series: enough for an overview, and each of more work than it is to begin one.
PIECES = 32
_HEADER = 16
#: Bytes that are read first: the header and the places of a thousand blocks.
_FIRST = 4096
_COPIED, _VERSION = 0x02, 2
_FUNCTIONS = {"_ElementwiseFunctionArray"}
_PLAIN = {"NativeEndiannessArray", "BoolTypeArray"}


@dataclass(frozen=True, slots=True)
class Thin:
    """An array of which single cells are read without decoding whole chunks.

    Attributes
    ----------
    array
        The same numbers, without coordinates; it is not Dask's any more.
    """

    array: xr.DataArray
    _stored: ThinZarr

    def length(self, along: str) -> int:
        """Return how many steps of a series are read as one piece: some whole chunks."""
        chunk = self._stored.chunks[self.array.dims.index(along)]
        count = -(-self.array.sizes[along] // chunk)
        return int(chunk * -(-count // PIECES))

    def share(self, along: str, where: Mapping[str, int]) -> float:
        """Return what part of each chunk is decoded for a series along a dimension."""
        dims = self.array.dims
        return self._stored.share([None if d == along else where[str(d)] for d in dims])


def thin(array: xr.DataArray) -> Thin | None:
    """Return how single cells of an array are read, where that is less than whole chunks.

    That is of a Zarr array in a local directory whose only codec is Blosc.
    """
    import xarray as xr

    lazy = lazy_array(array.variable)
    found = None if lazy is None else _rebuilt(lazy)
    if found is None or found[1].shape != array.shape:
        return None
    made, stored = found
    variable = xr.Variable(array.dims, made, array.attrs)
    return Thin(xr.DataArray(variable, name=array.name), stored)


def _rebuilt(data: Any) -> tuple[Any, ThinZarr] | None:
    """Return a lazy array of the same functions of the same numbers, and what reads these."""
    kind = type(data).__name__
    if kind == "ZarrArrayWrapper":
        stored = data._array
        if not _is_plain(stored):
            return None
        made = ThinZarr(data, stored)
        return indexing.LazilyIndexedArray(made), made
    if kind == "LazilyIndexedArray":
        whole = all(isinstance(k, slice) and k == slice(None) for k in data.key.tuple)
        return _rebuilt(data.array) if whole else None
    if kind not in _FUNCTIONS | _PLAIN:
        return None
    found = _rebuilt(data.array)
    if found is None:
        return None
    inner, below = found
    more = (data.func, data.dtype) if kind in _FUNCTIONS else ()
    return indexing.LazilyIndexedArray(type(data)(inner, *more)), below


def _is_plain(array: Any) -> bool:
    """Whether chunks are little-endian C arrays compressed by Blosc alone, in files of their own."""
    if type(array.store).__name__ != "LocalStore" or array.dtype.kind not in "iufbc":
        return False
    about = array.metadata
    if about.zarr_format == 2:
        blosc = getattr(about.compressor, "codec_id", "") == "blosc"
        plain = not about.filters and about.order == "C" and array.dtype.byteorder != ">"
        return bool(blosc and plain)
    if [c.to_dict().get("name") for c in about.codecs] != ["bytes", "blosc"]:
        return False
    endian = about.codecs[0].endian
    return bool(array.dtype.itemsize == 1 or getattr(endian, "value", endian) == "little")


class ThinZarr(BackendArray):
    """A Zarr array that decodes the blocks with the cells that are asked for.

    Whatever is not as expected is left to zarr, with its messages.
    """

    def __init__(self, whole: Any, stored: Any) -> None:
        self.shape, self.dtype, self.chunks = whole.shape, whole.dtype, stored.chunks
        self._whole, self._stored = whole, stored
        self._folder = Path(stored.store.root, stored.path)
        self._key = stored.metadata.encode_chunk_key

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read cells along every dimension."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._get
        )

    def share(self, where: Sequence[int | None]) -> float:
        """Return what part of a chunk is decoded for one cell of it, or for all along a dimension."""
        inside = [
            np.arange(c) if w is None else np.array([w % c])
            for w, c in zip(where, self.chunks, strict=True)
        ]
        chunk = tuple(0 if w is None else w // c for w, c in zip(where, self.chunks, strict=True))
        try:
            file = os.open(self._folder / self._key(chunk), os.O_RDONLY)
        except OSError:
            return 1.0
        try:
            frame = _Frame(file)
        except (OSError, ValueError, struct.error):
            return 1.0
        finally:
            os.close(file)
        places = np.ravel_multi_index(np.ix_(*inside), self.chunks) * self.dtype.itemsize
        blocks = np.unique(places // frame.length)
        return blocks.size / frame.count if frame.is_cut(blocks) else 1.0

    def _get(self, key: tuple[Any, ...]) -> Any:
        try:
            return self._cells(key)
        except (OSError, ValueError, IndexError, RuntimeError, struct.error):
            return self._whole[indexing.OuterIndexer(key)]

    def _cells(self, key: tuple[Any, ...]) -> NDArray[Any]:
        wanted = [_indices(k, n) for k, n in zip(key, self.shape, strict=True)]
        out: NDArray[Any] = np.empty([w.size for w in wanted], self.dtype)
        chunks = self.chunks
        runs = [_runs(w // c) for w, c in zip(wanted, chunks, strict=True)]
        for across in itertools.product(*runs):
            inside = [w[r] % c for w, r, c in zip(wanted, across, chunks, strict=True)]
            at: Pick = np.asarray(np.ravel_multi_index(np.ix_(*inside), chunks))
            where = [int(w[r][0]) // c for w, r, c in zip(wanted, across, chunks, strict=True)]
            out[across] = self._of_chunk(tuple(where), at)
        numbers = tuple(0 if isinstance(k, int | np.integer) else slice(None) for k in key)
        return out[numbers]

    def _of_chunk(self, where: tuple[int, ...], at: Pick) -> NDArray[Any]:
        try:
            file = os.open(self._folder / self._key(where), os.O_RDONLY)
        except FileNotFoundError:
            fill = self._stored.fill_value
            return np.full(at.shape, 0 if fill is None else fill, self.dtype)
        try:
            return _taken(file, at, self.dtype)
        finally:
            os.close(file)


class _Frame:
    """A Blosc frame in a file: a header, the places of its blocks, and these."""

    def __init__(self, file: int) -> None:
        self._file = file
        if hasattr(os, "posix_fadvise"):
            # Blocks are read here and there: what lies between them is not to be read ahead.
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
        self._first = os.pread(file, _FIRST, 0)
        version, _, flags, _, self.size, self.length, self.stored = struct.unpack_from(
            "<4B3I", self._first
        )
        if not 0 < self.length <= self.size:
            raise ValueError("no frame of Blosc")
        self.count = -(-self.size // self.length)
        cut = version == _VERSION and not flags & _COPIED
        self._cut = cut and _HEADER + 4 * self.count <= len(self._first)

    def is_cut(self, blocks: Pick) -> bool:
        """Whether these blocks can be decoded alone, and are few enough."""
        return self._cut and 4 * blocks.size <= 3 * self.count and int(blocks[-1]) < self.count

    def whole(self) -> bytes:
        """Decode all."""
        from numcodecs.blosc import decompress

        rest = os.pread(self._file, max(0, self.stored - len(self._first)), len(self._first))
        if len(self._first) + len(rest) < self.stored:
            raise ValueError("the frame ends early")
        decoded: bytes = decompress(self._first + rest)
        return decoded

    def some(self, blocks: Sequence[int]) -> bytes:
        """Decode blocks, in rising order: a frame of them alone is one of Blosc's too."""
        from numcodecs.blosc import decompress

        starts = np.frombuffer(self._first, "<u4", self.count, _HEADER)
        ends = np.append(np.sort(starts), self.stored)
        parts = []
        for block in blocks:
            start = int(starts[block])
            end = int(ends[np.searchsorted(ends, start, side="right")])
            parts.append(os.pread(self._file, end - start, start))
            if len(parts[-1]) < end - start:
                raise ValueError("the frame ends early")
        places = np.cumsum([_HEADER + 4 * len(parts), *map(len, parts)])
        size = sum(min(self.length, self.size - block * self.length) for block in blocks)
        header = self._first[:4] + struct.pack("<3I", size, self.length, int(places[-1]))
        decoded: bytes = decompress(b"".join([header, places[:-1].astype("<u4").tobytes(), *parts]))
        return decoded


def _taken(file: int, at: Pick, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Take elements from a file of one frame, by their place in the decoded array."""
    frame = _Frame(file)
    blocks, inverse = np.unique(at * dtype.itemsize // frame.length, return_inverse=True)
    if frame.length % dtype.itemsize or not frame.is_cut(blocks):
        everything: NDArray[Any] = np.frombuffer(frame.whole(), dtype).take(at)
        return everything
    picked = blocks.tolist()
    if picked == [frame.count - 1]:
        # The last block may be shorter than the others; a frame of it alone is none.
        picked = [0, *picked]
    each = frame.length // dtype.itemsize
    order = inverse.reshape(at.shape) + (len(picked) - blocks.size)
    values = np.frombuffer(frame.some(picked), dtype)
    taken: NDArray[Any] = values.take(order * each + at % each)
    return taken


def _indices(key: Any, size: int) -> Pick:
    if isinstance(key, slice):
        return np.arange(size, dtype=np.intp)[key]
    return np.atleast_1d(np.asarray(key, dtype=np.intp)) % max(1, size)


def _runs(chunks: Pick) -> Sequence[slice]:
    """Where neighbours lie in one chunk."""
    ends = [0, *(np.flatnonzero(np.diff(chunks)) + 1).tolist(), chunks.size]
    return [slice(a, b) for a, b in itertools.pairwise(ends) if b > a]
