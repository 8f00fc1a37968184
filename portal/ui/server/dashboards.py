"""Dask's dashboards behind the Jupyter server: who may see one is asked here, as of every route.

A dashboard's own server answers, over TLS, to holders of its run's key alone. This server fetches
the key over the workspace, as any client of the cluster does, and passes pages and the messages of
their web sockets on.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tornado import httpclient, web, websocket

from portal.core.policy import Action
from portal.errors import PortalError
from portal.ui.server.guard import RESOURCE, PortalSocket, guarded, status_of

if TYPE_CHECKING:
    from portal.federation.federation import Federation
    from portal.federation.runs import Run

#: A way to a dashboard that nobody has used for so long is given up.
_KEPT_SECONDS: Final = 600.0
_TIMEOUT_SECONDS: Final = 30.0
_MOST_BYTES: Final = 64 * 2**20
#: Of a reply, what the browser is told; the rest is between the two servers.
_PASSED: Final = ("Content-Type", "Cache-Control", "Etag", "Last-Modified", "Vary")
_CONDITIONS: Final = ("Accept", "If-None-Match", "If-Modified-Since")


@dataclass
class Way:
    """A way to one dashboard, open for as long as it is used."""

    run: Run
    host: str
    port: int
    context: ssl.SSLContext
    stack: ExitStack
    used: float = field(default_factory=time.monotonic)


@dataclass
class Ways:
    """The ways to dashboards that are open, by the ids of their runs."""

    _open: dict[str, Way] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def to(self, fed: Federation, run_id: str) -> Way:
        """Return a way, opened when there is none; the policy is asked each time.

        Raises
        ------
        PortalError
            There is no such cluster, it is somebody else's, has ended or cannot be reached.
        """
        with self._lock:
            self._drop(lambda way: time.monotonic() - way.used > _KEPT_SECONDS)
            way = self._open.get(run_id)
        if way is not None:
            fed.gate.require(Action.RUN, fed.gate.run(way.run.id, way.run.spec.requested_by))
            way.used = time.monotonic()
            return way
        cluster = fed.cluster(run_id=run_id)
        with ExitStack() as stack:
            host, port, context = stack.enter_context(cluster.dashboard_server())
            way = Way(cluster.run, host, port, context, stack.pop_all())
        with self._lock:
            self._drop(lambda held: held.run.id == cluster.id)
            self._open[cluster.id] = way
        return way

    def forget(self, way: Way) -> None:
        """Give a way up that leads nowhere."""
        with self._lock:
            self._drop(lambda held: held is way)

    def close(self) -> None:
        """Give all of them up."""
        with self._lock:
            self._drop(lambda _: True)

    def _drop(self, which: Callable[[Way], bool]) -> None:
        for name in [name for name, way in self._open.items() if which(way)]:
            self._open.pop(name).stack.close()


class DashboardPages(PortalSocket):
    """The pages of a cluster's dashboard, and the web sockets that keep them moving."""

    auth_resource = RESOURCE
    _upstream: websocket.WebSocketClientConnection | None = None

    @guarded("read")
    async def get(self, run_id: str, path: str) -> None:  # type: ignore[override]
        """Answer with a page of the dashboard, or connect a web socket."""
        try:
            await self._pass_on(run_id, path)
        except PortalError as error:
            self._say(status_of(error), str(error))
        except (OSError, httpclient.HTTPError, websocket.WebSocketError) as error:
            self.log.warning("portal: the dashboard of %s: %s", run_id, error)
            self._say(
                HTTPStatus.BAD_GATEWAY,
                f"The dashboard of {run_id} does not answer ({type(error).__name__}). The cluster "
                "may be ending, or its machine busy. Reload the page.",
            )

    async def _pass_on(self, run_id: str, path: str) -> None:
        upgrade = self.request.headers.get("Upgrade", "").lower() == "websocket"
        if upgrade and not self.check_origin():
            raise web.HTTPError(HTTPStatus.FORBIDDEN)
        way = await self._way(run_id)
        try:
            await (self._connect(way, path) if upgrade else self._fetch(way, run_id, path))
        except (OSError, httpclient.HTTPError):
            self.settings["portal_ways"].forget(way)
            await self._way(run_id)  # says so, if the cluster has ended
            raise

    async def _way(self, run_id: str) -> Way:
        ways: Ways = self.settings["portal_ways"]
        way: Way = await self.settings["portal_door"].ask(lambda fed: ways.to(fed, run_id))
        return way

    def _address(self, way: Way, scheme: str, path: str) -> str:
        host = f"[{way.host}]" if ":" in way.host else way.host
        query = f"?{self.request.query}" if self.request.query else ""
        return f"{scheme}://{host}:{way.port}/{path}{query}"

    async def _fetch(self, way: Way, run_id: str, path: str) -> None:
        request = httpclient.HTTPRequest(
            self._address(way, "https", path),
            headers={k: v for k, v in self.request.headers.items() if k in _CONDITIONS},
            ssl_options=way.context,
            follow_redirects=False,
            request_timeout=_TIMEOUT_SECONDS,
        )
        client = httpclient.AsyncHTTPClient(force_instance=True, max_body_size=_MOST_BYTES)
        try:
            reply = await client.fetch(request, raise_error=False)
        finally:
            client.close()
        if reply.code == _NO_ANSWER:
            reply.rethrow()
        self.set_status(reply.code)
        for name in _PASSED:
            if name in reply.headers:
                self.set_header(name, reply.headers[name])
        if "Location" in reply.headers:
            self.set_header("Location", self._here(run_id, reply.headers["Location"]))
        self.finish(reply.body or None)

    def _here(self, run_id: str, location: str) -> str:
        """Where a redirection of the dashboard's leads on this server; never to another."""
        parts = urlsplit(location)
        path = parts.path.lstrip("/") if parts.path.startswith("/") else parts.path
        return f"{self.base_url}portal/api/dashboards/{run_id}/{path}"

    async def _connect(self, way: Way, path: str) -> None:
        request = httpclient.HTTPRequest(
            self._address(way, "wss", path),
            ssl_options=way.context,
            connect_timeout=_TIMEOUT_SECONDS,
        )
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        self._upstream = await websocket.websocket_connect(
            request,
            subprotocols=[name.strip() for name in offered.split(",") if name.strip()],
            max_message_size=_MOST_BYTES,
        )
        await websocket.WebSocketHandler.get(self)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Choose what the dashboard's server chose."""
        return self._upstream.selected_subprotocol if self._upstream is not None else None

    def open(self, *_: str, **__: str) -> None:
        """Begin to pass messages on; called when the browser's side is there."""
        super().open()
        self._passing = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        assert self._upstream is not None
        while (message := await self._upstream.read_message()) is not None:
            try:
                await self.write_message(message, binary=isinstance(message, bytes))
            except websocket.WebSocketClosedError:
                return
        self.close()

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message of the browser's on."""
        assert self._upstream is not None
        try:
            await self._upstream.write_message(message, binary=isinstance(message, bytes))
        except websocket.WebSocketClosedError:
            self.close()

    def on_close(self) -> None:
        """End the other side too."""
        if self._upstream is not None:
            self._upstream.close()

    def _say(self, status: HTTPStatus, text: str) -> None:
        """Answer with a page that says what is the matter."""
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.finish(_PAGE.format(text=escape(text)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer to what the server refuses, or to a fault, whose details stay in the log."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        told = error.log_message if isinstance(error, web.HTTPError) else None
        self._say(HTTPStatus(status_code), told or HTTPStatus(status_code).phrase)


#: What tornado's client calls a connection that was closed or timed out.
_NO_ANSWER: Final = 599
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Portal: dashboard</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 40rem; padding: 0 1rem;
  color: #1f2328; background: #fff; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e6edf3; background: #0d1117; }} }}
</style>
<h1>No dashboard</h1>
<p>{text}</p>
</html>
"""
