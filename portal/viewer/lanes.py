"""Reading in a few threads that may hang without holding up anybody: now before ahead."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from portal.viewer.call import go_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from portal.viewer.call import Call

T = TypeVar("T")
MOST_THREADS = 4
MOST_PATIENCE = 0.5
"""Seconds for which work beside the pictures gives way to them, before each of its steps."""
_LOOK = 0.05


class Lanes:
    """Keeps work that is ahead of its time out of the way of what is wanted now."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._now = 0

    @contextlib.contextmanager
    def enter(self, lane: str, call: Call) -> Iterator[Callable[[], None]]:
        """Work in a lane; the function it gives is to be called before every step.

        An ``ahead`` step waits there while any ``now`` work goes on. The function raises
        `Interrupted` once the call is cancelled.
        """
        if lane != "now":
            yield lambda: self._give_way(call)
            return
        with self._free:
            self._now += 1
        try:
            yield lambda: go_on(call)
        finally:
            with self._free:
                self._now -= 1
                self._free.notify_all()

    def let_pass(self) -> None:
        """Wait while any ``now`` work goes on, but not for ever: for what is wanted beside it."""
        with self._free:
            self._free.wait_for(lambda: not self._now, MOST_PATIENCE)

    def _give_way(self, call: Call) -> None:
        with self._free:
            while self._now and not call.cancelled.is_set():
                self._free.wait(_LOOK)
        go_on(call)


def in_threads(
    work: Callable[[Any], None],
    items: Sequence[Any],
    *,
    step: Callable[[], None],
    tell: Callable[[], None],
    call: Call,
) -> None:
    """Do `work` for every item in at most `MOST_THREADS` threads of their own.

    Returns as soon as the call is cancelled, whatever the threads do: one that is stuck in a
    store that never answers is left behind.

    Parameters
    ----------
    step
        Called before each item; what it raises ends the work.
    tell
        Called again and again while the work goes on.

    Raises
    ------
    Interrupted
        The call was cancelled.
    Exception
        The first that `work` raised.
    """
    waiting = iter(items)
    changed = threading.Condition()
    failed: list[BaseException] = []
    running = min(MOST_THREADS, len(items))

    def run() -> None:
        nonlocal running
        try:
            while not failed:
                step()
                with changed:
                    item = next(waiting, None)
                if item is None:
                    break
                work(item)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failed.append(error)
        with changed:
            running -= 1
            changed.notify_all()

    for _ in range(running):
        threading.Thread(target=run, name="portal-read", daemon=True).start()
    with changed:
        while running and not failed:
            go_on(call)
            changed.wait(_LOOK)
            tell()
    if failed:
        raise failed[0]


def in_time(work: Callable[[], T], seconds: float, call: Call) -> T | None:
    """Do `work` in a thread of its own; None where it takes longer than `seconds`.

    Raises
    ------
    Interrupted
        The call was cancelled.
    Exception
        What `work` raised.
    """
    coming: Future[T] = Future()

    def run() -> None:
        try:
            coming.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            coming.set_exception(error)

    threading.Thread(target=run, name="portal-read", daemon=True).start()
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        go_on(call)
        with contextlib.suppress(TimeoutError):
            return coming.result(timeout=_LOOK)
    return None


def wait_for(coming: Future[T], call: Call) -> T:
    """Return the result of a future, unless the call is cancelled before.

    Raises
    ------
    Interrupted
        It was.
    """
    while True:
        go_on(call)
        with contextlib.suppress(TimeoutError):
            return coming.result(timeout=_LOOK)
