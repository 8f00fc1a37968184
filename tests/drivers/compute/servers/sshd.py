"""A real sshd on the loopback, with host keys, users' keys and a configuration of its own.

::

    with Sshd(tmp_path) as sshd:
        key = sshd.let_in("portal-a")
        transport = transport_of(**sshd.options("portal-a"))

A :class:`~tests.drivers.compute.servers.relay.Relay` before it can freeze and cut connections.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh
import psutil

from tests.helpers import wait_until
from tests.site import need

CONFIG = """\
Port {port}
ListenAddress {host}
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/authorized/%u
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
MaxStartups 100
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
"""


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sshd:
    """One sshd, run as root: who has been let in logs in by a key of this test.

    Parameters
    ----------
    directory
        Made, open to be passed through; holds keys, the configuration and the log.
    host
        Address that it listens on.
    prefix
        A command that it is started through, such as ``nsenter --net=…``.
    more
        Further lines of its configuration.
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        prefix: Sequence[str] = (),
        more: str = "",
    ) -> None:
        self.directory = directory
        self.host, self.port = host, port or free_port()
        self._prefix = [*prefix]
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        (directory / "authorized").mkdir(exist_ok=True)
        self.new_host_key()

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """What it has logged."""
        return self.directory / "log"

    @property
    def logins(self) -> int:
        """How many connections have been let in."""
        return self.log.read_text().count("Accepted publickey")

    def new_host_key(self) -> None:
        """Give it another host key, used from the next start on."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        path = self.directory / "host_key"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key())
        self.host_key = key.export_public_key().decode().strip()

    def known_hosts(self, port: int | None = None) -> Path:
        """Write a file that knows its host key under a port of the loopback, and return its path."""
        path = self.directory / f"known_hosts-{port or self.port}"
        path.write_text(f"[{self.host}]:{port or self.port} {self.host_key}\n")
        return path

    def let_in(self, user: str) -> Path:
        """Return the path of a private key with which a user is let in."""
        path = self.directory / f"key-{user}"
        if not path.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            path.touch(mode=0o600)
            path.write_bytes(key.export_private_key())
            with (self.directory / "authorized" / user).open("ab") as file:
                file.write(key.export_public_key())
        return path

    def options(self, user: str, port: int | None = None) -> dict[str, Any]:
        """Return the options with which a driver reaches it as a user; by another port, a relay's."""
        return {
            "host": self.host,
            "user": user,
            "port": port or self.port,
            "key_file": str(self.let_in(user)),
            "known_hosts": str(self.known_hosts(port)),
        }

    def start(self) -> None:
        """Start it, and wait until it listens."""
        config = self.directory / "sshd_config"
        config.write_text(
            CONFIG.format(port=self.port, host=self.host, directory=self.directory) + self._more
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.log.touch()
        before = self._listening()
        self._process = subprocess.Popen(
            [*self._prefix, need("sshd"), "-D", "-f", str(config), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
        )
        process = self._process
        wait_until(lambda: self._listening() > before or process.poll() is not None)
        assert process.poll() is None, self.log.read_text()

    def _listening(self) -> int:
        return self.log.read_text().count("Server listening")

    def stop(self) -> None:
        """Stop it, and cut everybody's connections; what they left running goes on."""
        if self._process is None:
            return
        listener = psutil.Process(self._process.pid)
        for process in (listener, *filter(_is_sshd, listener.children(recursive=True))):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _is_sshd(process: psutil.Process) -> bool:
    try:
        return process.name() == "sshd"
    except psutil.NoSuchProcess:
        return False
