"""What an analysis needs: the chunks that it touches, as stored and as decoded, and its result.

The analysis is called on stand-ins of its inputs: lazy Datasets of the same form, whose chunks
cannot be computed. So nothing is read, and an analysis that computes while it is being built is
noticed at once. Its graph is then followed from the result back to the chunks of the inputs.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from portal.core.analysis import Analysis
from portal.core.item import Item
from portal.federation.stored import Stored, stored

if TYPE_CHECKING:
    import xarray as xr

#: Seconds that opening the inputs and following the graph may take.
DEADLINE = 10.0
#: Tasks of a graph that are followed; of a larger one every chunk is taken as touched.
MOST_TASKS = 2_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """What one input is needed for.

    Parameters
    ----------
    stored, decoded
        Bytes of what is touched of it, as stored and in memory; None where that is not known.
    """

    item: Item
    stored: int | None
    decoded: int | None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a run needs, wherever it runs.

    Parameters
    ----------
    result
        Bytes of the result as it would be stored; None where that is not known.
    tasks
        Dask tasks; None where that is not known.
    basis
        Where the numbers are from, a sentence each.
    """

    inputs: Mapping[str, Need]
    result: int | None = None
    tasks: int | None = None
    basis: tuple[str, ...] = ()

    @classmethod
    def of_records(cls, items: Mapping[str, Item], why: str = "") -> Needs:
        """Take the whole of every input, by the sizes that its record tells."""
        found = {n: Need(i, i.stored_bytes, i.decoded_bytes) for n, i in items.items()}
        unknown = [i.id for i in items.values() if i.stored_bytes is None]
        basis = [f"Sizes are those of whole inputs, from their records{why and f': {why}'}."]
        if unknown:
            basis.append(f"The stored size is not known of {', '.join(unknown)}.")
        return cls(found, basis=tuple(basis))


class _Computed(Exception):
    """The analysis computes while it is being built."""


def _refuse(*_: Any, **__: Any) -> Any:
    raise _Computed("it computes while it is being built")


def needs(
    analysis: Analysis,
    parameters: Mapping[str, Any],
    items: Mapping[str, Item],
    open_input: Callable[[str], xr.Dataset],
    deadline: float = DEADLINE,
) -> Needs:
    """Find what a run needs; where that cannot be found, take what the records tell, and say why.

    Parameters
    ----------
    open_input
        Opens an input lazily, by its name.
    deadline
        Seconds. What takes longer is told to stop, and not waited for.
    """
    found: list[Needs] = []
    failed: list[str] = []

    def follow() -> None:
        try:
            opened = {name: open_input(name) for name in items}
            found.append(_follow(analysis, parameters, items, opened))
        except SystemExit:  # it was told to stop
            return
        except Exception as error:  # noqa: BLE001 - the analysis is a plug-in: records serve instead
            failed.append(f"{type(error).__name__}: {error}".splitlines()[0][:200])

    thread = threading.Thread(target=follow, name="portal-needs", daemon=True)
    thread.start()
    thread.join(deadline)
    if found:
        return found[0]
    if not failed and thread.ident is not None:
        stop = ctypes.pythonapi.PyThreadState_SetAsyncExc
        stop(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        failed.append(f"its graph was not there after {deadline:g} s")
    return Needs.of_records(items, f"the analysis could not be followed ({failed[0]})")


@dataclass
class _Source:
    """A lazy variable of an input, and the blocks of it that are touched."""

    variable: xr.Variable
    blocks: set[tuple[int, ...]] = field(default_factory=set)

    def decoded(self) -> int:
        chunks = self.variable.chunksizes.values()
        sizes = [list(along) for along in chunks]
        cells = sum(math.prod(s[i] for s, i in zip(sizes, b, strict=True)) for b in self.blocks)
        return cells * int(self.variable.dtype.itemsize)

    def stored(self, known: Stored) -> float:
        """Bytes of the stored chunks that the touched blocks cover."""
        if known.chunk is None:
            return known.ratio * self.decoded()
        bounds = [_bounds(along) for along in self.variable.chunksizes.values()]
        covered: set[tuple[tuple[int, int], ...]] = set()
        for block in self.blocks:
            covered.add(
                tuple(
                    (bound[i][0] // length, -(-bound[i][1] // length))
                    for bound, i, length in zip(bounds, block, known.chunk, strict=True)
                )
            )
        count = sum(math.prod(end - start for start, end in spans) for spans in covered)
        whole = math.prod(
            -(-n // length) for n, length in zip(self.variable.shape, known.chunk, strict=True)
        )
        return known.mean * min(count, whole)


def _bounds(along: tuple[int, ...]) -> list[tuple[int, int]]:
    ends = [0]
    for length in along:
        ends.append(ends[-1] + length)
    return list(pairwise(ends))


def _follow(
    analysis: Analysis,
    parameters: Mapping[str, Any],
    items: Mapping[str, Item],
    opened: Mapping[str, xr.Dataset],
) -> Needs:
    import xarray as xr

    sources: dict[str, dict[str, _Source]] = {name: {} for name in opened}
    stand_ins = {name: _stand_in(name, ds, sources[name]) for name, ds in opened.items()}
    result = analysis.function(**stand_ins, **analysis.arguments(parameters))
    if not isinstance(result, xr.Dataset):
        raise TypeError(f"it returned a {type(result).__name__}, not a Dataset")
    tasks = _touch(result, {key: s for held in sources.values() for key, s in held.items()})
    found: dict[str, Need] = {}
    told: list[str] = []
    for name, held in sources.items():
        whole = sum(v.nbytes for v in opened[name].data_vars.values())
        given, how = 0.0, ""
        for source in held.values():
            known = stored(source.variable, source.blocks, items[name].stored_bytes, whole)
            given += source.stored(known)
            how = how or known.how
        touched = sum(len(s.blocks) for s in held.values())
        chunks = sum(math.prod(map(len, s.variable.chunksizes.values())) for s in held.values())
        found[name] = Need(items[name], round(given), sum(s.decoded() for s in held.values()))
        told.append(f"{name}: {touched} of {chunks} chunks are touched{how and f'; {how}'}.")
    ratio = _ratio(found.values())
    size = sum(v.nbytes for v in result.variables.values())
    told.append(f"The result is taken to be stored as its inputs are: in {ratio:.0%} of its size.")
    return Needs(found, round(size * ratio), tasks, tuple(told))


def _ratio(inputs: Any) -> float:
    pairs = [(n.stored, n.decoded) for n in inputs if n.decoded]
    decoded = sum(d for _, d in pairs)
    return min(1.0, sum(s for s, _ in pairs) / decoded) if decoded else 1.0


def _stand_in(name: str, dataset: xr.Dataset, sources: dict[str, _Source]) -> xr.Dataset:
    """Replace every lazy variable by one of its form whose chunks cannot be computed."""
    import secrets

    import dask.array as da

    for key in dataset.variables:
        variable = dataset.variables[key]
        if variable.chunks is None:
            continue
        label = f"portal-input-{secrets.token_hex(8)}"
        array = da.map_blocks(  # type: ignore[no-untyped-call]
            _refuse,
            chunks=variable.chunks,
            dtype=variable.dtype,
            meta=variable.data._meta,
            name=label,
        )
        held = variable.copy(data=array)
        change = dataset.assign_coords if key in dataset.coords else dataset.assign
        dataset = change({key: held})
        sources[label] = _Source(variable)
    return dataset


def _touch(result: xr.Dataset, sources: Mapping[str, _Source]) -> int:
    """Mark the blocks from which a result is computed; return the number of tasks."""
    from dask.core import flatten

    graph: Any = result.__dask_graph__()  # type: ignore[no-untyped-call]
    if graph is None:
        return 0
    tasks = sum(len(layer) for layer in graph.layers.values())
    if tasks <= MOST_TASKS:
        keys = set(flatten(result.__dask_keys__()))  # type: ignore[no-untyped-call]
        graph = graph.cull(keys)
        tasks = len(graph)
    for layer in graph.layers.values():
        for key in layer.get_output_keys():
            source = sources.get(key[0]) if isinstance(key, tuple) else None
            if source is not None:
                source.blocks.add(tuple(key[1:]))
    if tasks and sources and not any(source.blocks for source in sources.values()):
        raise ValueError("its graph does not name the chunks of its inputs")
    return tasks
