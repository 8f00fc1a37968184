"""Secrets of catalog drivers: named in the facility file, kept outside it, and never shown."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from portal.errors import InvalidConfig

LARGEST_SECRET = 65_536


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept; this may be written, sent and logged, the secret may not.

    Parameters
    ----------
    key_file
        Path of a file that holds nothing but the secret and that only its owner can read.
    key_env
        Name of an environment variable that holds it.
    what
        What it is, for messages: "the API key of NSLS-II".

    Raises
    ------
    InvalidConfig
        Both are given.
    """

    key_file: str = ""
    key_env: str = ""
    what: str = "the key"

    def __post_init__(self) -> None:
        if self.key_file and self.key_env:
            raise InvalidConfig(
                f"{self.what} is kept in one place",
                found="both key_file and key_env",
                advice="Leave one of the two out of the facility file.",
            )

    def __bool__(self) -> bool:
        return bool(self.key_file or self.key_env)

    def read(self) -> str | None:
        """Return the secret as it is now, without white space at its ends; None where none is named.

        Raises
        ------
        InvalidConfig
            The file or the variable is missing, empty, of more than one line, or others may read
            the file. Nothing of the secret is in the message.
        """
        if self.key_file:
            return self._line(_file(Path(self.key_file).expanduser(), self.what))
        if self.key_env:
            value = os.environ.get(self.key_env)
            if value is None:
                raise InvalidConfig(
                    f"{self.what} is not there",
                    found=f"the environment variable {self.key_env} (key_env) is not set",
                    advice=f"Set {self.key_env} where Portal starts, or correct key_env.",
                )
            return self._line(value)
        return None

    def _line(self, text: str) -> str:
        secret = text.strip()
        if not secret or not secret.isprintable() or not secret.isascii():
            raise InvalidConfig(
                f"{self.what} is one line of plain characters",
                found=f"{self} holds {'nothing' if not secret else 'something else'}",
                advice="Put the key there and nothing beside it.",
            )
        return secret

    def __str__(self) -> str:
        if self.key_file:
            return f"the file {self.key_file} (key_file)"
        return f"the environment variable {self.key_env} (key_env)" if self.key_env else "no key"

    @property
    def advice(self) -> str:
        """What to do when the service refuses the key, or wants one."""
        if self:
            return f"Check that the key in {self} is valid and has not expired."
        return "Name a key by key_file or key_env in the facility file; the service gives it out."


def read_secret(*, key_file: str = "", key_env: str = "", what: str = "the key") -> str | None:
    """Return the secret that ``key_file`` or ``key_env`` names; None where neither is given.

    Raises
    ------
    InvalidConfig
        Both are given, or the secret is not there, or others may read its file.
    """
    return SecretRef(key_file, key_env, what).read()


def _file(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(LARGEST_SECRET) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise InvalidConfig(
            f"{what} cannot be read",
            found=f"{path} (key_file): {error.strerror or type(error).__name__}",
            advice="Write the key into that file, or correct key_file.",
        ) from error
    if not stat.S_ISREG(mode):
        raise InvalidConfig(
            f"{what} is kept in a file", found=f"{path} is none", advice="Correct key_file."
        )
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidConfig(
            f"{what} can be read by other users of this machine",
            found=f"{path} has the mode {stat.S_IMODE(mode):04o}",
            advice=f"Take that from them: chmod 600 {path}. Then have the key replaced.",
        )
    return data.decode("utf-8", errors="replace")
