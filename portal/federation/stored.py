"""How many bytes a variable takes as it is stored, without reading its data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr
    import zarr

#: Chunks whose stored size is asked for; the mean of them stands for the others.
SAMPLE = 24
#: Layers of wrapping around a stored array that are looked through.
_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored size of a variable.

    Parameters
    ----------
    how
        Where it is from, in words.
    ratio
        Stored bytes for a byte in memory.
    chunk, mean
        The stored chunk's shape and its mean bytes; None and 0 where only the ratio is known.
    """

    how: str
    ratio: float = 1.0
    chunk: tuple[int, ...] | None = None
    mean: float = 0.0


def stored(
    variable: xr.Variable,
    blocks: Collection[tuple[int, ...]],
    file_bytes: int | None,
    whole: int,
) -> Stored:
    """Return the stored size of a variable: of its chunks where they can be asked, else by ratio.

    Parameters
    ----------
    blocks
        The Dask blocks of interest, by their indices.
    file_bytes
        Stored bytes of the dataset; None where that is not known.
    whole
        Bytes of the dataset's variables in memory.
    """
    array = _zarr_array(variable)
    if array is not None and blocks:
        sizes = _sampled(array, variable, blocks)
        if sizes is not None:
            shape = tuple(array.shards or array.chunks)
            counted = f"{len(sizes)} chunk sizes were asked for"
            return Stored(counted, chunk=shape, mean=sum(sizes) / len(sizes))
    if file_bytes and whole:
        ratio = min(1.0, file_bytes / whole)
        return Stored(f"its files take {ratio:.0%} of its size in memory", ratio)
    return Stored("its stored size is not known, and taken to be that in memory")


def _zarr_array(variable: xr.Variable) -> zarr.Array[Any] | None:
    """Look through the graph of a variable that was opened lazily for the Zarr array below it."""
    import zarr

    for layer in variable.data.dask.layers.values():
        for value in _few(layer):
            held = value
            for _ in range(_DEPTH):
                if isinstance(held, zarr.Array):
                    fits = held.shape == variable.shape
                    return held if fits else None
                below = getattr(held, "array", None)
                held = getattr(held, "_array", None) if below is None else below
    return None


def _few(layer: Any) -> Iterator[Any]:
    """Give the values of a layer that holds an opened array; those are of one value."""
    if getattr(layer, "is_materialized", lambda: False)() and len(layer) == 1:
        value = next(iter(layer.values()))
        yield getattr(value, "value", value)


def _sampled(
    array: zarr.Array[Any], variable: xr.Variable, blocks: Collection[tuple[int, ...]]
) -> list[int] | None:
    """Return the stored bytes of some of the chunks; None where the store cannot tell."""
    from zarr.abc.store import Store
    from zarr.core.sync import sync

    store = array.store_path.store
    while type(store).getsize is Store.getsize and hasattr(store, "_store"):
        store = store._store
    if type(store).getsize is Store.getsize:  # it would read the whole chunk to measure it
        return None
    keys = [
        f"{array.path}/{key}".lstrip("/")
        for key in (
            array.metadata.encode_chunk_key(coords) for coords in _spread(array, variable, blocks)
        )
    ]

    async def sizes() -> list[int]:
        import asyncio

        async def one(key: str) -> int:
            try:
                return await store.getsize(key)
            except FileNotFoundError:  # a chunk of nothing but fill values is not stored
                return 0

        return list(await asyncio.gather(*(one(key) for key in keys)))

    try:
        return sync(sizes()) or None
    except (OSError, ValueError, NotImplementedError, RuntimeError):
        return None


def _spread(
    array: zarr.Array[Any], variable: xr.Variable, blocks: Collection[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Return coordinates of stored chunks, one of each of some of the blocks, evenly spread."""
    shape = array.shards or array.chunks
    starts = []
    for along in variable.chunksizes.values():
        at = [0]
        for length in along[:-1]:
            at.append(at[-1] + length)
        starts.append(at)
    ordered = sorted(blocks)
    step = max(1, math.ceil(len(ordered) / SAMPLE))
    return [
        tuple(s[i] // length for s, i, length in zip(starts, block, shape, strict=True))
        for block in ordered[::step]
    ]
