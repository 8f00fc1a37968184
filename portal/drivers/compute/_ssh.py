"""SshTransport: commands, files and ports of a machine over one SSH connection."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shlex
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from portal.drivers.compute._address import Address
from portal.drivers.compute._transport import TIMEOUT, Completed, Here, Transport
from portal.errors import InvalidConfig, MissingDependency

if TYPE_CHECKING:
    import asyncssh
    import fsspec

    from portal.drivers.compute._ssh_link import Link

T = TypeVar("T")


class SshTransport:
    """A machine that is reached by SSH: one connection, used by all threads and made anew when cut.

    Host keys are always checked. ~/.ssh/config is followed, with ProxyJump, and so is the agent.
    Nothing is connected until something is asked for.

    Raises
    ------
    MissingDependency
        asyncssh is not installed.
    """

    def __init__(self, address: Address) -> None:
        if importlib.util.find_spec("asyncssh") is None:
            raise MissingDependency(
                f"Reaching {address.host} by SSH needs the package 'asyncssh'",
                found="it is not installed",
                advice='pip install "portal-science[ssh]"',
            )
        self._address = address
        self._starting = threading.Lock()
        self._worker: _Worker | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._address,))

    def __repr__(self) -> str:
        return f"SshTransport({str(self._address)!r})"

    @property
    def name(self) -> str:
        """The machine's name."""
        return self._address.host

    @cached_property
    def fs(self) -> fsspec.AbstractFileSystem:
        """Its file system by SFTP; what it makes is closed to other users."""
        from portal.drivers.compute._sftp import SftpFileSystem

        return SftpFileSystem(self)

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = TIMEOUT
    ) -> Completed:
        """Run a command there; every argument is quoted for the remote shell.

        Raises
        ------
        Unavailable
            The machine was not reached, the connection broke (whether the command ran is then not
            known), the command is not there, or it took longer than ``timeout`` seconds.
        Denied
            The host key is not the known one, or the user is not let in.
        """
        command = shlex.join(argv)
        return self._call(lambda link: link.run(command, stdin, timeout, argv[0]))

    def sftp(
        self,
        work: Callable[[asyncssh.SFTPClient], Awaitable[T]],
        *,
        again: bool = True,
        size: int = 0,
    ) -> T:
        """Do something with the connection's SFTP client.

        Parameters
        ----------
        again
            Do it once more on a new connection if this one breaks meanwhile.
        size
            Bytes that are moved, for which more time is given.
        """
        return self._call(lambda link: link.files(work, again=again, size=size))

    @contextlib.contextmanager
    def forward(self, host: str, port: int) -> Iterator[tuple[str, int]]:
        """Lend a port of this machine's loopback that leads to ``host:port`` seen from there.

        It stays the same when the connection is made anew.
        """
        listener = self._call(lambda link: link.listen(host, port))
        try:
            yield listener.address
        finally:
            self._call(lambda _: listener.close())

    def close(self) -> None:
        """Give the connection up; the next call makes a new one."""
        if self._worker is not None:
            self._call(lambda link: link.close())

    def _call(self, work: Callable[[Link], Coroutine[Any, Any, T]]) -> T:
        with self._starting:
            if self._worker is None:
                self._worker = _Worker(self._address)
                weakref.finalize(self, self._worker.stop)
        return self._worker.call(work)


class _Worker:
    """A daemon thread with the event loop on which one connection lives."""

    def __init__(self, address: Address) -> None:
        from portal.drivers.compute._ssh_link import Link

        self._link = Link(address)
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_heard)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"ssh {address.host}", daemon=True
        )
        self._thread.start()

    def call(self, work: Callable[[Link], Coroutine[Any, Any, T]]) -> T:
        future = asyncio.run_coroutine_threadsafe(work(self._link), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # the caller was interrupted: nobody waits for it any more
            raise

    def stop(self) -> None:
        """End the connection, the loop and the thread."""
        if threading.current_thread() is self._thread:  # collected here, where none can wait
            self._loop.call_soon(self._loop.stop)
            return
        asyncio.run_coroutine_threadsafe(self._link.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave out of the log what asyncssh's own tasks say of a cut: the caller is told once."""
    from portal.drivers.compute._ssh_link import BROKEN

    if not isinstance(context.get("exception"), BROKEN):
        loop.default_exception_handler(context)


def transport_of(
    host: str | None = None,
    user: str | None = None,
    port: int | None = None,
    key_file: str | None = None,
    known_hosts: str | None = None,
    jump: str | None = None,
) -> Transport:
    """Return the way to a machine: SSH, or this machine itself where no host is named.

    Parameters
    ----------
    host, user, port, key_file, known_hosts, jump
        See :class:`Address`.

    Raises
    ------
    InvalidConfig
        An option of SSH without a host, or one that cannot be.
    MissingDependency
        asyncssh is needed and not installed.
    """
    options = {"user": user, "port": port, "key_file": key_file}
    options |= {"known_hosts": known_hosts, "jump": jump}
    if not host:
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise InvalidConfig(
                "Options of an SSH connection are given, and no host",
                found=", ".join(given),
                advice="Name the machine: `host`.",
            )
        return Here()
    if port is not None and not 0 < port < 65_536:
        raise InvalidConfig(
            "The SSH port is a number from 1 to 65535", found=repr(port), advice="Correct `port`."
        )
    return SshTransport(Address(host, user, port, key_file, known_hosts, jump))
