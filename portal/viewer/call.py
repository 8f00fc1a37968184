"""Who waits for an answer: whether it is still wanted, and how far it has come."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from portal.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence


class Call(Protocol):
    """What a face hands to long work; its methods may be called from any thread.

    Attributes
    ----------
    cancelled
        Set when the answer is no longer wanted.
    """

    @property
    def cancelled(self) -> threading.Event:
        """Set when the answer is no longer wanted."""
        ...

    def progress(self, done: int, total: int, what: str) -> None:
        """Tell that `done` of `total` pieces (`what`: "chunks") are there."""
        ...

    def part(self, result: Any, buffers: Sequence[bytes] = ()) -> None:
        """Send a part of the answer before the answer itself: JSON values, and bytes beside it."""
        ...


class Unheard:
    """A call that nobody listens to; it may still be cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def progress(self, done: int, total: int, what: str) -> None:
        """Tell nobody."""

    def part(self, result: Any, buffers: Sequence[bytes] = ()) -> None:
        """Send it to nobody."""


def go_on(call: Call) -> None:
    """Return while the answer is wanted.

    Raises
    ------
    Interrupted
        It is no longer.
    """
    if call.cancelled.is_set():
        raise Interrupted(
            "The work was stopped", found="the answer is no longer wanted", advice="Ask again."
        )
