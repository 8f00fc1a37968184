"""The pieces in which an array is read along a dimension: a chunk each."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from portal.errors import PortalError, Unreadable
from portal.viewer.cost import chunk_lengths, is_in_memory
from portal.viewer.read import read

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

Load = Callable[[], "NDArray[np.generic]"]

#: Decoded bytes of the largest piece of an array without chunks.
MOST_BYTES = 32_000_000
#: Pieces of an array on disk whose chunks are not known.
PARTS = 16


class Piece(NamedTuple):
    """Steps `start` to `stop` of a dimension and how they are read."""

    start: int
    stop: int
    load: Load


def pieces_of(array: xr.DataArray, first: int = 0, *, length: int | None = None) -> list[Piece]:
    """Cut an array along its first dimension where its chunks end.

    Parameters
    ----------
    array
        A selection, lazy or not. Of a Dask array the tasks of each piece are run in the thread that
        loads it; where pieces need the results of common tasks it stays in one piece.
    first
        Where, along that dimension, the selection begins in the stored array.
    length
        Steps of each piece, where its chunks do not say.
    """
    size = array.shape[0]
    tasks = _tasks_of(array) if array.chunks is not None else None
    if array.chunks is not None:
        lengths = array.chunks[0] if tasks is not None else (size,)
    else:
        lengths = _lengths(array, first) if length is None else _even(size, length)
    stops = np.cumsum(lengths).tolist()
    starts = [0, *stops[:-1]]
    dim = array.dims[0]

    def loader(i: int) -> Load:
        if tasks is None:
            return lambda: read(array.isel({dim: slice(starts[i], stops[i])}))
        run = tasks[i]
        return lambda: _made(str(array.name), run)

    return [Piece(a, b, loader(i)) for i, (a, b) in enumerate(zip(starts, stops, strict=True))]


def _lengths(array: xr.DataArray, first: int) -> tuple[int, ...]:
    size = array.shape[0]
    known = chunk_lengths(array)
    if known and not is_in_memory(array):
        step = known[str(array.dims[0])][0]
        first %= step
    else:
        most = max(1, MOST_BYTES // max(1, array.nbytes // max(1, size)))
        step = max(1, min(most, size if is_in_memory(array) else math.ceil(size / PARTS)))
        first = 0
    return _even(size, step, first)


def _even(size: int, step: int, first: int = 0) -> tuple[int, ...]:
    borders = [0, *range(step - first, size, step), size]
    return tuple(b - a for a, b in itertools.pairwise(borders))


def _tasks_of(array: xr.DataArray) -> list[Load] | None:
    """Return how each block along the first dimension is made; None where they share work."""
    from dask._task_spec import DataNode, convert_legacy_graph
    from dask.array.core import concatenate3
    from dask.core import flatten

    data = array.data
    blocks = data.__dask_keys__()
    every = list(flatten(blocks))  # type: ignore[no-untyped-call]
    graph = dict(convert_legacy_graph(data.__dask_optimize__(data.__dask_graph__(), every)))
    given = {key for key, task in graph.items() if isinstance(task, DataNode)}
    if any(type(graph[key].value).__module__.startswith("distributed") for key in given):
        return None
    uses: Counter[Any] = Counter()
    for block in blocks:
        needed: set[Any] = set()
        waiting = list(flatten([block]))  # type: ignore[no-untyped-call]
        while waiting:
            key = waiting.pop()
            if key not in needed and key not in given:
                needed.add(key)
                waiting.extend(graph[key].dependencies)
        uses.update(needed)
    if max(uses.values(), default=0) > 1:
        return None

    def run(key: Any, known: dict[Any, Any]) -> Any:
        if isinstance(key, list):
            return [run(k, known) for k in key]
        if key not in known:
            task = graph[key]
            known[key] = task({d: run(d, known) for d in task.dependencies})
        return known[key]

    def load(block: Any) -> Load:
        return lambda: np.asarray(concatenate3(run([block], {})))  # type: ignore[no-untyped-call]

    return [load(block) for block in blocks]


def _made(name: str, run: Load) -> NDArray[np.generic]:
    """Run tasks as `read` computes an array: the same numbers, the same error."""
    import xarray as xr

    try:
        values = run()
    except PortalError:
        raise
    except Exception as error:  # the plug-in boundary: any xarray backend may raise anything
        raise Unreadable(
            f"Reading {name} failed",
            found=f"{type(error).__name__}: {error}",
            advice="Check that the file is whole and its store can be reached, then choose again.",
        ) from error
    return read(xr.DataArray(values, name=name))
