"""The array behind a variable, as blocks that can be read one by one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from portal.viewer.read import client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    Bounds = tuple[NDArray[np.intp], ...]

Region = tuple[tuple[int, int, int], ...]
"""Start, stop and step along every dimension."""

_WRAPPERS = {"MemoryCachedArray", "CopyOnWriteArray", "ImplicitToExplicitIndexingAdapter"}
_LOOK = 0.05
FEW_BLOCKS = 64
SMALL_BLOCK = 1_000_000
"""Bytes: smaller chunks are read by the dozen, where a plane has more than `FEW_BLOCKS` of them."""


class Source(Protocol):
    """What can be read of a variable.

    Attributes
    ----------
    token
        The same for all variables over one array.
    bounds
        Borders of the chunks along each dimension: 0, …, size. None where the store has no chunks.
    together
        Whether regions are best read in one call: they may have work in common.
    """

    token: int
    itemsize: int
    bounds: tuple[NDArray[np.intp], ...] | None
    together: bool

    def read(self, regions: Sequence[Region], step: Callable[[], None]) -> list[NDArray[Any]]:
        """Read regions; `step` is called between the parts of the work."""
        ...


class LazySource:
    """An array of an xarray backend: Zarr, NetCDF, HDF5, and all others."""

    together: bool = False

    def __init__(self, variable: xr.Variable, array: Any) -> None:
        self.token = token_of(array)
        self.itemsize = variable.dtype.itemsize
        self.bounds: Bounds | None = _stored_bounds(variable)
        import xarray as xr

        self._inner = _inner(array)
        # A variable of its own: reading it must not load the one it comes from.
        self._array = xr.Variable(variable.dims, self._inner)

    def read(self, regions: Sequence[Region], step: Callable[[], None]) -> list[NDArray[Any]]:
        """Read regions one after the other."""
        found = []
        for region in regions:
            step()
            found.append(self._array[tuple(slice(*along) for along in region)].values)
        return found


class DaskSource:
    """A Dask array that has to be computed, in this process or on a cluster that holds its chunks."""

    together: bool = True

    def __init__(self, variable: xr.Variable) -> None:
        self.token = token_of(variable.data)
        self.itemsize = variable.dtype.itemsize
        self._array: Any = variable.data
        self.bounds: Bounds | None = tuple(_borders(c) for c in self._array.chunks)

    def read(self, regions: Sequence[Region], step: Callable[[], None]) -> list[NDArray[Any]]:
        """Compute regions in one graph, so that what they have in common is computed once."""
        from dask.base import compute

        parts = [self._array[tuple(slice(*along) for along in region)] for region in regions]
        step()
        client = client_of(self._array)
        if client is not None:
            return _from_cluster(client, parts, step)

        def before(*_: object) -> None:
            step()

        hooks = [(None, None, before, None, None)]
        return list(compute(*parts, scheduler="threads", callbacks=hooks))  # type: ignore[no-untyped-call]


def token_of(data: Any) -> int:
    """Tell arrays apart: the same number for all that wrap one array, as long as one of them lives."""
    return id(_inner(data))


def _inner(data: Any) -> Any:
    while type(data).__name__ in _WRAPPERS:
        data = data.array
    return data


def lazy_array(variable: xr.Variable) -> Any:
    """Return the array of an xarray backend behind a variable, also through `open_zarr`'s Dask; else None."""
    data: Any = variable._data
    if variable.chunks is not None:
        data = _opened(data) if hasattr(data, "dask") else None
    elif isinstance(data, np.ndarray) or variable._in_memory:
        data = None
    return None if data is None else _inner(data)


def source_of(variable: xr.Variable) -> Source | None:
    """Return the array behind a variable; None where it is in memory already."""
    data: Any = variable._data
    if variable.chunks is not None:
        if not hasattr(data, "dask"):
            return None
        opened = _opened(data)
        return LazySource(variable, opened) if opened is not None else DaskSource(variable)
    if isinstance(data, np.ndarray) or variable._in_memory:
        return None
    return LazySource(variable, data)


def _opened(array: Any) -> Any:
    """Return the lazy array that a Dask array of `open_dataset` only cuts into chunks, or None.

    Read directly, its chunks cost no graph: on an array of 1,000 chunks that is 4 of 14 ms.
    """
    from dask.blockwise import Blockwise
    from xarray.core.indexing import ImplicitToExplicitIndexingAdapter

    layers = dict(array.dask.layers)
    cut = layers.pop(array.name, None)
    if not isinstance(cut, Blockwise) or len(layers) != 1:
        return None
    ((name, layer),) = layers.items()
    found = layer.get(name) if len(layer) == 1 else None
    found = getattr(found, "value", found)
    whole = isinstance(found, ImplicitToExplicitIndexingAdapter) and found.shape == array.shape
    return found if whole else None


def _from_cluster(client: Any, parts: list[Any], step: Callable[[], None]) -> list[NDArray[Any]]:
    from distributed import wait

    futures = client.compute(parts)
    try:
        while True:
            step()
            with contextlib.suppress(TimeoutError):
                wait(futures, timeout=_LOOK)  # type: ignore[no-untyped-call]
                return [np.asarray(f.result()) for f in futures]
    finally:
        client.cancel(futures)


def _stored_bounds(variable: xr.Variable) -> tuple[NDArray[np.intp], ...] | None:
    """Borders of the chunks on disk; None where the store has none, or only one for all."""
    if variable.chunks is not None:
        return tuple(_borders(c) for c in variable.chunks)
    chunks = variable.encoding.get("preferred_chunks") or {}
    if not chunks:
        return None
    found = []
    for dim, size in zip(variable.dims, variable.shape, strict=True):
        chunk = chunks.get(dim, size)
        if isinstance(chunk, tuple):
            chunk = chunk[0] if sum(chunk) != size else chunk
        sizes = chunk if isinstance(chunk, tuple) else _even(int(chunk), size)
        found.append(_borders(sizes))
    return tuple(found)


def _even(chunk: int, size: int) -> list[int]:
    chunk = max(1, min(chunk, size))
    return [chunk] * (size // chunk) + [size % chunk] * (size % chunk > 0)


def _borders(sizes: Sequence[int]) -> NDArray[np.intp]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
