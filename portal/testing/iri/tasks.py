"""Tasks: what the file system is asked, done in the background and asked for later."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from portal.testing.iri.problems import Problem

#: How long the result of a task is kept, in seconds, and how many there are at most.
_KEPT_SECONDS: Final = 600.0
_KEPT: Final = 2000
#: Characters of all results together; the oldest are forgotten first.
_KEPT_CHARACTERS: Final = 1 << 28


@dataclass(slots=True)
class Task:
    """One task; ``args`` as the client gave them."""

    command: str
    args: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "pending"
    output: Any = None
    ended: float | None = None
    weight: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the schema Task."""
        return {
            "id": self.id,
            "status": self.status,
            "result": None if self.ended is None else {"output": self.output},
            "command": {"router": "filesystem", "command": self.command, "args": self.args},
        }


class Tasks:
    """The tasks of one server. Safe to use from many threads."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="iri-task")
        self._lock = threading.Lock()
        self._tasks: OrderedDict[str, tuple[Task, Future[None]]] = OrderedDict()

    def start(self, command: str, args: dict[str, Any], work: Callable[[], Any]) -> str:
        """Queue a piece of work; return the id of its task."""
        task = Task(command, args)
        with self._lock:
            self._forget()
            self._tasks[task.id] = task, self._pool.submit(self._run, task, work)
        return task.id

    def get(self, task_id: str) -> dict[str, Any]:
        """Return a task.

        Raises
        ------
        Problem
            There is none of this id (404).
        """
        with self._lock:
            return self._found(task_id)[0].to_dict()

    def all(self) -> list[dict[str, Any]]:
        """Return every task, the oldest first."""
        with self._lock:
            return [task.to_dict() for task, _ in self._tasks.values()]

    def delete(self, task_id: str) -> None:
        """Forget a task; one that has not begun is not done.

        Raises
        ------
        Problem
            There is none of this id (404).
        """
        with self._lock:
            self._found(task_id)[1].cancel()
            del self._tasks[task_id]

    def close(self) -> None:
        """Wait for what is being done; what has not begun is not done."""
        self._pool.shutdown(cancel_futures=True)

    def _found(self, task_id: str) -> tuple[Task, Future[None]]:
        try:
            return self._tasks[task_id]
        except KeyError:
            raise Problem(404, f"There is no task {task_id!r}.") from None

    def _run(self, task: Task, work: Callable[[], Any]) -> None:
        with self._lock:
            task.status = "active"
        try:
            output, status = work(), "completed"
        except OSError as error:
            told = ": ".join(str(part) for part in (error.strerror, error.filename) if part)
            output, status = f"Error: {told or error}", "failed"
        except (Problem, LookupError, ValueError, MemoryError) as error:
            output, status = f"Error: {error}", "failed"
        with self._lock:
            task.output, task.status, task.ended = output, status, time.monotonic()
            task.weight = len(str(output))

    def _forget(self) -> None:
        old, room = time.monotonic() - _KEPT_SECONDS, _KEPT_CHARACTERS
        for number, (task, _) in enumerate(reversed(list(self._tasks.values()))):
            room -= task.weight
            if task.ended is not None and (task.ended < old or room < 0 or number >= _KEPT):
                del self._tasks[task.id]
