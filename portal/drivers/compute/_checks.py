"""What drivers look at when a doctor asks: the machine that is reached, and what it has."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from portal.core.check import Check, Verdict
from portal.core.contracts import SupportsForward
from portal.core.needed import needed
from portal.drivers.compute._detached import under
from portal.drivers.compute._machine import Machine
from portal.drivers.compute._provision import Provisioning, ready
from portal.drivers.compute._transport import Transport
from portal.errors import PortalError

#: Bytes free below which a workspace is too full, and below which it soon is.
FULL, SCARCE = 0.2e9, 5e9
_SECONDS = 20.0


def machine(compute: Machine) -> Iterator[Check]:
    """Look at the machine that a driver reaches, from the login to its ports where it lends them."""
    transport = compute.transport
    yield login(transport)
    yield from lines(transport, compute.setup)
    yield space(transport, compute.workspace.root)
    if compute.provisions:
        yield making(compute.provisioning)
    if isinstance(compute, SupportsForward):
        yield ports(transport)


def disk(free: float) -> Check:
    """Judge the bytes that are free in a workspace."""
    said = f"{free / 1e9:.1f} GB free"
    if free < FULL:
        return Check("disk", Verdict.FAIL, said, "Make room, or choose another `workspace`.")
    if free < SCARCE:
        return Check("disk", Verdict.WARN, said, "Make room: results are written there.")
    return Check("disk", found=said)


def login(transport: Transport) -> Check:
    """Look whether the machine is reached, is the one it says, and lets the user in."""
    begun = time.monotonic()
    try:
        done = transport.run(["sh", "-c", 'printf "%s at %s" "$(id -un)" "$(uname -n)"'])
    except PortalError as error:
        return Check.of("login", error, blocks=True)
    took = time.monotonic() - begun
    noise = " and more: a login file prints" if "\n" in done.stdout else ""
    said = done.stdout.strip().rpartition("\n")[2]
    verdict = Verdict.WARN if noise else Verdict.OK
    advice = "Let ~/.bashrc print only in terminals." if noise else ""
    return Check("login", verdict, f"{said} in {took:.2f} s{noise}", advice)


def space(transport: Transport, root: str) -> Check:
    """Look how much room the file system of a directory has."""
    done = transport.run(["df", "-Pk", "--", root])
    try:
        return disk(float(done.stdout.strip().splitlines()[-1].split()[3]) * 1024)
    except (IndexError, ValueError):
        return Check("disk", Verdict.WARN, done.stderr.strip() or "df did not say")


def lines(transport: Transport, setup: str) -> Iterator[Check]:
    """Look whether the lines of `setup` run."""
    if setup:
        done = transport.run(under(setup, ["true"]))
        said = done.stderr.strip().rpartition("\n")[2]
        if done.code or said:
            advice = "Mend the lines of `setup`."
            yield Check("setup", Verdict.WARN, said or f"exit code {done.code}", advice)
        else:
            yield Check("setup", found="its lines run")


def making(site: Provisioning) -> Check:
    """Look at what a site has to make environments with."""
    wanted = needed()
    if ready(site, wanted):
        return Check("environment", found="it is made already, for what every run needs")
    found = site.find(wanted.python)
    has = f"Python {found.version} ({found.python})" if found.python else ""
    by = f"uv ({found.uv})" if found.uv else "no uv"
    if not has and not found.uv:
        return Check(
            "environment",
            Verdict.FAIL,
            f"no Python {wanted.python}; found: {', '.join(found.seen) or 'no Python'}",
            f"Name one by `base_python`, load one in `setup`, or install uv on {site.transport.name}.",
        )
    words = ", ".join(filter(None, (has or f"no Python {wanted.python}, which uv can get", by)))
    return Check("environment", found=f"not made yet; {words}")


def ports(transport: Transport) -> Check:
    """Look whether a port of the machine is reached: that of the SSH server itself, which greets."""
    done = transport.run(["sh", "-c", 'printf "%s" "$SSH_CONNECTION"'])
    words = done.stdout.split()
    if len(words) != 4:
        return Check("ports", Verdict.SKIPPED, "not reached by SSH")
    try:
        with (
            transport.forward(words[2], int(words[3])) as address,
            socket.create_connection(address, timeout=_SECONDS) as connection,
        ):
            connection.settimeout(_SECONDS)
            greeting = connection.recv(64)
    except (OSError, PortalError) as error:
        return Check("ports", Verdict.FAIL, str(error), _FORWARD)
    if not greeting.startswith(b"SSH-"):
        return Check("ports", Verdict.FAIL, f"it answers {greeting[:20]!r}", _FORWARD)
    return Check("ports", found=f"{words[2]}:{words[3]} is reached through the connection")


_FORWARD = "Ask for AllowTcpForwarding on the machine: interactive clusters and dashboards need it."
