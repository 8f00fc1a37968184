"""An interactive cluster: a run without an analysis, which ends itself when nobody needs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from portal.core.cluster import CLUSTER, ClusterSpec
from portal.core.job import JobState
from portal.runner.trap import write_atomically

if TYPE_CHECKING:
    from distributed import Scheduler

    from portal.runner.cluster import Cluster
    from portal.runner.trap import Trap
    from portal.runner.wide import Wide

_LOOK_SECONDS: Final = 0.2
#: The first client is waited for so long at least.
_FIRST_SECONDS: Final = 120.0
#: Dask's own, for tasks that no client waits for.
_NO_CLIENT: Final = "fire-and-forget"


def serve(trap: Trap, spec: ClusterSpec, cluster: Cluster, wide: Wide) -> None:
    """Say where the cluster is reached, and end it when it is closed or no longer needed."""
    from portal.runner.clients import ClientsPlugin

    cluster.wait()
    pool, scheduler = cluster.pool, cluster.scheduler
    assert pool is not None
    need = Need(spec, scheduler)
    scheduler.handlers["portal_close"] = need.close
    cluster.call(lambda: scheduler.add_plugin(ClientsPlugin(need.come)))
    write_atomically(trap.directory / CLUSTER, wide.contact(scheduler, pool).to_dict())
    trap.event("message", text=f"ready, on {', '.join((wide.nodes.here, *wide.nodes.others))}")
    while not need.over:
        time.sleep(_LOOK_SECONDS)
        cluster.call(need.look)
    trap.end(JobState.COMPLETED, message=need.over)


@dataclass
class Need:
    """Whether a cluster is still needed.

    Parameters
    ----------
    clock
        Seconds, as ``time.monotonic()``.

    Attributes
    ----------
    over
        Why it is over; empty while it is not.
    """

    spec: ClusterSpec
    scheduler: Scheduler
    clock: Callable[[], float] = time.monotonic
    over: str = ""
    _came: bool = False
    _alone: float = field(init=False)
    _idle: float = field(init=False)
    _transitions: int = -1

    def __post_init__(self) -> None:
        self._alone = self._idle = self.clock()

    def close(self) -> None:
        """Take note that it was closed by who asked for it."""
        self.over = "closed"

    def come(self) -> None:
        """Take note that a client has come, however soon it goes again."""
        self._came, self._alone = True, self.clock()

    def look(self) -> None:
        """See how things stand; call it in the scheduler's loop."""
        now = self.clock()
        if any(client != _NO_CLIENT for client in self.scheduler.clients):
            self.come()
        if self._busy():
            self._idle = now
        wait = self.spec.linger if self._came else max(self.spec.linger, _FIRST_SECONDS)
        if now - self._idle >= self.spec.idle:
            self.over = f"ended after {self.spec.idle:g} s without a task"
        elif now - self._alone >= wait:
            self.over = f"ended {wait:g} s after its last client had gone"

    def _busy(self) -> bool:
        """Whether there are tasks that wait or run, or there were since the last look."""
        before, self._transitions = self._transitions, self.scheduler.transition_counter
        return (
            self._transitions != before
            or self.scheduler._active_graph_updates > 0
            or bool(self.scheduler.queued or self.scheduler.unrunnable)
            or any(worker.processing for worker in self.scheduler.workers.values())
        )
