"""Several systems asked at once, each in a thread, none waited for beyond a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from portal.errors import PortalError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """What came of asking.

    Parameters
    ----------
    answers
        What was answered, by name.
    faults
        Who failed, with the error.
    late
        Who had not answered at the deadline; they are left to end by themselves.
    """

    answers: Mapping[str, T] = field(default_factory=dict)
    faults: Mapping[str, Exception] = field(default_factory=dict)
    late: tuple[str, ...] = ()

    def reason(self, name: str, deadline: float) -> str:
        """Say why there is no answer of a name; empty where there is one."""
        if name in self.late:
            return f"no answer within {deadline:g} s"
        error = self.faults.get(name)
        if error is None:
            return ""
        return str(error) if isinstance(error, PortalError) else f"{type(error).__name__}: {error}"


def together(questions: Mapping[str, Callable[[], T]], deadline: float) -> Asked[T]:
    """Ask all at once, and return what there is when all have answered or the deadline passes.

    Parameters
    ----------
    deadline
        Seconds.
    """
    answers: dict[str, T] = {}
    faults: dict[str, Exception] = {}
    lock = threading.Lock()
    closed = False

    def ask(name: str, question: Callable[[], T]) -> None:
        try:
            answer = question()
        except Exception as error:  # noqa: BLE001 - a driver is a plug-in: its faults are told by name
            with lock:
                if not closed:
                    faults[name] = error
            return
        with lock:
            if not closed:
                answers[name] = answer

    threads = [
        threading.Thread(target=ask, args=pair, name=f"portal-ask-{pair[0]}", daemon=True)
        for pair in questions.items()
    ]
    end = time.monotonic() + deadline
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    with lock:
        closed = True
    late = tuple(name for name in questions if name not in answers and name not in faults)
    return Asked(answers, faults, late)
