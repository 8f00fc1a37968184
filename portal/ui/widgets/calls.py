"""Requests of a widget's front-end while they are worked on, and the threads that work on them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: Seconds between two messages on how far a request is.
PROGRESS_EVERY: Final = 0.1

Send = Callable[[dict[str, Any], Sequence[bytes]], None]


@dataclass(eq=False)
class Call:
    """One request: whether it is still wanted, and a way to tell before its end.

    It is a `portal.viewer.call.Call`, so that what reads and decimates needs no widget.

    Attributes
    ----------
    cancelled
        Set when nobody waits for the answer any more.
    """

    id: str
    method: object
    params: object
    send: Send
    cancelled: threading.Event = field(default_factory=threading.Event)
    _told: float = 0.0

    def part(self, result: Any, buffers: Sequence[bytes] = ()) -> None:
        """Send a part of the answer before its end."""
        if not self.cancelled.is_set():
            self.send({"id": self.id, "part": result}, buffers)

    def progress(self, done: int, total: int, what: str) -> None:
        """Say how far the work is, ten times a second at the most and always at its end."""
        now = time.monotonic()
        if self.cancelled.is_set() or (done < total and now - self._told < PROGRESS_EVERY):
            return
        self._told = now
        self.send({"id": self.id, "progress": {"done": done, "total": total, "what": what}}, ())

    @property
    def asked(self) -> Mapping[str, Any]:
        """The params, empty where they are none."""
        return self.params if isinstance(self.params, Mapping) else {}

    @property
    def subject(self) -> tuple[str, ...]:
        """Whose picture of what is asked for: a newer request of the same subject is wanted instead.

        A front-end writes its own name before a hyphen into the numbers of its requests.
        """
        whose = self.id.rpartition("-")[0]
        return whose, *(str(self.asked.get(key)) for key in ("data", "variable", "minus"))


class Lane:
    """A thread, begun with the first request and kept, that works on one request at a time.

    Parameters
    ----------
    work
        Answers a call; must not raise.
    before
        A lane whose requests go first: this one begins with none while that one has work.
    newest
        Begin with the newest request and answer those that it supersedes as cancelled, instead of
        taking them as they came.
    """

    def __init__(
        self, work: Callable[[Call], None], *, before: Lane | None = None, newest: bool = False
    ) -> None:
        self._work = work
        self._before = before
        self._newest = newest
        self._waiting: deque[Call] = deque()
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None
        # Lanes that wait for one another share a lock.
        self._changed: threading.Condition = before._changed if before else threading.Condition()

    def put(self, call: Call) -> None:
        """Have a call answered; one after `close` is not."""
        with self._changed:
            if self._closed:
                return
            if self._newest:
                for held in self._waiting:
                    if held.subject == call.subject:
                        held.cancelled.set()
            self._waiting.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="portal-lane", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread after the call that it works on."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            self._work(call)

    def _next(self) -> Call | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or (self._waiting and self._free()))
            if self._closed:
                return None
            self._busy = True
            # The cancelled ones first: to answer them takes no time.
            gone = next((c for c in self._waiting if c.cancelled.is_set()), None)
            call = gone or self._waiting[-1 if self._newest else 0]
            self._waiting.remove(call)
            return call

    def _free(self) -> bool:
        first = self._before
        return first is None or not (first._busy or first._waiting)
