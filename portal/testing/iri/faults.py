"""Faults on request: what a service does on a bad day, for tests of its clients."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]


class Faults:
    """Switches, each for the next ``times`` requests whose path holds ``path``.

    A request meets the first switch that is for it. Safe to set from any thread. :attr:`met`
    lists each request that met one: the switch's name, the method and the path.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[tuple[str, str, float]] = []
        self.met: list[tuple[str, str, str]] = []

    def answer(self, status: int, *, times: int = 1, path: str = "") -> None:
        """Answer with an error and do nothing."""
        self._plan(f"answer {status}", path, times, 0.0)

    def busy(self, retry_after: float, *, times: int = 1, path: str = "") -> None:
        """Answer 429 with ``Retry-After``, in seconds."""
        self._plan("answer 429", path, times, retry_after)

    def lose(self, *, times: int = 1, path: str = "") -> None:
        """Do what is asked, then break the connection before the first byte of the answer's body."""
        self._plan("lose", path, times, 0.0)

    def truncate(self, *, times: int = 1, path: str = "") -> None:
        """Do what is asked, promise the whole answer, and send half of it."""
        self._plan("truncate", path, times, 0.0)

    def delay(self, seconds: float, *, times: int = 1, path: str = "") -> None:
        """Answer late."""
        self._plan("delay", path, times, seconds)

    def clear(self) -> None:
        """Be well again."""
        with self._lock:
            self._planned.clear()

    def _plan(self, name: str, path: str, times: int, value: float) -> None:
        with self._lock:
            self._planned.extend([(name, path, value)] * times)

    def _next(self, scope: _Message) -> tuple[str, float]:
        path = scope["path"]
        with self._lock:
            for number, (name, wanted, value) in enumerate(self._planned):
                if wanted in path:
                    del self._planned[number]
                    self.met.append((name, scope["method"], path))
                    return name, value
        return "", 0.0

    def around(self, app: _App) -> _App:
        """Return an ASGI application that meets the faults."""

        async def faulty(scope: _Message, receive: _Receive, send: _Send) -> None:
            name, value = self._next(scope) if scope["type"] == "http" else ("", 0.0)
            if name.startswith("answer"):
                await _error(int(name.split()[1]), value, scope["path"], send)
                return
            if name == "delay":
                await asyncio.sleep(value)
            if name in ("lose", "truncate"):
                await app(scope, receive, _halved(send, keep=name == "truncate"))
                return
            await app(scope, receive, send)

        return faulty


async def _error(status: int, retry_after: float, path: str, send: _Send) -> None:
    told = {
        "type": "about:blank",
        "status": status,
        "title": "A fault on request",
        "instance": path,
    }
    headers = [(b"content-type", b"application/json")]
    if status == 429:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def _halved(send: _Send, *, keep: bool) -> _Send:
    """Send the headers and half of the body, or nothing of it, and no end.

    The server closes the connection by itself when an application ends before its answer does.
    """

    async def cut(message: _Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            kept = body[: len(body) // 2] if keep else b""
            message = {**message, "body": kept, "more_body": True}
        await send(message)

    return cut
