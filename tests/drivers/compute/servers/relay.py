"""A TCP relay whose connections can be frozen, healed and cut."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own; for ``with``."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Awaitable[T]) -> T:
        """Run something on the loop, and wait for it."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(30)


class Relay(Loop):
    """Stands before a server of the loopback, on a port of its own; for ``with``.

    What a cut network does is done here: ``freeze`` moves no byte and closes nothing, ``sever``
    resets every connection. ``sent`` counts the bytes to the server, ``connections`` those made.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__()
        self._target = (host, port)
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left: int | None = None
        self._then: Callable[[], Coroutine[Any, Any, None]] = self._sever
        self.connections = 0
        self.sent = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self.do(self._start())
        return self

    def __exit__(self, *error: object) -> None:
        self.do(self._stop())
        super().__exit__(*error)

    def freeze(self, *, questions: bool = True, answers: bool = True) -> None:
        """Move no byte in a direction any more."""
        self.do(self._set(self._up, not questions))
        self.do(self._set(self._down, not answers))

    def heal(self) -> None:
        """Let all bytes go again, those that were held back too."""
        self._left = None
        self.freeze(questions=False, answers=False)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze both directions for a time."""
        self.freeze()
        try:
            yield
        finally:
            self.heal()

    def sever(self) -> None:
        """Reset every connection; new ones are taken."""
        self.do(self._sever())

    def sever_after(self, sent: int) -> None:
        """Reset every connection when exactly so many bytes more have gone to the server; once."""
        self._left, self._then = sent, self._sever

    def withhold_after(self, sent: int) -> None:
        """Let no answer through from when so many bytes more have gone to the server."""
        self._left, self._then = sent, self._withhold

    async def _start(self) -> None:
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._up.set()
        self._down.set()
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        await self._sever()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _set(self, event: asyncio.Event, on: bool) -> None:
        (event.set if on else event.clear)()

    async def _withhold(self) -> None:
        self._down.clear()

    async def _sever(self) -> None:
        for end in tuple(self._ends):
            end.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._ends.add(writer)
        far_writer = None
        try:
            await self._up.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            self._ends.add(far_writer)
            await asyncio.gather(
                self._pump(reader, far_writer, self._up, count=True),
                self._pump(far_reader, writer, self._down, count=False),
            )
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone, or the test has ended; the other is closed below
        finally:
            for end in (writer, far_writer):
                if end is not None:
                    self._ends.discard(end)
                    end.transport.abort()
            self._tasks.discard(task)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        may: asyncio.Event,
        *,
        count: bool,
    ) -> None:
        while data := await reader.read(65_536):
            await may.wait()
            rest = b""
            if count and self._left is not None:
                data, rest = data[: self._left], data[self._left :]
                self._left -= len(data)
            writer.write(data)
            await writer.drain()
            self.sent += len(data) if count else 0
            if count and self._left == 0:
                self._left = None
                await self._then()
                writer.write(rest)
                self.sent += len(rest)
        raise ConnectionResetError
