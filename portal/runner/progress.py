"""Progress of a run, counted in the scheduler as tasks change state, told in short intervals."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from portal.core.run import Progress

_MOVED: Final = ("get-data", "memory-read", "bytes")
#: Seconds without a task done after which workers that Dask has paused are told of.
_STUCK_SECONDS: Final = 10.0
_UNFINISHED: Final = ("waiting", "queued", "processing", "no-worker")


class ProgressPlugin(SchedulerPlugin):
    """Counts that only grow, though Dask forgets tasks as soon as nobody needs them.

    Parameters
    ----------
    tell
        Called in the scheduler's loop with each Progress that differs from the last.
    warn
        Called with the words that say why nothing goes on, and when it goes on again.
    every
        Seconds between two looks.
    """

    name = "portal-progress"

    def __init__(
        self,
        scheduler: Scheduler,
        tell: Callable[[Progress], None],
        warn: Callable[[str], None],
        *,
        every: float = 0.5,
    ) -> None:
        self._every = every
        self._scheduler = scheduler
        self._tell = tell
        self._warn = warn
        self._moved_on = time.monotonic()
        self._stuck = False
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._bytes = 0
        self._last = Progress()

    def begin(self) -> None:
        """Register with the scheduler and sample from now on; call it in the scheduler's loop."""
        from tornado.ioloop import PeriodicCallback

        self._scheduler.add_plugin(self)
        self._timer = PeriodicCallback(self.sample, self._every * 1000)
        self._timer.start()

    def transition(self, key: Any, start: str, finish: str, *_: Any, **__: Any) -> None:
        """Count a task that is done or has failed by itself."""
        if finish == "memory":
            self._moved_on = time.monotonic()
            task = self._scheduler.tasks.get(key)
            if task is not None:
                self._done[task.prefix.name] += 1
                self._bytes += max(task.nbytes, 0)
        elif finish == "erred" and start == "processing":
            task = self._scheduler.tasks.get(key)
            if task is not None:
                self._failed[task.prefix.name] += 1

    def sample(self) -> None:
        """Tell how far the run is, if that has changed."""
        progress = self._measure()
        if _differs(progress, self._last):
            self._last = progress
            self._tell(progress)
        self._look_for_memory()

    def _look_for_memory(self) -> None:
        """Say when workers have no memory left to go on with: Dask pauses them, and waits."""
        paused = [w for w in self._scheduler.workers.values() if w.status.name == "paused"]
        stuck = bool(paused) and time.monotonic() - self._moved_on > _STUCK_SECONDS
        if stuck and not self._stuck:
            limit = min(worker.memory_limit for worker in paused)
            self._warn(
                f"no task has ended for {_STUCK_SECONDS:.0f} s: {len(paused)} of "
                f"{len(self._scheduler.workers)} workers have used up their memory, "
                f"{limit / 1e9:.3g} GB each, and begin no more. Where it stays so, cancel the run; "
                "ask for more memory or fewer processes, or use smaller chunks"
            )
        elif self._stuck and not stuck:
            self._warn("computing: its workers have memory again")
        self._stuck = stuck

    def _measure(self) -> Progress:
        for name, prefix in self._scheduler.task_prefixes.items():
            unfinished = sum(prefix.states.get(state, 0) for state in _UNFINISHED)
            known = self._done[name] + self._failed[name] + unfinished
            self._total[name] = max(self._total[name], known)
        workers = list(self._scheduler.workers.values())
        moved = self._scheduler.cumulative_worker_metrics.get(_MOVED, 0)
        return Progress(
            tasks={
                name: {"done": self._done[name], "total": total, "failed": self._failed[name]}
                for name, total in self._total.items()
                if total
            },
            workers=len(workers),
            memory=sum(worker.metrics.get("memory", 0) for worker in workers),
            memory_limit=sum(worker.memory_limit for worker in workers),
            bytes_read=self._bytes,
            bytes_moved=int(moved),
        )


def _differs(new: Progress, old: Progress) -> bool:
    """Whether a change is worth a line; memory that moves by less than a twentieth is not."""
    if abs(new.memory - old.memory) > old.memory_limit / 20:
        return True
    return (new.tasks, new.workers, new.bytes_moved) != (old.tasks, old.workers, old.bytes_moved)
