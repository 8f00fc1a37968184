"""Bearer tokens of the IRI Facility API: kept outside the facility file, renewed, never shown."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from portal.errors import InvalidConfig

_LARGEST: Final = 65_536
_COMMAND_SECONDS: Final = 60.0
#: Stands for a token in what others have said.
HIDDEN: Final = "***"


class Token:
    """A token that a file holds or a command prints; asked for anew when it is refused.

    Safe to use from many threads. Neither ``repr`` nor any error shows it.

    Parameters
    ----------
    file
        Path of a file that only its owner can read and that holds nothing but the token.
    command
        A command line, or a list of its words, that prints nothing but the token. No shell reads
        it.

    Raises
    ------
    InvalidConfig
        Both are given.
    """

    def __init__(self, file: str | None = None, command: str | Sequence[str] | None = None) -> None:
        if file and command:
            raise InvalidConfig(
                "The token of an IRI service has one source",
                found="both token_file and token_command",
                advice="Leave one of the two out of the facility file.",
            )
        self._file = Path(file).expanduser() if file else None
        self._command = shlex.split(command) if isinstance(command, str) else list(command or ())
        self._lock = threading.Lock()
        self._now: str | None = None

    def __repr__(self) -> str:
        return f"Token({self.source})"

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if self._file:
            return f"the file {self._file} (token_file)"
        if self._command:
            return f"the command {self._command[0]} (token_command)"
        return "token_file or token_command of this compute resource, of which there is none,"

    def get(self) -> str | None:
        """Return the token that is in use; None where none is named.

        Raises
        ------
        InvalidConfig
            It is not there, is no token, or others may read its file.
        """
        with self._lock:
            if self._now is None:
                self._now = self._read()
            return self._now

    def renew(self, refused: str | None) -> str | None:
        """Return another token than the refused one, read anew; None where there is no other."""
        with self._lock:
            if self._now == refused:
                self._now = self._read()
            return None if self._now == refused else self._now

    def hide(self, text: str) -> str:
        """Take the token out of a text that somebody else has written."""
        return text.replace(self._now, HIDDEN) if self._now else text

    def _read(self) -> str | None:
        if self._file:
            return self._line(_of_file(self._file))
        return self._line(self._of_command()) if self._command else None

    def _line(self, data: bytes) -> str:
        token = data.decode(errors="replace").strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidConfig(
                "The token of an IRI service is one word of plain characters",
                found=f"{self.source} gives {'something else' if token else 'nothing'}",
                advice="See that it gives the token and nothing beside it.",
            )
        return token

    def _of_command(self) -> bytes:
        try:
            done = subprocess.run(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            told = getattr(error, "strerror", None) or f"no end after {_COMMAND_SECONDS:g} s"
            raise self._no_token(told) from None
        if done.returncode:
            raise self._no_token(f"exit code {done.returncode}")
        return done.stdout[:_LARGEST]

    def _no_token(self, found: str) -> InvalidConfig:
        return InvalidConfig(
            "The command that prints the token of an IRI service gave none",
            found=f"{self.source}: {found}",
            advice="Run it by hand to see what it says; it must not ask for anything.",
        )


def _of_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LARGEST) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise InvalidConfig(
            "The token of an IRI service cannot be read",
            found=f"{path} (token_file): {error.strerror or type(error).__name__}",
            advice="Write the token into that file, or correct token_file.",
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidConfig(
            "The token of an IRI service can be read by other users of this machine",
            found=f"{path} has the mode {stat.S_IMODE(mode):04o}",
            advice=f"Take that from them: chmod 600 {path}. Then have the token replaced.",
        )
    return data
