"""Workspaces at a machine that a transport reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.drivers.compute._transport import Transport
from portal.errors import Unavailable

if TYPE_CHECKING:
    import fsspec

#: Makes a directory, closed to other users, and prints its path; "~" is the home directory there.
_MAKE = """\
umask 077
case $1 in "~" | "~/"*) set -- "$HOME${1#"~"}" ;; esac
mkdir -p -- "$1" && cd -- "$1" && printf '\\n%s\\n' "$PWD"
"""


@dataclass(frozen=True, slots=True)
class SiteWorkspace:
    """A directory of a machine, and the file system that it is on."""

    root: str
    fs: fsspec.AbstractFileSystem


def workspace_at(transport: Transport, path: str | None = None) -> SiteWorkspace:
    """Make the directory of run directories where there is none yet.

    Parameters
    ----------
    path
        An absolute path there, or one that begins with ``~``; by default ``~/.portal/runs``.

    Raises
    ------
    Unavailable
        The machine was not reached, or the directory cannot be made.
    """
    wanted = path or "~/.portal/runs"
    made = transport.run(["sh", "-c", _MAKE, "portal", wanted])
    lines = made.stdout.splitlines()
    if made.code or not lines:
        raise Unavailable(
            f"The workspace {wanted} on {transport.name} cannot be made",
            found=made.stderr.strip() or f"exit code {made.code}",
            advice="Set `workspace` of this compute resource to a directory of your own there.",
        )
    return SiteWorkspace(lines[-1], transport.fs)
