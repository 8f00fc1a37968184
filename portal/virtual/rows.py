"""References to parts of chunks: bytes that lie one after another can be cut into rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

#: Rows are cut no finer than this many of them for one variable of one file.
MOST_ROWS = 100_000


def is_plain(array: Any) -> bool:
    """Whether the bytes of a virtual array's chunks are its values, in C order."""
    names = [type(codec).__name__ for codec in array.metadata.codecs]
    return names == ["BytesCodec"]


def in_rows(array: Any) -> Any:
    """Cut a plain virtual array along its first dimension, so that each chunk is one row.

    Others, and those that are cut so already, are returned as they are.
    """
    from virtualizarr.manifests import ChunkManifest, ManifestArray

    shape, chunks = array.shape, array.metadata.chunks
    if not shape or chunks[0] == 1 or not is_plain(array) or shape[0] > MOST_ROWS:
        return array
    if any(chunk < size for chunk, size in zip(chunks[1:], shape[1:], strict=True)):
        return array
    manifest = array.manifest
    row = math.prod(shape[1:]) * array.dtype.itemsize
    first = np.arange(shape[0])
    held = first // chunks[0]
    flat = (manifest._paths.ravel(), manifest._offsets.ravel(), manifest._lengths.ravel())
    paths, offsets, lengths = (part[held] for part in flat)
    there = lengths > 0
    grid = (shape[0],) + (1,) * (len(shape) - 1)
    cut = ChunkManifest.from_arrays(
        paths=paths.reshape(grid),
        offsets=np.where(there, offsets + (first % chunks[0]) * row, 0)
        .astype("uint64")
        .reshape(grid),
        lengths=np.where(there, row, 0).astype("uint64").reshape(grid),
    )
    return ManifestArray(metadata=_chunked(array.metadata, (1, *shape[1:])), chunkmanifest=cut)


def expanded(variable: xr.Variable, dim: str) -> xr.Variable:
    """Give a virtual variable a first dimension of length one."""
    from virtualizarr.manifests import ChunkManifest, ManifestArray

    array: Any = variable.data
    if not hasattr(array, "manifest"):
        return xr.Variable((dim, *variable.dims), array[None], variable.attrs, variable.encoding)
    manifest = array.manifest
    stacked = ChunkManifest.from_arrays(
        paths=manifest._paths[None],
        offsets=manifest._offsets[None],
        lengths=manifest._lengths[None],
    )
    metadata = _chunked(array.metadata, (1, *array.metadata.chunks), (1, *array.shape))
    whole = ManifestArray(metadata=metadata, chunkmanifest=stacked)
    return xr.Variable((dim, *variable.dims), whole, variable.attrs, variable.encoding)


def _chunked(metadata: Any, chunks: tuple[int, ...], shape: tuple[int, ...] | None = None) -> Any:
    document = metadata.to_dict()
    document["chunk_grid"] = {
        "name": "regular",
        "configuration": {"chunk_shape": [max(n, 1) for n in chunks]},
    }
    if shape is not None:
        document["shape"] = list(shape)
        document["dimension_names"] = None
    return type(metadata).from_dict(document)
