"""The doors of widgets: web sockets of front-ends that lead to the kernels on this machine.

Who may use kernels may use them: it is asked here, as of the web sockets of kernels. What goes
through is not looked at.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from tornado import web, websocket

from portal.ui.server.guard import PortalSocket, guarded
from portal.ui.widgets.door import LENGTH, file_name, short

#: The kernel has closed its end of a door.
ENDED: Final = 4410
ROUTE: Final = r"portal/api/doors/([^/]+)"


class DoorHandler(PortalSocket):
    """One front-end on its way to one widget."""

    auth_resource = "kernels"
    _writer: asyncio.StreamWriter | None = None
    _pump: asyncio.Task[None] | None = None

    @guarded("execute", "kernels")
    async def get(self, name: str) -> None:  # type: ignore[override]
        """Connect a web socket with the kernel that has opened a door of this name."""
        if not re.fullmatch("[0-9a-f]{16}", name):
            raise web.HTTPError(HTTPStatus.NOT_FOUND, "No door is called so")
        directory = Path(self.settings["kernel_manager"].connection_dir)
        try:
            with short(directory / file_name(name)) as path:
                self._reader, self._writer = await asyncio.open_unix_connection(path, limit=2**22)
        except OSError as error:
            raise web.HTTPError(
                HTTPStatus.NOT_FOUND, f"There is no such way to a kernel here: {error.strerror}"
            ) from error
        try:
            await super().get()
        finally:
            self.on_close()  # also where it was no web socket that was asked for

    def open(self, *_: str) -> None:
        """Pass on what the kernel says, at once."""
        self.set_nodelay(True)
        self._pump = asyncio.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        try:
            while True:
                (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
                await self.write_message(await self._reader.readexactly(length), binary=True)
        except (OSError, asyncio.IncompleteReadError):
            self.close(ENDED, "The kernel has closed it.")
        except websocket.WebSocketClosedError:
            self.on_close()

    def on_message(self, message: str | bytes) -> None:
        """Pass on what the front-end says."""
        if self._writer is not None:
            data = message.encode() if isinstance(message, str) else message
            self._writer.write(LENGTH.pack(len(data)) + data)

    def on_close(self) -> None:
        """Let the kernel know that nobody is there any more."""
        if self._pump is not None:
            self._pump.cancel()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write_error(self, status_code: int, **_: Any) -> None:
        """Reply in a word: a program asks here."""
        self.set_header("Content-Type", "text/plain")
        self.finish(f"{status_code}\n")
