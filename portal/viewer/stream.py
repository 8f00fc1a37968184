"""Reading pieces side by side, and giving their values in parts as they come."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from portal.viewer.cost import Cost, Speed
from portal.viewer.pieces import Piece, pieces_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

#: Decoded bytes that the pieces under way may hold together.
MOST_BYTES = 256_000_000
MOST_WORKERS = 8
#: Seconds for which values are held back, so that a thousand chunks are not a thousand messages.
TOGETHER = 0.05


Step = Callable[[], None]


def at_once() -> None:
    """Let nobody pass before a piece is read."""


class Cancel(Protocol):
    """Whether an answer is still wanted; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it is not."""
        ...


def overview(count: int) -> list[int]:
    """Order 0..count-1 so that every beginning of it is spread over the whole (bits reversed)."""
    bits = max(1, (count - 1).bit_length())
    turned = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(1 << bits))
    return [i for i in turned if i < count]


def gather(
    pieces: Sequence[Piece], cancelled: Cancel, *, size: int, step: Step
) -> Iterator[tuple[Piece, NDArray[np.generic]]]:
    """Read pieces side by side, an overview first, and give each as it comes.

    Parameters
    ----------
    pieces
        See `pieces_of`.
    cancelled
        Once set no further piece is begun, and the iteration ends.
    size
        Decoded bytes of the largest piece: fewer of large ones are read at once.
    step
        Called before each piece is read, in the thread that reads it.

    Raises
    ------
    Unreadable
        What the first piece that failed raised.
    """
    workers = int(min(MOST_WORKERS, 2 * (os.cpu_count() or 1), MOST_BYTES // max(1, size)))
    workers = max(1, min(workers, len(pieces)))
    order = iter([pieces[i] for i in overview(len(pieces))])
    lock = threading.Lock()
    stopped = threading.Event()
    done: queue.Queue[tuple[Piece, Any]] = queue.Queue()
    room = threading.Semaphore(2 * workers)

    def work() -> None:
        while not stopped.is_set():
            room.acquire()
            step()
            with lock:
                piece = next(order, None)
            if piece is None or stopped.is_set():
                return
            try:
                result: Any = piece.load()
            except Exception as error:  # noqa: BLE001 - raised again by who asked
                result = error
            done.put((piece, result))

    for _ in range(workers):
        # Daemons: a store that stalls must not hold up the kernel's exit.
        threading.Thread(target=work, name="portal-pieces", daemon=True).start()
    try:
        left = len(pieces)
        while left and not cancelled.is_set():
            try:
                piece, result = done.get(timeout=0.05)
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            left -= 1
            yield piece, result
            room.release()
    finally:
        stopped.set()
        for _ in range(workers):
            room.release()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer: JSON values, and arrays of float64 beside them."""

    header: dict[str, Any]
    arrays: tuple[NDArray[np.float64], ...] = ()

    def buffers(self) -> tuple[bytes, ...]:
        """Return the arrays as they travel, little-endian."""
        return tuple(np.ascontiguousarray(a, dtype="<f8").tobytes() for a in self.arrays)


def stream(
    array: xr.DataArray,
    cost: Cost,
    cancelled: Cancel,
    speed: Speed,
    reduce: Callable[[NDArray[np.generic]], NDArray[np.float64]],
    step: Step,
) -> Iterator[Part]:
    """Read an array along its first dimension and give what becomes of it in parts.

    Yields
    ------
    Part
        ``pieces`` ([first step, number of steps], …), ``done`` and ``total`` steps; the values of
        these steps one after another.
    """
    pieces = pieces_of(array)
    total = array.shape[0]
    held: list[tuple[Piece, NDArray[np.float64]]] = []
    done, begun = 0, time.monotonic()
    last = 0.0
    size = cost.bytes // max(1, len(pieces))
    for piece, values in gather(pieces, cancelled, size=size, step=step):
        held.append((piece, reduce(values)))
        done += piece.stop - piece.start
        now = time.monotonic()
        if done == total or now - last >= TOGETHER:
            last = now
            yield _part(held, done, total)
            held = []
    speed.note(cost, done / total, time.monotonic() - begun)
    if held:
        yield _part(held, done, total)


def _part(held: Iterable[tuple[Piece, NDArray[np.float64]]], done: int, total: int) -> Part:
    ordered = sorted(held, key=lambda h: h[0].start)
    places = [[p.start, p.stop - p.start] for p, _ in ordered]
    values = np.concatenate([np.asarray(v, dtype=np.float64).ravel() for _, v in ordered])
    return Part({"pieces": places, "done": done, "total": total}, (values,))
