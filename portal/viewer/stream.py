"""Reading pieces side by side, and giving their values in parts as they come."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from portal.errors import PortalError
from portal.viewer.cost import Cost, Speed
from portal.viewer.pieces import Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Decoded bytes that the pieces under way may hold together.
MOST_BYTES = 256_000_000
MOST_WORKERS = 8
#: Seconds after which the first values go; where all are expected within `SOON`, these.
FIRST = 0.05
TOGETHER = 0.17
SOON = 0.3
#: Seconds after which what is known before reading goes alone.
ALONE = 0.1
#: Least seconds from one part to the next, or to the end.
EVERY = 0.15
#: Most seconds from one part to the next.
MOST_EVERY = 1.0
LOOK = 0.02


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
    for found in _coming(pieces, cancelled, size, step):
        if found is not None:
            yield found


def _coming(
    pieces: Sequence[Piece], cancelled: Cancel, size: int, step: Step
) -> Iterator[tuple[Piece, NDArray[np.generic]] | None]:
    """Give pieces as they come, and None where nothing has come for a moment."""
    most = int(min(MOST_WORKERS, 2 * (os.cpu_count() or 1), MOST_BYTES // max(1, size)))
    workers = min(max(1, most), len(pieces))
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
                piece, result = done.get(timeout=LOOK)
            except queue.Empty:
                yield None
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


class Kept(NamedTuple):
    """Values that are in memory already, from a step on."""

    start: int
    values: NDArray[np.generic]


def stream(
    head: Part,
    pieces: Sequence[Piece],
    cost: Cost,
    cancelled: Cancel,
    speed: Speed,
    reduce: Callable[[NDArray[np.generic]], NDArray[np.float64]],
    step: Step,
    kept: Sequence[Kept] = (),
) -> Iterator[Part]:
    """Read pieces along a dimension and give what becomes of them in parts.

    A message costs more than most reading: what is whole at once, or nearly, is one part, the
    head included, and later parts are ever rarer.

    Parameters
    ----------
    head
        What is said first; see `portal.viewer.series.opening`.
    pieces
        What has to be read.
    reduce
        From what was read of some steps to what is told of them.
    kept
        What needs no reading.

    Yields
    ------
    Part
        The first one is the head, with the values that are there so far or without any. Where there
        are values: ``pieces`` ([first step, number of steps], …), ``done`` and ``total`` steps, and
        as last array the values of these steps one after another.
    """
    sending = _Sending(head, TOGETHER if cost.seconds < SOON else FIRST)
    for start, values in kept:
        sending.add(start, reduce(values))
    size = cost.bytes // max(1, len(pieces))
    read = 0
    try:
        for found in _coming(pieces, cancelled, size, step):
            if found is not None:
                piece, values = found
                sending.add(piece.start, reduce(values))
                read += 1
            if read < len(pieces) and sending.is_due(read / len(pieces)):
                yield sending.part()
    except PortalError:
        if sending.head is not None:
            yield sending.part()
        raise
    if read:
        speed.note(cost, read / len(pieces), time.monotonic() - sending.begun)
    if sending.head is not None or sending.held:
        yield sending.part()


class _Sending:
    """What there is to send, and when."""

    def __init__(self, head: Part, first: float) -> None:
        self.head: Part | None = head
        self.first = first
        self.held: list[tuple[int, NDArray[np.float64]]] = []
        self.begun = time.monotonic()
        self._come = np.zeros(head.header["along"]["size"], dtype=bool)
        self._done = 0
        self._last = self.begun

    def add(self, start: int, values: NDArray[np.float64]) -> None:
        """Take the values of some steps."""
        steps = slice(start, start + len(values))
        self._done += len(values) - int(self._come[steps].sum())
        self._come[steps] = True
        self.held.append((start, values))

    def is_due(self, share: float) -> bool:
        """Whether to send what has come, when a share of it all was read."""
        now = time.monotonic()
        since_begun = now - self.begun
        if self.head is not None:
            return since_begun > (self.first if self.held else ALONE)
        left = since_begun / share - since_begun if share else MOST_EVERY
        every = min(MOST_EVERY, max(EVERY, since_begun / 2))
        return bool(self.held) and now - self._last > every and left > EVERY

    def part(self) -> Part:
        """Return what has come since the last one."""
        header = {} if self.head is None else self.head.header
        arrays = () if self.head is None else self.head.arrays
        if self.held:
            ordered = sorted(self.held, key=lambda h: h[0])
            places = [[start, len(values)] for start, values in ordered]
            arrays = (*arrays, np.concatenate([values.ravel() for _, values in ordered]))
            total = self._come.size
            header = {**header, "pieces": places, "done": self._done, "total": total}
        self.head, self.held, self._last = None, [], time.monotonic()
        return Part(header, arrays)
