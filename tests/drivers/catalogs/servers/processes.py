"""Servers that tests start: one process each, waited for, and ended by its id.

``setpriv`` has the kernel end a server whose tests were killed.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.helpers import wait_until


def free_port() -> int:
    """A port of loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(
    command: Sequence[str | Path],
    *,
    ready: Callable[[], bool],
    log: Path,
    env: Mapping[str, str] | None = None,
    end: signal.Signals = signal.SIGTERM,
    user: str = "",
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it is ready, and end it and its children after use.

    Parameters
    ----------
    ready
        Whether it answers.
    log
        Path of the file that takes what it prints.
    env
        Variables beside those of this process.
    end
        The signal that ends it.
    user
        Who runs it, where that is not who runs the tests.
    """
    as_user = as_other(user) if user else ["setpriv"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*as_user, f"--pdeathsig={end.name.removeprefix('SIG')}", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )

    def answers() -> bool:
        if server.poll() is not None:
            raise AssertionError(f"{command[0]} ended: {log.read_text(errors='replace')[-4000:]}")
        return ready()

    try:
        wait_until(answers, seconds=120)
        yield server
    finally:
        _end(server, end)


def as_other(user: str) -> list[str]:
    """The beginning of a command that another user runs."""
    owner = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _end(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if server.poll() is None:
        server.send_signal(how)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)


def http_answers(url: str) -> Callable[[], bool]:
    """Whether a URL answers, with whatever status."""

    def asked() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return asked
