"""A way for a front-end to its widget beside the comm: a Unix socket that takes one connection.

A comm's messages share one web socket with everything else that a kernel says, each makes JupyterLab
mark the kernel as busy and as idle, and they wait while a cell runs. What goes through a door comes
from the Jupyter server, which has asked who it is and whether they may use kernels, see
`portal.ui.server.doors`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from portal.errors import Unavailable

#: Seconds for which a door stays open for the one that asked for it.
PATIENCE: Final = 20.0
#: The first message: without it the one that knocked was not let in.
WELCOME: Final = {"event": "welcome"}
#: Goes before each message, and within those of a kernel before their JSON: bytes, as 32 bits.
LENGTH: Final = struct.Struct("<I")
_PEER: Final = struct.Struct("3i")
_MOST_BYTES: Final = 2**20
#: Bytes of a path that every system takes for the address of a Unix socket; Linux takes 107.
_LONGEST: Final = 103


class Door:
    """A door of a widget: for one connection of this user's, and gone after that.

    Parameters
    ----------
    directory
        Where the kernel's connection file is: the Jupyter server knows it.
    receive
        Is given each message of the front-end, in a thread of the door's.
    left
        Called when the front-end has gone.

    Attributes
    ----------
    name : str
        By which it is found.

    Raises
    ------
    Unavailable
        There can be none in this place.
    """

    def __init__(
        self,
        directory: Path,
        receive: Callable[[object, Door], None],
        left: Callable[[Door], None],
    ) -> None:
        self.name = secrets.token_hex(8)
        self._receive, self._left = receive, left
        self._path = directory / file_name(self.name)
        self._sending = threading.Lock()
        self._line: socket.socket | None = None
        self._closed = False
        try:
            self._door = _listening(self._path)
        except (AttributeError, OSError) as error:
            raise _unavailable(str(error)) from error
        threading.Thread(target=self._serve, name="portal-door", daemon=True).start()

    def send(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Send a message with bytes beside it; one to a front-end that has gone is dropped."""
        lengths = [memoryview(each).nbytes for each in buffers]
        text = json.dumps({"lengths": lengths, "message": content}).encode()
        whole = LENGTH.size + len(text) + sum(lengths)
        head = LENGTH.pack(whole) + LENGTH.pack(len(text)) + text
        with self._sending, contextlib.suppress(OSError):
            if self._line is not None:
                for part in (head, *buffers):
                    self._line.sendall(part)

    def close(self) -> None:
        """Let nobody in, and the one that came in go."""
        self._closed = True
        self._path.unlink(missing_ok=True)
        if (line := self._line) is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            with self._door:
                line = self._first()
            if line is None:
                return
            with line:
                self._line = line
                self.send(WELCOME, ())
                while (text := _message(line)) is not None and not self._closed:
                    self._receive(json.loads(text), self)
        finally:
            self._line = None
            self._left(self)

    def _first(self) -> socket.socket | None:
        """Take the first connection; the way to the door goes with it."""
        try:
            line, _ = self._door.accept()
        except OSError:
            return None  # nobody came
        finally:
            self._path.unlink(missing_ok=True)
        if _is_own(line) and not self._closed:
            line.settimeout(None)
            return line
        line.close()
        return None


def file_name(name: str) -> str:
    """Return the file name of a door."""
    return f"portal-{name}.sock"


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """Give a socket's file a path that fits into an address, by its folder's descriptor if need be."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def kernel_directory() -> Path:
    """Return where this kernel's connection file is.

    Raises
    ------
    Unavailable
        This is no IPython kernel.
    """
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).parent
    except (ImportError, RuntimeError) as error:
        raise _unavailable(f"no IPython kernel: {error}") from error


def _unavailable(found: str) -> Unavailable:
    return Unavailable(
        "There is no direct way to the kernel here",
        found=found,
        advice="Nothing: the messages go by the notebook's own way.",
    )


def _listening(path: Path) -> socket.socket:
    """Listen for one of this user's; the folder is the user's own as well."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.settimeout(PATIENCE)
        with short(path) as address:
            door.bind(address)
        path.chmod(0o600)
        door.listen(1)
    except OSError:
        door.close()
        raise
    return door


def _is_own(line: socket.socket) -> bool:
    """Whether the other end is a process of the same user; where that is not told, the file says."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    return bool(user == os.getuid())


def _message(line: socket.socket) -> bytes | None:
    """Read a message; None when there are no more."""
    head = _exactly(line, LENGTH.size)
    if head is None or (length := LENGTH.unpack(head)[0]) > _MOST_BYTES:
        return None
    return _exactly(line, length)


def _exactly(line: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    with contextlib.suppress(OSError):
        while len(parts) < length:
            if not (part := line.recv(length - len(parts))):
                return None
            parts += part
        return bytes(parts)
    return None
