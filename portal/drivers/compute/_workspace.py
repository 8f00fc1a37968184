"""Workspaces at a machine that a transport reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.drivers.compute._transport import Transport
from portal.errors import Unavailable

if TYPE_CHECKING:
    import fsspec

#: Makes a directory, closed to other users; "~" is the home directory. Prints that and its path,
#: each after a NUL, since a path may hold newlines and login files may print.
_MAKE = """\
umask 077
case $1 in "~" | "~/"*) set -- "$HOME${1#"~"}" ;; esac
mkdir -p -- "$1" && cd -- "$1" && printf '\\0%s' "$HOME" "$PWD"
"""


@dataclass(frozen=True, slots=True)
class SiteWorkspace:
    """A directory of a machine, and the file system that it is on.

    Parameters
    ----------
    home
        The user's home directory there.
    """

    root: str
    fs: fsspec.AbstractFileSystem
    home: str

    def path(self, path: str) -> str:
        """Return a path of the machine with a ``~`` at its beginning written out."""
        return self.home + path[1:] if path == "~" or path.startswith("~/") else path


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
    told = made.stdout.split("\0")
    if made.code or len(told) < 3:
        raise Unavailable(
            f"The workspace {wanted} on {transport.name} cannot be made",
            found=made.stderr.strip() or f"exit code {made.code}",
            advice="Set `workspace` of this compute resource to a directory of your own there.",
        )
    return SiteWorkspace(told[-1], transport.fs, told[-2])
