"""The extension: one federation for the server's life, and the threads that work on requests."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import traitlets
from jupyter_server.extension.application import ExtensionApp

from portal.federation.cluster import BASE_URL
from portal.federation.federation import Federation, connect
from portal.ui.server.dashboards import Ways
from portal.ui.server.handlers import ROUTES
from portal.ui.server.promptness import be_prompt
from portal.ui.server.schedule import Schedule

T = TypeVar("T")
THREADS = 8


class Door:
    """The federation as the routes reach it: opened when first asked for, worked on in threads.

    Parameters
    ----------
    home
        Portal's directory; by default that of the environment.
    """

    def __init__(self, home: str | None = None) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._fed: Federation | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="portal")

    async def ask(self, work: Callable[[Federation], T]) -> T:
        """Call with the federation, in a thread: the server's loop is never held up."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(self.open()))

    def open(self) -> Federation:
        """Return the federation, opened when first asked for."""
        with self._lock:
            if self._fed is None:
                self._fed = connect(home=self._home)
            return self._fed

    def close(self) -> None:
        """Let go of the federation; requests that wait are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            if self._fed is not None:
                self._fed.close()
                self._fed = None


class PortalExtension(ExtensionApp):
    """Portal's routes, under ``portal/api/``."""

    name = "portal"
    home = traitlets.Unicode(
        allow_none=True, default_value=None, help="Portal's directory, by default $PORTAL_HOME."
    ).tag(config=True)

    harvest_every = traitlets.Float(
        6 * 3600.0,
        min=0.0,
        help="Seconds between harvests of the catalogs that were harvested once; 0 for none.",
    ).tag(config=True)

    def initialize_settings(self) -> None:
        """Make what the routes share, and begin the schedule of harvests."""
        self.door = Door(self.home)
        self.settings["portal_door"] = self.door
        self.ways = Ways()
        self.settings["portal_ways"] = self.ways
        # Kernels inherit it, and so can link to the dashboards of their clusters.
        os.environ[BASE_URL] = self.settings["base_url"]
        be_prompt(self.settings)
        self.schedule = Schedule(self.door.open, self.harvest_every, self.log)
        self.schedule.start()

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(ROUTES)

    async def stop_extension(self) -> None:
        """End the schedule, and close the ways to dashboards and the federation."""
        os.environ.pop(BASE_URL, None)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.ways.close)
        await loop.run_in_executor(None, self.schedule.stop)
        self.door.close()
