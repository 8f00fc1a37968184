"""Who may ask, and what an error is called in HTTP: what the routes share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web, websocket

from portal.errors import (
    Denied,
    EnvironmentMismatch,
    InvalidInput,
    NotFound,
    PortalError,
    RunError,
    Unavailable,
    Unreadable,
)

Method = Callable[..., Awaitable[None] | None]

RESOURCE = "portal"

STATUS: tuple[tuple[type[PortalError], HTTPStatus], ...] = (
    (InvalidInput, HTTPStatus.BAD_REQUEST),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Denied, HTTPStatus.FORBIDDEN),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Unreadable, HTTPStatus.UNPROCESSABLE_ENTITY),
    (EnvironmentMismatch, HTTPStatus.CONFLICT),
    (RunError, HTTPStatus.CONFLICT),
)


def status_of(error: PortalError) -> HTTPStatus:
    """Return the HTTP status of an error; 500 where none is more telling."""
    for kind, status in STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def guarded(action: str, resource: str = RESOURCE) -> Callable[[Method], Method]:
    """Ask who it is, and then the server's Authorizer, which ``@web.authenticated`` never asks.

    Parameters
    ----------
    action
        "read", "write" or "execute": what the Authorizer is asked about.
    resource
        On what.
    """

    def wrap(method: Method) -> Method:
        guard: Method = web.authenticated(authorized(action, resource)(method))
        return guard

    return wrap


class PortalSocket(WebSocketMixin, websocket.WebSocketHandler, JupyterHandler):
    """A route that connects web sockets, and may have pages beside them."""

    def get_login_url(self) -> str:
        """Refuse who is not known; nobody is sent elsewhere."""
        raise web.HTTPError(HTTPStatus.FORBIDDEN)
