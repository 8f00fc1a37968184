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
