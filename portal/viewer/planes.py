"""From a selection to numbers in memory: exactly the chunks that it crosses, kept for the next one."""

from __future__ import annotations

import functools
import itertools
import math
import threading
import time
import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import PortalError, TooLarge
from portal.viewer.cache import CAP, ChunkCache
from portal.viewer.call import go_on
from portal.viewer.lanes import Lanes, in_threads, wait_for
from portal.viewer.read import as_real, unreadable
from portal.viewer.sources import FEW_BLOCKS, SMALL_BLOCK, Source, source_of, token_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.call import Call
    from portal.viewer.sources import Bounds, Region

    Pick = NDArray[np.intp]

SLOW = 0.25
"""Seconds after which a read tells how far it is: the messages of quick ones would delay them."""
LARGEST_SHARE = 0.5
"""Largest share of the memory that is free that one chunk may take."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Numbers of a selection, and what they cost.

    Attributes
    ----------
    values
        Real numbers, one axis for each dimension that was picked from.
    chunks, cached
        Chunks that the selection crosses, and how many of them were in memory.
    bytes
        Decoded bytes that were read.
    notes
        What a reader of the picture should know.
    """

    values: NDArray[np.generic]
    chunks: int = 0
    cached: int = 0
    bytes: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbours in a pick that lie in one chunk."""

    chunk: tuple[int, int, int]
    place: slice
    inside: Any
    """Where they are within the chunk: a slice or indices; a number for one step of a slider."""


class Reader:
    """Reads planes of arrays; those that read the same array share its decoded chunks.

    Chunks that hold neighbouring slices as well are asked for again by every step; those of one
    slice only when one comes back to it, or looks closer. So these have a cache of their own, and
    a smaller one.

    Parameters
    ----------
    cap
        Most bytes of decoded chunks that are kept.
    """

    def __init__(self, cap: int = CAP) -> None:
        self.cap = cap
        self.slices = ChunkCache(cap // 4)
        self.blocks = ChunkCache(cap - cap // 4)
        self.lanes = Lanes()
        self._sources: weakref.WeakValueDictionary[int, Source] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def source(self, variable: xr.Variable) -> Source | None:
        """Return what reads a variable, None for one in memory.

        Whoever keeps it keeps the chunks: they are dropped with the last one that holds it.
        """
        with self._lock:
            found = self._sources.get(token_of(variable._data))
            if found is None:
                found = source_of(variable)
            if found is None:
                return None
            if self._sources.get(found.token) is not found:
                self._sources[found.token] = found
                weakref.finalize(found, self.slices.forget, found.token)
                weakref.finalize(found, self.blocks.forget, found.token)
            return found

    @property
    def nbytes(self) -> int:
        """Bytes that are kept now."""
        return self.slices.nbytes + self.blocks.nbytes

    def plane(
        self,
        array: xr.DataArray,
        source: Source | None,
        at: Mapping[str, int],
        picks: Mapping[str, Pick],
        *,
        call: Call,
        lane: str = "now",
    ) -> Plane:
        """Read cells of an array.

        Parameters
        ----------
        array
            The whole variable.
        source
            What `source` returned for it.
        at
            The one step of every dimension that is not picked from.
        picks
            Stored indices along the other dimensions, in the order wanted.

        Returns
        -------
        Plane
            With the axes in the order of `picks`.

        Raises
        ------
        Interrupted
            The call was cancelled.
        Unreadable
            Whatever the store behind the array raised.
        TooLarge
            A chunk is larger than memory.
        """
        dims = [str(d) for d in array.dims]
        order = sorted(range(len(picks)), key=lambda i: dims.index(list(picks)[i]))
        back = np.argsort(order)
        wanted = [at[d] if d in at else picks[d] for d in dims]
        if source is None:
            stored = (
                array.variable._data
                if isinstance(array.variable._data, np.ndarray)
                else array.values
            )
            plane = Plane(_taken(stored, wanted))
        else:
            try:
                with self.lanes.enter(lane, call) as step:
                    plane = _Reading(self, source, call, step, lane).plane(wanted)
            except PortalError:
                raise
            except Exception as error:  # the plug-in boundary: any backend may raise anything
                raise unreadable(array.name, error) from error
        values = as_real(plane.values.transpose(back))
        return Plane(values, plane.chunks, plane.cached, plane.bytes, plane.notes)


@functools.cache
def shared_reader() -> Reader:
    """Return the reader of this process: all viewers share its cache and its lanes."""
    return Reader()


class _Reading:
    """One plane on its way from a source through the cache."""

    def __init__(
        self, reader: Reader, source: Source, call: Call, step: Callable[[], None], lane: str
    ) -> None:
        self.reader, self.source, self.call, self.step = reader, source, call, step
        self.lane = lane
        self.cache = reader.slices
        self.blocks: dict[Region, NDArray[Any]] = {}
        self.read_bytes = 0
        self.what = "chunks"
        self.lock = threading.Lock()

    def plane(self, wanted: Sequence[int | Pick]) -> Plane:
        runs, notes = self._runs(wanted)
        shape = tuple(w.size for w in wanted if not isinstance(w, int))
        regions = [tuple(r.chunk for r in across) for across in itertools.product(*runs)]
        self._fetch(regions)
        out: NDArray[Any] | None = None
        for across in itertools.product(*runs):
            block = self.blocks[tuple(r.chunk for r in across)]
            piece = _inside(block, [r.inside for r in across])
            if len(regions) == 1:
                out = piece
                break
            if out is None:
                out = np.empty(shape, piece.dtype)
            out[tuple(r.place for r in across if not isinstance(r.inside, int))] = piece
        assert out is not None
        read = len(self.new)
        return Plane(out, len(regions), len(regions) - read, self.read_bytes, tuple(notes))

    def _runs(self, wanted: Sequence[int | Pick]) -> tuple[list[list[_Run]], list[str]]:
        """Cut every pick where it goes from one chunk to another; choose how large chunks are read."""
        source, cap = self.source, self.reader.cap
        bounds = source.bounds
        notes: list[str] = []
        if bounds is not None:
            largest = math.prod(int(np.diff(b).max()) for b in bounds) * source.itemsize
            if largest > cap:
                _check_fits(largest)
                if self.lane == "ahead":
                    raise TooLarge(
                        "Chunks that are too large to keep are not read ahead",
                        found=f"{largest:,} bytes",
                        advice="Rechunk the array.",
                    )
                size = f"{largest / 1e9:.3g} GB"
                self.what = f"chunks of {size}"
                notes.append(
                    f"its chunks of {size} are too large to keep: each step reads them again"
                )
            bounds = _joined(bounds, wanted, source.itemsize)
            runs = [_cut(w, b) for w, b in zip(wanted, bounds, strict=True)]
            sizes = [sum(r.chunk[1] - r.chunk[0] for r in along) for along in runs]
            if math.prod(sizes) * source.itemsize <= self.reader.blocks.cap:
                if any(r.chunk[1] - r.chunk[0] > 1 for r in _of_sliders(runs)):
                    self.cache = self.reader.blocks
                return runs, notes
        # One step of each slider, and only the part of the plane that is seen.
        whole = bounds is None or bool(notes)
        spans = [(w, w) if isinstance(w, int) else (int(w.min()), int(w.max())) for w in wanted]
        too_much = math.prod(b - a + 1 for a, b in spans) * source.itemsize > cap
        runs = []
        for i, w in enumerate(wanted):
            if isinstance(w, int):
                runs.append([_Run((w, w + 1, 1), slice(0, 1), 0)])
            elif bounds is not None and not whole:
                runs.append(_cut(w, bounds[i]))
            else:
                runs.append([_spanned(w, *spans[i], thinly=too_much)])
        return runs, notes

    def _fetch(self, regions: Sequence[Region]) -> None:
        """Bring every region into `blocks`: from the cache, from who reads it already, or by reading."""
        self.new: set[Region] = set()
        missing = list(dict.fromkeys(regions))
        total = len(missing)
        while missing:
            self._read([r for r in missing if not self._take(r)], total)
            for region in missing:
                if region in self.blocks:
                    continue
                coming = self.cache.claim((self.source.token, region))
                if coming is None:
                    self.cache.release((self.source.token, region))
                    continue
                found = wait_for(coming, self.call) if isinstance(coming, Future) else coming
                if found is not None:
                    self.blocks[region] = found
            missing = [r for r in missing if r not in self.blocks]

    def _take(self, region: Region) -> bool:
        found = self.cache.get((self.source.token, region))
        if found is not None:
            self.blocks[region] = found
        return found is not None

    def _read(self, regions: list[Region], total: int) -> None:
        if not regions:
            return
        groups = [regions] if self.source.together else [[r] for r in regions]
        began = time.monotonic()

        def tell() -> None:
            if time.monotonic() - began > SLOW:
                self.call.progress(len(self.blocks), total, self.what)

        in_threads(self._read_group, groups, step=self.step, tell=tell, call=self.call)

    def _read_group(self, regions: list[Region]) -> None:
        """Read those that nobody reads yet; whatever happens, the others do not wait for ever."""
        mine = [r for r in regions if self._claim(r)]
        try:
            # What is claimed may be waited for: from here on this does not give way.
            found = self.source.read(mine, lambda: go_on(self.call)) if mine else []
            for region, block in zip(mine, found, strict=True):
                # What is a part of something larger would keep all of it in memory.
                own = block if block.base is None else block.copy()
                self.cache.put((self.source.token, region), own)
                with self.lock:
                    self.blocks[region] = own
                    self.new.add(region)
                    self.read_bytes += own.nbytes
        finally:
            for region in mine:
                self.cache.release((self.source.token, region))

    def _claim(self, region: Region) -> bool:
        found = self.cache.claim((self.source.token, region))
        if isinstance(found, np.ndarray):
            with self.lock:
                self.blocks[region] = found
        return found is None


def _joined(bounds: Bounds, wanted: Sequence[int | Pick], itemsize: int) -> Bounds:
    """Join small chunks of a plane into blocks worth a read."""
    found = list(bounds)
    plane = [i for i, w in enumerate(wanted) if not isinstance(w, int)]

    def count() -> int:
        return math.prod(found[i].size - 1 for i in plane)

    def nbytes() -> int:
        return math.prod(int(np.diff(b).max()) for b in found) * itemsize

    while count() > FEW_BLOCKS and nbytes() < SMALL_BLOCK:
        longest = max(plane, key=lambda i: found[i].size)
        b = found[longest]
        found[longest] = np.append(b[:-1:2], b[-1])
    return tuple(found)


def _cut(wanted: int | Pick, bounds: NDArray[np.intp]) -> list[_Run]:
    if isinstance(wanted, int):
        chunk = int(np.searchsorted(bounds, wanted, side="right")) - 1
        start, stop = int(bounds[chunk]), int(bounds[chunk + 1])
        return [_Run((start, stop, 1), slice(0, 1), wanted - start)]
    chunks = np.searchsorted(bounds, wanted, side="right") - 1
    ends = [0, *(np.flatnonzero(np.diff(chunks)) + 1).tolist(), wanted.size]
    runs = []
    for a, b in itertools.pairwise(ends):
        start, stop = int(bounds[chunks[a]]), int(bounds[chunks[a] + 1])
        runs.append(_Run((start, stop, 1), slice(a, b), _compact(wanted[a:b] - start)))
    return runs


def _of_sliders(runs: Sequence[Sequence[_Run]]) -> list[_Run]:
    """Runs of the dimensions of which one step is seen."""
    return [along[0] for along in runs if isinstance(along[0].inside, int)]


def _spanned(wanted: Pick, low: int, high: int, *, thinly: bool) -> _Run:
    """All from the first to the last index, or evenly spaced ones that are nearest to those wanted."""
    step = max(1, (high - low) // wanted.size) if thinly else 1
    inside = np.minimum(wanted - low + step // 2, high - low) // step
    return _Run((low, high + 1, step), slice(0, wanted.size), _compact(inside))


def _compact(pick: Pick) -> slice | Pick:
    """Return indices as a slice where they are evenly spaced: that is a view, not a copy."""
    if pick.size == 1:
        return slice(int(pick[0]), int(pick[0]) + 1)
    step = int(pick[1] - pick[0])
    if step == 0 or (np.diff(pick) != step).any():
        return pick
    stop = int(pick[-1]) + (1 if step > 0 else -1)
    return slice(int(pick[0]), None if stop < 0 else stop, step)


def _inside(block: NDArray[Any], inside: Sequence[Any]) -> NDArray[Any]:
    """Take from a block: numbers and slices first, they cost nothing."""
    found = block[tuple(i if isinstance(i, int | slice) else slice(None) for i in inside)]
    left = [i for i in inside if not isinstance(i, int)]
    for axis, pick in enumerate(left):
        if not isinstance(pick, slice):
            found = found.take(pick, axis)
    return found


def _taken(stored: NDArray[Any], wanted: Sequence[int | Pick]) -> NDArray[Any]:
    return _inside(stored, [w if isinstance(w, int) else _compact(w) for w in wanted])


def _check_fits(nbytes: int) -> None:
    import psutil

    free = psutil.virtual_memory().available
    if nbytes > LARGEST_SHARE * free:
        raise TooLarge(
            "A chunk of this array does not fit into memory",
            found=f"{nbytes:,} bytes, where {free:,} are free",
            advice="Rechunk the array, or open it where there is more memory.",
        )
