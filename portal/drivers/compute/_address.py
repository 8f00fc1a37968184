"""Where a machine is reached by SSH: the options that every driver with a `host` has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A machine, as a facility file names it. What is None is left to ~/.ssh/config.

    Parameters
    ----------
    host
        Its name, or an alias of ~/.ssh/config.
    key_file
        Path of a private key that only its owner may read.
    known_hosts
        Path of a file of host keys, instead of the user's own.
    jump
        Machines on the way, as ProxyJump writes them: ``user@host:port,…``; "none" for none.
    """

    host: str
    user: str | None = None
    port: int | None = None
    key_file: str | None = None
    known_hosts: str | None = None
    jump: str | None = None

    def __str__(self) -> str:
        name = self.host if self.user is None else f"{self.user}@{self.host}"
        return name if self.port is None else f"{name}:{self.port}"
