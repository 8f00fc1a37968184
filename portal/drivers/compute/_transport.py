"""Transport: how commands and files reach the machine on which a scheduler is asked."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from portal.errors import Unavailable

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import fsspec

TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


class Transport(Protocol):
    """A machine: commands as argument lists, never read by a shell of ours; files; ports."""

    @property
    def name(self) -> str:
        """What the machine is called in messages."""
        ...

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """Its file system. What it makes is closed to other users (0700, 0600)."""
        ...

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = TIMEOUT
    ) -> Completed:
        """Run a command there and wait for it; a command that fails is no error.

        Raises
        ------
        Unavailable
            The machine was not reached, the connection broke, the command is not there, or it took
            longer than ``timeout`` seconds.
        Denied
            The machine does not let this user in.
        """
        ...

    def forward(self, host: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Lend a way to a port of a machine that this one reaches; the host and port on our side."""
        ...


class Here:
    """The machine that Portal runs on."""

    name = "this machine"

    @cached_property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The local file system."""
        import fsspec

        return fsspec.filesystem("file")

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = TIMEOUT
    ) -> Completed:
        """Run a command, in English and without an inherited standard input."""
        try:
            done = subprocess.run(
                [*argv], input=stdin, capture_output=True, timeout=timeout, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(
                f"{argv[0]} could not be run on {self.name}",
                found=str(error),
                advice="See that the command is installed here, or name the `host` that has it.",
            ) from error
        return Completed(
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )

    @contextlib.contextmanager
    def forward(self, host: str, port: int) -> Iterator[tuple[str, int]]:
        """Lend the address as it is: it is reached from here."""
        yield host, port
