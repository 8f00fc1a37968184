"""Link: one SSH connection on an event loop, made when it is needed and made anew when it broke."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import asyncssh

from portal.drivers.compute._address import Address
from portal.drivers.compute._ssh_open import close_chain, open_chain
from portal.drivers.compute._transport import TIMEOUT, Completed
from portal.errors import Unavailable

T = TypeVar("T")

#: sshd allows ten sessions in one connection (MaxSessions); one of them is the SFTP session.
_COMMANDS: Final = 6
_NOT_FOUND: Final = 127
_BLOCK: Final = 1 << 16
_PAUSE: Final = 0.1
#: What sshd answers when a connection has as many sessions as it allows.
_NO_SESSION: Final = (asyncssh.OPEN_CONNECT_FAILED, asyncssh.OPEN_RESOURCE_SHORTAGE)
#: Bytes in a second below which a transfer is given up.
_SLOWEST: Final = 100_000
#: What is raised when the connection, or what goes over it, has been cut.
BROKEN: Final = (
    asyncssh.DisconnectError,
    asyncssh.ChannelOpenError,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    ConnectionError,
)


class Link:
    """One connection to a machine. Every method runs on the loop that it belongs to."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._chain: list[asyncssh.SSHClientConnection] = []
        self._opening: asyncio.Task[None] | None = None
        self._sftp: asyncssh.SFTPClient | None = None
        self._sftp_lock = asyncio.Lock()
        self._commands = asyncio.Semaphore(_COMMANDS)

    async def connection(self) -> asyncssh.SSHClientConnection:
        """Return the connection; all who wait for a new one wait for the same."""
        if not self._chain or any(one.is_closed() for one in self._chain):
            if self._opening is None or self._opening.done():
                self._opening = asyncio.ensure_future(self._open())
            await asyncio.shield(self._opening)
        return self._chain[-1]

    async def _open(self) -> None:
        await self.close()
        self._chain = await open_chain(self._address)

    async def close(self) -> None:
        """Give the connection up."""
        chain, self._chain, self._sftp = self._chain, [], None
        close_chain(chain)
        for one in reversed(chain):
            await one.wait_closed()

    async def run(self, command: str, stdin: bytes, timeout: float, name: str) -> Completed:
        """Run a command line of the remote shell."""
        async with self._commands:
            await self.connection()
            try:
                async with asyncio.timeout(timeout):
                    process = await self._begin(command, stdin)
                    try:
                        done = await process.wait()
                    except asyncio.CancelledError:
                        process.kill()  # nobody waits for it any more
                        raise
                    finally:
                        process.close()
            except TimeoutError as error:
                raise Unavailable(
                    f"{name} did not end on {self._address} within {timeout:g} s",
                    found="no answer",
                    advice="The machine may be busy; try again later.",
                ) from error
            except BROKEN as error:
                raise self._broken(error) from error
        if done.returncode is None:
            raise self._broken(None)
        stdout, stderr = _text(done.stdout), _text(done.stderr)
        if done.returncode == _NOT_FOUND:
            raise Unavailable(
                f"{name} could not be run on {self._address}",
                found=stderr.strip() or "it is not there",
                advice="See that the command is installed there, and on the path of a shell that "
                f"nobody types into: ssh {self._address.host} command -v {shlex.quote(name)}",
            )
        return Completed(done.returncode, stdout, stderr)

    async def _begin(self, command: str, stdin: bytes) -> asyncssh.SSHClientProcess[bytes]:
        """Start a command. As long as it cannot have begun, that is tried again.

        So it is when the connection proves to have died meanwhile, and when a machine allows fewer
        sessions at once than others do.
        """
        begun = False

        def session() -> asyncssh.SSHClientProcess[bytes]:
            nonlocal begun
            begun = True  # the channel is open, and the command is sent next
            return asyncssh.SSHClientProcess()

        while True:
            connection = await self.connection()
            try:
                channel, process = await connection.create_session(session, command, encoding=None)
                assert isinstance(process, asyncssh.SSHClientProcess)
            except BROKEN:
                if begun:
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                with contextlib.suppress(BrokenPipeError):  # it has ended, and read nothing
                    channel.write(stdin)
                    channel.write_eof()
                return process

    async def files(
        self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], *, again: bool, size: int
    ) -> T:
        """Do something with the SFTP client, and once more if the connection broke meanwhile."""
        seconds = TIMEOUT + size / _SLOWEST
        while True:
            try:
                return await self._with_sftp(work, seconds)
            except BROKEN as error:
                if not again:
                    raise self._broken(error) from error
                again = False

    async def _with_sftp(
        self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], seconds: float
    ) -> T:
        client = await self._client()
        try:
            async with asyncio.timeout(seconds):
                return await work(client)
        except TimeoutError as error:
            self._give_up(client)
            raise Unavailable(
                f"The file system of {self._address} was not done within {seconds:.0f} s",
                found="no answer",
                advice="The machine or its storage may be busy; try again later.",
            ) from error
        except BROKEN:
            self._give_up(client)
            raise

    def _give_up(self, client: asyncssh.SFTPClient) -> None:
        """End an SFTP session; one that another thread has opened since is kept."""
        client.exit()
        if self._sftp is client:
            self._sftp = None

    async def _client(self) -> asyncssh.SFTPClient:
        async with self._sftp_lock:
            connection = await self.connection()
            if self._sftp is None:
                try:
                    async with asyncio.timeout(TIMEOUT):
                        self._sftp = await _start_sftp(connection)
                except (asyncssh.SFTPError, TimeoutError, asyncssh.ChannelOpenError) as error:
                    if connection.is_closed():
                        raise asyncssh.ConnectionLost(str(error)) from error
                    raise Unavailable(
                        f"{self._address} does not serve files by SFTP",
                        found=str(error) or type(error).__name__,
                        advice="See that `sftp` works to it; what a shell start-up file (.bashrc) "
                        "prints breaks it.",
                    ) from error
            return self._sftp

    async def listen(self, host: str, port: int) -> Listener:
        """Open a port of the loopback here that leads to ``host:port`` there."""
        await self.connection()
        listener = Listener(self, host, port)
        await listener.open()
        return listener

    def _broken(self, error: Exception | None) -> Unavailable:
        return Unavailable(
            f"The SSH connection to {self._address} broke",
            found=(str(error) if error else "") or "it was cut before the answer came",
            advice="Try again: a new connection is made. What was asked for may have been done.",
        )


@dataclass
class Listener:
    """A forwarded port; each connection to it goes over the link as it is at that time."""

    link: Link
    host: str
    port: int

    async def open(self) -> None:
        """Begin to listen, on a free port of the loopback."""
        self._carried: set[asyncio.Task[Any]] = set()
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def close(self) -> None:
        """Stop, and cut what goes through it."""
        self._server.close()
        for task in tuple(self._carried):
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carried.add(task)
        try:
            connection = await self.link.connection()
            far_reader, far_writer = await connection.open_connection(self.host, self.port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pump(reader, far_writer))
                    both.create_task(_pump(far_reader, writer))
            finally:
                far_writer.close()
        except* (Unavailable, *BROKEN, OSError, asyncio.CancelledError):
            pass  # the end that is on this side sees its connection close
        finally:
            self._carried.discard(task)
            writer.close()


async def _start_sftp(connection: asyncssh.SSHClientConnection) -> asyncssh.SFTPClient:
    """Start an SFTP session, as soon as the machine allows one more session."""
    while True:
        try:
            return await connection.start_sftp_client(path_errors="surrogateescape")
        except asyncssh.ChannelOpenError as error:
            if error.code not in _NO_SESSION or connection.is_closed():
                raise
            await asyncio.sleep(_PAUSE)


async def _pump(reader: Any, writer: Any) -> None:
    while data := await reader.read(_BLOCK):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _text(output: Any) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else str(output or "")
