"""Directories for spilled data, in the machine's own temporary directory.

One that is in use is locked. What a killed process could not remove is removed by the next run of
the same user on that machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final

#: Held for as long as its process lives; names the machine, as locks may not reach beyond it.
LOCK: Final = ".in-use"
_PREFIX: Final = "portal-"


def make_scratch(name: str) -> Path:
    """Return a new directory, closed to other users; remove those that were left behind."""
    remove_left()
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-"))
        held = os.open(path / LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # taken for one that was left
            os.close(held)
        except OSError:  # a file system without locks
            os.close(held)
            return path
        else:
            os.write(held, socket.gethostname().encode())
            return path


def remove_left() -> None:
    """Remove this user's directories whose processes on this machine have gone."""
    here = socket.gethostname()
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):  # in use, gone meanwhile, or another user's
            if lock.parent.is_symlink() or lock.parent.stat().st_uid != os.getuid():
                continue
            with lock.open(encoding="utf-8") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if held.read() == here:
                    shutil.rmtree(lock.parent, ignore_errors=True)
