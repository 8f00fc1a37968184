"""The filesystem operations of an IRI service: each starts a task, whose end is waited for."""

from __future__ import annotations

import base64
import binascii
import errno
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from portal.drivers.compute._iri_client import Client, Request
from portal.errors import Unavailable, Unreadable

#: The most bytes of a file that one request moves, by the documents of both versions.
PART: Final = 5 * 1024 * 1024
_FIRST_WAIT: Final = 0.01
_LONGEST_WAIT: Final = 2.0
#: Method and place of the arguments in version 1; version 2 takes all by POST, in a body.
_FIRST_VERSION: Final[Mapping[str, tuple[str, bool]]] = {
    "chmod": ("PUT", False),
    "mkdir": ("POST", False),
    "mv": ("POST", False),
    "cp": ("POST", False),
    "symlink": ("POST", False),
    "rm": ("DELETE", True),
    "stat": ("GET", True),
    "ls": ("GET", True),
    "view": ("GET", True),
    "tail": ("GET", True),
    "checksum": ("GET", True),
    "download": ("GET", True),
}
#: Operations that are the same, done twice.
_REPEATED: Final = frozenset({"chmod", "stat", "ls", "view", "tail", "checksum", "download"})
#: What the programs behind the services say, as it is known from the system's own words for it.
_WORDS: Final[tuple[tuple[str, int], ...]] = (
    (r"file exists|already exists|\berrno 17\b", errno.EEXIST),
    (r"no such file|does not exist|not found|\berrno 2\b", errno.ENOENT),
    (r"permission denied|operation not permitted|\berrno 13\b", errno.EACCES),
    (r"not a directory|\berrno 20\b", errno.ENOTDIR),
    (r"is a directory|\berrno 21\b", errno.EISDIR),
    (r"directory not empty|\berrno 39\b", errno.ENOTEMPTY),
    (r"no space left|\berrno 28\b", errno.ENOSPC),
    (r"quota exceeded|\berrno 122\b", errno.EDQUOT),
)


class Inexact(Exception):
    """The service gave a part of a file as text, and the bytes cannot be told from it."""


class Files:
    """The file operations at one resource. Safe to use from many threads.

    Parameters
    ----------
    resource
        Id of the resource whose files they are.
    patience
        Seconds within which a task must have ended.
    """

    def __init__(self, client: Client, resource: str, *, patience: float = 600.0) -> None:
        self._client = client
        self.resource = resource
        self._patience = patience

    def do(self, name: str, **arguments: Any) -> Any:
        """Do an operation; return what it gives.

        Raises
        ------
        OSError
            It failed for a reason that the system has a name for: FileNotFoundError, ...
        Unavailable
            It failed otherwise, was lost, or did not end in time.
        """
        path = f"/filesystem/{name}/{quote(self.resource, safe='')}"
        method, in_query = _FIRST_VERSION[name] if self._client.version == "v1" else ("POST", False)
        repeat = name in _REPEATED or bool(arguments.get("parent"))
        if in_query:
            query = {key: _in_query(value) for key, value in arguments.items()}
            request = Request(method, path, query=query, repeat=repeat)
        else:
            request = Request(method, path, body=arguments, repeat=repeat)
        return self._done(request, name, str(arguments.get("path")))

    def upload(self, path: str, data: bytes) -> None:
        """Write a file of :data:`PART` bytes at most."""
        url = f"/filesystem/upload/{quote(self.resource, safe='')}"
        self._done(
            Request("POST", url, query={"path": path}, file=data, repeat=True), "upload", path
        )

    def download(self, path: str) -> bytes:
        """Return a file of :data:`PART` bytes at most, exactly."""
        output = self.do("download", path=path)
        if not isinstance(output, str):
            raise _unreadable("download", path, output)
        try:
            return base64.b64decode(output, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _unreadable("download", path, output[:100]) from error

    def view(self, path: str, offset: int, size: int, *, text: bool = False) -> bytes:
        """Return a part of a file, :data:`PART` bytes at most.

        Parameters
        ----------
        text
            Whether the file is text, so that a service that gives text without saying how it was
            made may be believed.

        Raises
        ------
        Inexact
            The bytes cannot be told from what the service gives.
        """
        return _content(self.do("view", path=path, offset=offset, size=size), path, text)

    def tail(self, path: str, size: int, *, text: bool = False) -> bytes:
        """Return the end of a file, :data:`PART` bytes at most; as :meth:`view` does."""
        return _content(self.do("tail", path=path, bytes=size), path, text)

    def checksum(self, path: str) -> str:
        """Return the SHA-256 of a file, in small hexadecimal digits."""
        output = self.do("checksum", path=path)
        found = output.get("checksum") if isinstance(output, dict) else output
        if not isinstance(found, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", found.strip()):
            raise _unreadable("checksum", path, output)
        return found.strip().lower()

    def _done(self, request: Request, name: str, path: str) -> Any:
        submitted = self._client.call(request)
        task_id = submitted.get("task_id") if isinstance(submitted, dict) else None
        if not isinstance(task_id, str) or not task_id.strip("."):
            raise _unreadable(name, path, submitted)
        task = self._ended(task_id, name, path)
        result = task.get("result")
        output = result.get("output", result) if isinstance(result, dict) else result
        if task["status"] == "completed":
            return output
        raise _failed(name, path, output, task["status"])

    def _ended(self, task_id: str, name: str, path: str) -> dict[str, Any]:
        end, wait = time.monotonic() + self._patience, _FIRST_WAIT
        asked = Request("GET", f"/task/{quote(task_id, safe='')}", repeat=True)
        while True:
            task = self._client.call(asked)
            if not isinstance(task, dict):
                raise _unreadable(name, path, task)
            if task.get("status", "pending") not in ("pending", "active"):
                return {"status": "completed", **task}
            if time.monotonic() + wait > end:
                raise Unavailable(
                    f"The IRI service has not ended {name} of {path} in time",
                    found=f"the task {task_id} is {task.get('status')} after {self._patience:g} s",
                    advice="Ask again later, or ask the facility.",
                )
            time.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)


def _in_query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _content(output: Any, path: str, text: bool) -> bytes:
    """Return the bytes of a part of a file.

    The documents leave its form open. The reference implementation gives ``content``, a text, of
    which newlines and bytes that are no UTF-8 may have been changed; a service that says its
    ``encoding`` ("utf-8" or "base64") gives the bytes themselves.
    """
    content = output.get("content") if isinstance(output, dict) else output
    if not isinstance(content, str):
        raise _unreadable("view", path, output)
    encoding = output.get("encoding") if isinstance(output, dict) else None
    try:
        if encoding == "base64":
            return base64.b64decode(content, validate=True)
        if encoding == "utf-8" or (text and "\N{REPLACEMENT CHARACTER}" not in content):
            return content.encode()
    except ValueError as error:
        raise _unreadable("view", path, content[:100]) from error
    raise Inexact


def _failed(name: str, path: str, output: Any, status: str) -> Exception:
    told = output if isinstance(output, str) else repr(output)
    for words, number in _WORDS:
        if re.search(words, told, re.IGNORECASE):
            return OSError(number, told.removeprefix("Error: ")[:500], path)
    return Unavailable(
        f"The IRI service could not do {name} of {path}",
        found=f"the task is {status}: {told[:2000]}",
        advice="Mend what it names, or ask the facility.",
    )


def _unreadable(name: str, path: str, found: Any) -> Unreadable:
    return Unreadable(
        f"The IRI service answers {name} of {path} in a form that Portal does not know",
        found=repr(found)[:500],
        advice="Tell the facility, and the makers of Portal, what it answered.",
    )
