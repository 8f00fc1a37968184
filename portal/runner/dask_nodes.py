"""Dask's scheduler and worker: without HTTP, or with a dashboard for holders of the run's key.

Imported by the workers too.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any, Final

from distributed import Scheduler, Worker
from distributed.http.routing import RoutingApplication

from portal.runner.security import RunSecurity

_PAGES: Final = "distributed.dashboard.scheduler"


class QuietScheduler(Scheduler):
    """A scheduler that serves no HTTP."""

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen nowhere: Dask's pages have no authentication."""
        self.http_application = RoutingApplication([])  # type: ignore[no-untyped-call]


class ShownScheduler(Scheduler):
    """A scheduler whose dashboard answers, over TLS, to holders of the run's key alone.

    Attributes
    ----------
    dashboard_port
        It listens where the scheduler itself does, on a port of its own.
    """

    dashboard_port: int

    async def show(self) -> None:
        """Serve the dashboard, or a page that says what it needs; importing it takes a while."""
        try:
            pages = await asyncio.to_thread(importlib.import_module, _PAGES)
        except ImportError:
            from distributed.http.utils import get_handlers
            from tornado.web import Application

            missing = get_handlers(self, ["distributed.http.scheduler.missing_bokeh"], prefix="/")
            self.http_application.add_application(Application(missing))
        else:
            pages.connect(self.http_application, self.http_server, self, prefix="/")

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen over TLS."""
        from distributed.comm.addressing import get_address_host
        from tornado.httpserver import HTTPServer

        assert isinstance(self.security, RunSecurity)
        self.http_application = RoutingApplication(routes)  # type: ignore[no-untyped-call]
        server: Any = HTTPServer(self.http_application, ssl_options=self.security.server_context())
        server.listen(0, address=get_address_host(self._start_address[0]))
        (listening,) = server._sockets.values()
        server.address, server.port = listening.getsockname()[:2]
        self.http_server, self.dashboard_port = server, server.port


class QuietWorker(Worker):
    """A worker that serves no HTTP."""

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen nowhere: Dask's pages have no authentication."""
        self.http_application = RoutingApplication([])  # type: ignore[no-untyped-call]
