"""Decoded chunks that will be asked for again, under a bound in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

CAP = 512_000_000
"""Most bytes of decoded chunks that are kept."""

Key = tuple["Hashable", "Hashable"]


class ChunkCache:
    """Chunks by (array, region): the one used longest ago goes first. Safe in any thread.

    A chunk that is being read is read once, whoever else wants it meanwhile.

    Parameters
    ----------
    cap
        Most bytes that are kept.
    """

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._kept: OrderedDict[Key, NDArray[Any]] = OrderedDict()
        self._coming: dict[Key, Future[NDArray[Any] | None]] = {}
        self._bytes = 0
        self._lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """Bytes that are kept now."""
        return self._bytes

    def get(self, key: Key) -> NDArray[Any] | None:
        """Return a chunk that is kept, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def claim(self, key: Key) -> NDArray[Any] | Future[NDArray[Any] | None] | None:
        """Return a chunk, or a promise of it; None when the caller is to read it.

        Who gets None has to call `put` or `release`. A promise of None was not kept.
        """
        with self._lock:
            found = self.get(key)
            if found is not None:
                return found
            coming = self._coming.get(key)
            if coming is None:
                self._coming[key] = Future()
            return coming

    def put(self, key: Key, chunk: NDArray[Any]) -> None:
        """Keep a chunk that was claimed, and hand it to who waits for it."""
        with self._lock:
            old = self._kept.pop(key, None)
            self._bytes -= 0 if old is None else old.nbytes
            if chunk.nbytes <= self.cap:
                self._kept[key] = chunk
                self._bytes += chunk.nbytes
            while self._bytes > self.cap:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= gone.nbytes
            coming = self._coming.pop(key, None)
        if coming is not None:
            coming.set_result(chunk)

    def of(self, array: Hashable) -> list[tuple[Any, NDArray[Any]]]:
        """Return the regions of an array that are kept, with their chunks."""
        with self._lock:
            return [(key[1], chunk) for key, chunk in self._kept.items() if key[0] == array]

    def release(self, key: Key) -> None:
        """Give up a claim; nothing happens where there is none."""
        with self._lock:
            coming = self._coming.pop(key, None)
        if coming is not None:
            coming.set_result(None)

    def forget(self, array: Hashable) -> None:
        """Drop every chunk of an array."""
        with self._lock:
            for key in [k for k in self._kept if k[0] == array]:
                self._bytes -= self._kept.pop(key).nbytes
