"""Dask's scheduler and worker: without HTTP, or with a dashboard for holders of the run's key.

Imported by the workers too.
"""

from __future__ import annotations

from typing import Any

from distributed import Scheduler, Worker
from distributed.http.routing import RoutingApplication

from portal.runner.security import RunSecurity


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

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen over TLS."""
        from distributed.comm.addressing import get_address_host
        from tornado.httpserver import HTTPServer

        assert isinstance(self.security, RunSecurity)
        self.http_application = RoutingApplication(routes)  # type: ignore[no-untyped-call]
        self.http_server = HTTPServer(
            self.http_application, ssl_options=self.security.server_context()
        )
        where = self._start_address
        self.http_server.listen(0, address=get_address_host(where[0]))
        (listening,) = self.http_server._sockets.values()
        self.dashboard_port = listening.getsockname()[1]


class QuietWorker(Worker):
    """A worker that serves no HTTP."""

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen nowhere: Dask's pages have no authentication."""
        self.http_application = RoutingApplication([])  # type: ignore[no-untyped-call]
