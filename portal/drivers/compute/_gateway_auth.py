"""Who asks a Dask Gateway: a token of a JupyterHub, or a name and a password."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.drivers.catalogs._secret import read_secret
from portal.errors import InvalidConfig, Unavailable

if TYPE_CHECKING:
    from dask_gateway import GatewayAuth

AUTHS: Final = ("jupyterhub", "basic")
_HUB_TOKEN: Final = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the variable's name
_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks, and where the secret is kept that shows it; the secret itself is read each time.

    Parameters
    ----------
    auth
        "jupyterhub" for a token of the hub, "basic" for a name and a password.
    username
        The name of "basic"; by default that of the user of this process.
    token_file, token_command
        A file that only its owner can read, or a command that prints it: the token or the password.
        With neither, "jupyterhub" takes the token that a hub gives to the servers it starts.
    """

    auth: str = "jupyterhub"
    username: str = ""
    token_file: str = ""
    token_command: str = ""

    def __post_init__(self) -> None:
        if self.auth not in AUTHS:
            raise InvalidConfig(
                "The gateway is asked in a way that is not known",
                found=f"auth = {self.auth!r}",
                advice=f"It is one of: {', '.join(AUTHS)}",
            )
        if self.token_file and self.token_command:
            raise InvalidConfig(
                "The token of the gateway is kept in one place",
                found="both token_file and token_command",
                advice="Leave one of the two out of the facility file.",
            )
        if self.auth == "basic" and not (self.token_file or self.token_command):
            raise InvalidConfig(
                "The gateway wants a password",
                found="neither token_file nor token_command",
                advice="Name a file that holds the password, or a command that prints it.",
            )

    def read(self) -> GatewayAuth:
        """Return what is shown to the gateway.

        Raises
        ------
        InvalidConfig
            The secret is not there. Nothing of it is in the message.
        """
        from dask_gateway.auth import BasicAuth, JupyterHubAuth

        secret = self._secret()
        if self.auth == "basic":
            return BasicAuth(username=self.username or getpass.getuser(), password=secret)
        return JupyterHubAuth(api_token=secret)

    def _secret(self) -> str:
        if self.token_command:
            return _printed(self.token_command)
        if self.token_file:
            return str(read_secret(key_file=self.token_file, what="The token of the gateway"))
        if _HUB_TOKEN not in os.environ:
            raise InvalidConfig(
                "There is no token for the gateway",
                found=f"neither token_file nor token_command, and {_HUB_TOKEN} is not set",
                advice="Ask the hub for a token, and name the file that holds it: token_file.",
            )
        return os.environ[_HUB_TOKEN]


def _printed(command: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Unavailable(
            "The command that prints the token of the gateway failed",
            found=f"{type(error).__name__}: {shlex.quote(command)}",
            advice="Run it by hand, or correct token_command.",
        ) from None
    secret = done.stdout.strip()
    if not secret or not secret.isprintable():
        raise Unavailable(
            "The command that prints the token of the gateway printed none",
            found=f"{len(done.stdout)} characters, of which one line is wanted",
            advice="Run it by hand, or correct token_command.",
        )
    return secret
