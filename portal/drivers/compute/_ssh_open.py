"""Opening an SSH connection: the user's own configuration, keys that are checked, machines between.

This module imports asyncssh; it is imported when a connection is first needed.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncssh

from portal.drivers.compute._address import Address
from portal.errors import Denied, InvalidConfig, PortalError, Unavailable

CONNECT_SECONDS = 20
LOGIN_SECONDS = 30
#: A connection that is silent for this long, this many times, is taken for dead.
KEEPALIVE_SECONDS, KEEPALIVES = 10, 3
LONGEST_CHAIN = 8
_SSH_PORT = 22


async def open_chain(address: Address) -> list[asyncssh.SSHClientConnection]:
    """Connect to a machine, through those that its configuration puts before it.

    Returns
    -------
    The connections in the order in which they were made; the last one is to the machine itself.

    Raises
    ------
    Denied
        A host key is unknown or has changed, or the user is not let in.
    InvalidConfig
        The key file, the known hosts or ~/.ssh/config cannot be used.
    Unavailable
        A machine was not reached.
    """
    chain: list[asyncssh.SSHClientConnection] = []
    try:
        await _extend(chain, address, through=(), depth=0)
    except BaseException:
        close_chain(chain)
        raise
    return chain


def close_chain(chain: Sequence[asyncssh.SSHClientConnection]) -> None:
    """Give the connections of a chain up, the last one first."""
    for connection in reversed(chain):
        connection.abort()


async def _extend(
    chain: list[asyncssh.SSHClientConnection],
    address: Address,
    *,
    through: tuple[str, ...],
    depth: int,
) -> None:
    """Connect to an address, after the machines that lie before it."""
    if depth > LONGEST_CHAIN:
        raise InvalidConfig(
            f"The way to {address} goes round in circles",
            found="jumps: " + " → ".join(through),
            advice="Correct `jump`, or ProxyJump in ~/.ssh/config.",
        )
    options = _options(address)
    if depth and options.config.get("IdentityFile"):  # a machine on the way has a key of its own
        options = _options(replace(address, key_file=None))
    jumps = [] if chain else _jumps(address, options.tunnel)
    for jump in jumps:
        before = replace(address, jump=None, **_parse(jump))
        if str(before) not in through:
            await _extend(chain, before, through=(*through, str(before)), depth=depth + 1)
    chain.append(await _connect(address, options, chain[-1] if chain else None))


def _jumps(address: Address, configured: Any) -> list[str]:
    jumps = address.jump if address.jump is not None else configured
    if not isinstance(jumps, str) or jumps.lower() == "none":
        return []
    return [jump.strip() for jump in jumps.split(",") if jump.strip() not in ("", address.host)]


def _parse(jump: str) -> dict[str, Any]:
    """Read ``user@host:port``."""
    user, _, machine = jump.removeprefix("ssh://").rpartition("@")
    host, colon, port = machine.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = machine, ""
    return {"host": host.strip("[]"), "user": user or None, "port": int(port) if port else None}


def _options(address: Address) -> asyncssh.SSHClientConnectionOptions:
    """Read ~/.ssh/config for a machine; what the facility file says comes first."""
    given: dict[str, Any] = {
        "host": address.host,
        "config": (),  # that of the user
        "ignore_encrypted": True,  # the agent holds such a key, or nobody does
        "agent_forwarding": False,
        "x11_forwarding": False,
        "request_pty": False,
        "command": None,
        "password_auth": False,
        "kbdint_auth": False,
        "connect_timeout": CONNECT_SECONDS,
        "login_timeout": LOGIN_SECONDS,
        "keepalive_interval": KEEPALIVE_SECONDS,
        "keepalive_count_max": KEEPALIVES,
    }
    given |= {} if address.user is None else {"username": address.user}
    given |= {} if address.port is None else {"port": address.port}
    given |= {} if address.key_file is None else {"client_keys": [_key(address.key_file)]}
    try:
        return asyncssh.SSHClientConnectionOptions(**given)
    except (ValueError, OSError) as error:
        raise InvalidConfig(
            f"The SSH connection to {address} cannot be set up",
            found=str(error),
            advice="Correct ~/.ssh/config, or `key_file` of this compute resource.",
        ) from error


def _key(key_file: str) -> str:
    """Return the path of a private key that only its owner may read."""
    path = Path(key_file).expanduser()
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InvalidConfig(
            f"The key {path} cannot be read",
            found=str(error),
            advice="Correct `key_file`; it names a private key, such as ~/.ssh/id_ed25519.",
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise Denied(
            f"The key {path} is open to others, so it is not used",
            found=f"its mode is {stat.S_IMODE(mode):04o}",
            advice=f"Run: chmod 600 '{path}'",
        )
    return str(path)


@dataclass(frozen=True)
class _Known:
    """The host keys that are trusted, and the files that they come from."""

    files: tuple[Path, ...]
    keys: asyncssh.SSHKnownHosts


def _known(address: Address, configured: Any) -> _Known:
    """Read the known hosts: always some, so that a key is always checked."""
    named = [address.known_hosts] if address.known_hosts else list(configured or ())
    named = named or ["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]
    files = tuple(Path(name).expanduser() for name in named)
    text = []
    try:
        text = [path.read_text() for path in files if path.is_file()]
        return _Known(files, asyncssh.import_known_hosts("\n".join(text)))
    except (OSError, ValueError) as error:
        raise InvalidConfig(
            f"The known hosts for {address} cannot be read",
            found=str(error),
            advice=f"Correct {', '.join(map(str, files))}.",
        ) from error


class _Client(asyncssh.SSHClient):
    """Refuses every host key that is not known, and remembers it for the message."""

    def __init__(self) -> None:
        self.refused: tuple[str, str, int, asyncssh.SSHKey] | None = None

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.refused = (host, addr, port, key)
        return False


async def _connect(
    address: Address,
    options: asyncssh.SSHClientConnectionOptions,
    through: asyncssh.SSHClientConnection | None,
) -> asyncssh.SSHClientConnection:
    known = _known(address, options.known_hosts)
    client = _Client()
    try:
        return await asyncssh.connect(
            address.host,
            options=options,
            tunnel=through,
            known_hosts=known.keys,
            client_factory=lambda: client,
        )
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        raise _unknown(address, known, client, error) from error
    except asyncssh.PermissionDenied as error:
        raise Denied(
            f"{address} does not let the user {options.username} in",
            found=error.reason,
            advice="Put your public key into ~/.ssh/authorized_keys there, and name the right key: "
            "`key_file`, and account: `user`. A key with a passphrase is loaded into the agent "
            "(ssh-add). Where the site gives out certificates for a day, get a new one.",
        ) from error
    except (OSError, asyncssh.Error) as error:
        raise Unavailable(
            f"{address} was not reached",
            found=str(error) or type(error).__name__,
            advice=f"See that `ssh {address.host}` works from here; a network, a VPN or the "
            "machine may be down.",
        ) from error


def _unknown(
    address: Address, known: _Known, client: _Client, error: asyncssh.DisconnectError
) -> PortalError:
    """Say which host key was refused, and what a person who has checked it can do."""
    if client.refused is None:
        return Denied(
            f"The host key of {address} could not be checked, so nothing was sent",
            found=error.reason,
            advice="Ask the site for its host keys, and correct "
            f"{', '.join(map(str, known.files))}.",
        )
    host, addr, port, key = client.refused
    name = host if port == _SSH_PORT else f"[{host}]:{port}"
    kind, text = key.export_public_key().decode().split()[:2]
    found = f"{kind} {key.get_fingerprint()}"
    line = f"{name} {kind} {text}"
    trusted = known.keys.match(host, addr, None if port == _SSH_PORT else port)[0]
    if trusted:
        return Denied(
            f"The host key of {address} has changed, so nothing was sent; the machine was set up "
            "anew, or somebody is listening",
            found=found,
            advice=f"Ask the site. If it confirms the new key, replace the line of {name} in "
            f"{known.files[0]} by: `{line}`",
        )
    return Denied(
        f"The host key of {address} is not known, so nothing was sent",
        found=found,
        advice="Compare it with what the site tells. If it is the same, add this line to "
        f"{known.files[0]}: `{line}`",
    )
