"""What ends an interactive cluster of a gateway when nobody needs it: it runs in its scheduler.

It is sent there by value, so that Portal need not be installed there: Dask and Python alone.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

LOOK_SECONDS = 0.5
#: After that, a gateway that was away is asked again.
AGAIN_SECONDS = 15.0


class Watch(SchedulerPlugin):
    """Has the gateway stop the cluster; each time is in seconds.

    Parameters
    ----------
    idle
        Without a task.
    linger
        After the last client has gone.
    duration
        Since the cluster began; None for no end.
    """

    name = "portal-watch"

    def __init__(self, idle: float, linger: float, duration: float | None) -> None:
        self.idle, self.linger, self.duration = idle, linger, duration

    async def start(self, scheduler: Scheduler) -> None:
        """Begin to look."""
        self.scheduler = scheduler
        self.began = self.alone = self.rested = time.monotonic()
        self.seen = -1
        self.looking = asyncio.create_task(self.look())

    async def close(self) -> None:
        """End with the scheduler."""
        self.looking.cancel()

    async def look(self) -> None:
        """Look, until the cluster is stopped."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            reason = self.over()
            if not reason:
                continue
            self.scheduler.log_event("portal", {"over": reason})
            try:
                await self.scheduler.services["gateway"].gateway.shutdown()
            except Exception as error:  # noqa: BLE001 - whatever the gateway says, it is asked again
                self.scheduler.log_event("portal", {"not stopped": repr(error)})
            await asyncio.sleep(AGAIN_SECONDS)

    def over(self) -> str:
        """Say why the cluster is needed no longer; nothing while it is."""
        now = time.monotonic()
        if any(client != "fire-and-forget" for client in self.scheduler.clients):
            self.alone = now
        if self.busy():
            self.rested = now
        if self.duration is not None and now - self.began >= self.duration:
            return f"its {self.duration:g} s are over"
        if now - self.rested >= self.idle:
            return f"{self.idle:g} s without a task"
        if now - self.alone >= self.linger:
            return f"{self.linger:g} s since its last client has gone"
        return ""

    def busy(self) -> bool:
        """Whether tasks wait or run, or have done so since the last look."""
        scheduler: Any = self.scheduler
        before, self.seen = self.seen, scheduler.transition_counter
        return (
            self.seen != before
            or bool(scheduler.queued or scheduler.unrunnable)
            or any(worker.processing for worker in scheduler.workers.values())
        )
