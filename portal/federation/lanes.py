"""Lanes: calls to catalogs that may never come back, a few at a time for each.

Every catalog is a lane of its own. A lane has at most ``OUTSTANDING`` calls under way; others wait
for their turn, the newest first, for the older ones have been superseded. Answers are kept for a
while, so that asking the same again is cheap. The threads are daemons: one that hangs must not
hold up the exit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from portal.federation.asking import Answer

#: Calls of one lane under way at the same time.
OUTSTANDING = 2
#: Seconds after which a call is late.
DEADLINE = 5.0
#: Seconds for which an answer is kept, and one that is empty.
KEPT, BRIEFLY = 60.0, 5.0
#: Answers kept at most, and their weight in characters.
MOST, HEAVIEST = 500, 64_000_000

_QUEUE = 8


class Lane(NamedTuple):
    """A catalog, by its facility and its name."""

    facility: str
    catalog: str


@dataclass(eq=False, slots=True)
class Call:
    """One question to one lane.

    Parameters
    ----------
    asked, begun, ended
        Moments on the monotonic clock; None for what has not happened.
    answer
        What the work returned; None until then, and for ever where it was given up.
    """

    lane: Lane
    work: Callable[[], Answer] = field(repr=False)
    asked: float
    begun: float | None = None
    ended: float | None = None
    answer: Answer | None = None

    @property
    def lost(self) -> bool:
        """Whether it was given up before its turn came."""
        return self.ended is not None and self.answer is None

    @property
    def until(self) -> float:
        """The moment up to which it serves who asks the same."""
        kept = BRIEFLY if self.answer is not None and self.answer.empty else KEPT
        return (self.asked if self.ended is None else self.ended) + kept


class Lanes:
    """Makes calls, and keeps their answers.

    Parameters
    ----------
    changed
        Held for every change, and notified of every answer.
    deadline
        Seconds after which a call that is under way keeps its lane from being waited for.
    """

    def __init__(self, changed: threading.Condition, *, deadline: float = DEADLINE) -> None:
        self._changed = changed
        self._deadline = deadline
        self._running: dict[Lane, list[Call]] = {}
        self._waiting: dict[Lane, list[Call]] = {}
        self._recent: dict[tuple[Lane, Hashable], Call] = {}

    def call(self, lane: Lane, key: Hashable, work: Callable[[], Answer]) -> Call:
        """Return the call of a lane for a question, made now unless it was made lately.

        ``work`` returns an :class:`~portal.federation.asking.Answer` and raises nothing.
        """
        with self._changed:
            now = time.monotonic()
            known = self._recent.get((lane, key))
            if known is not None and not known.lost and now < known.until:
                return known
            call = Call(lane, work, now)
            self._recent.pop((lane, key), None)
            self._recent[lane, key] = call
            self._tidy(now)
            queue = self._waiting.setdefault(lane, [])
            queue.append(call)
            for lost in queue[:-_QUEUE]:
                self._give_up(lost, now)
            self._start(lane)
            return call

    def expiry(self, call: Call, patience: float) -> float:
        """Return the moment from which a call without an answer is not waited for.

        It is ``patience`` seconds after it was asked, or, for one whose turn has not come, when all
        that keep it from its turn are late.
        """
        with self._changed:
            late = call.asked + patience
            running = self._running.get(call.lane, [])
            if call.begun is not None or len(running) < OUTSTANDING:
                return late
            return min(late, max(c.begun or c.asked for c in running) + self._deadline)

    def _start(self, lane: Lane) -> None:
        running, queue = self._running.setdefault(lane, []), self._waiting.get(lane, [])
        now = time.monotonic()
        for lost in [call for call in queue if now - call.asked > self._deadline]:
            self._give_up(lost, now)
        if queue and len(running) < OUTSTANDING:
            call = queue.pop()
            call.begun = now
            running.append(call)
            threading.Thread(
                target=self._run,
                args=(call,),
                name=f"portal-ask-{lane.facility}-{lane.catalog}",
                daemon=True,
            ).start()

    def _run(self, call: Call) -> None:
        answer: Answer | None = None
        try:
            answer = call.work()
        finally:
            with self._changed:
                call.answer, call.ended = answer, time.monotonic()
                self._running[call.lane].remove(call)
                self._start(call.lane)
                self._tidy(call.ended)
                self._changed.notify_all()

    def _give_up(self, call: Call, now: float) -> None:
        self._waiting[call.lane].remove(call)
        call.ended = now
        self._changed.notify_all()

    def _tidy(self, now: float) -> None:
        """Forget the oldest answers, and those that are too many."""
        weight = 0
        for number, (key, call) in enumerate(reversed(list(self._recent.items()))):
            weight += 0 if call.answer is None else call.answer.weight
            if call.lost or now > call.until or number >= MOST or weight > HEAVIEST:
                del self._recent[key]
                if call in self._waiting.get(call.lane, ()):
                    self._give_up(call, now)
