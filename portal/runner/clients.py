"""Clients of an interactive cluster, heard of as they come: one may be gone before the next look."""

from __future__ import annotations

from collections.abc import Callable

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin


class ClientsPlugin(SchedulerPlugin):
    """Tells of clients.

    Parameters
    ----------
    came
        Called in the scheduler's loop for each client that has come.
    """

    name = "portal-clients"

    def __init__(self, came: Callable[[], None]) -> None:
        self._came = came

    def add_client(self, scheduler: Scheduler, client: str) -> None:
        """Tell of a client that has come."""
        self._came()
