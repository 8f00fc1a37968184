"""A run directory as the portal reads it: over any file system, in increments."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from portal.core.cluster import CLUSTER, TLS
from portal.core.contracts import Workspace
from portal.core.events import Event
from portal.core.job import JobState
from portal.core.run import (
    CODE,
    CRATE,
    EVENTS,
    JOB_JSON,
    PARTIAL,
    RESERVE,
    RESULT,
    RUN_JSON,
    STATUS,
    RunSpec,
    RunStatus,
)
from portal.errors import Denied, PortalError, Unavailable, Unreadable

if TYPE_CHECKING:
    import fsspec


@dataclass
class RunDirectory:
    """One run's directory.

    Parameters
    ----------
    fs
        The file system of the compute resource's workspace.
    path
        The directory's path on it.
    """

    fs: fsspec.AbstractFileSystem
    path: str
    _offset: int = field(default=0, repr=False)
    _folded: RunStatus = field(default_factory=RunStatus, repr=False)
    _last: float = field(default=0.0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def of(cls, workspace: Workspace, run_id: str) -> RunDirectory:
        """Return the directory of a run in a workspace."""
        return cls(workspace.fs, f"{workspace.root.rstrip('/')}/{run_id}")

    def file(self, name: str) -> str:
        """Return the path of one of its files."""
        return f"{self.path}/{name}"

    def create(self, spec: RunSpec, code: bytes | None) -> None:
        """Write the directory of a new run, closed to other users; run.json comes last.

        What who asked for the same run has made of it, at this moment or before being killed, is
        taken on.

        Raises
        ------
        Unavailable
            There is no room for it; nothing of it is left.
        """
        self.fs.makedirs(self.path, exist_ok=True)
        try:
            self.fs.chmod(self.path, 0o700) if hasattr(self.fs, "chmod") else None
            if self.read(RUN_JSON) is not None:
                return
            if code is not None:
                self._write(CODE, code)
            self.write(RUN_JSON, spec.to_dict())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.fs.rm(self.path, recursive=True)
            raise Unavailable(
                f"The run cannot be written to {self.path}: nothing was submitted",
                found=os.strerror(error.errno),
                advice="Free some space there, or run where there is more.",
            ) from error

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a JSON file whole or not at all."""
        self._write(name, json.dumps(values, indent=1).encode())

    def _write(self, name: str, data: bytes) -> None:
        part = self.file(f"{name}.{secrets.token_hex(4)}.part")
        self.fs.pipe_file(part, data)
        self.fs.mv(part, self.file(name))

    def read(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file; None where there is none.

        Raises
        ------
        Unreadable
            It is not JSON.
        Denied
            The directory is somebody else's, who does not let it be read.
        """
        try:
            values: dict[str, Any] = json.loads(self.fs.cat_file(self.file(name)))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise self._closed() from error
        except ValueError as error:
            raise Unreadable(
                f"The file {self.file(name)} is not JSON",
                found=str(error),
                advice="The run directory was damaged; its other files may still be read.",
            ) from error
        return values

    def spec(self) -> RunSpec | None:
        """Read run.json; None for a directory that is no run's."""
        values = self.read(RUN_JSON)
        return None if values is None else RunSpec.from_dict(values)

    def job(self) -> tuple[str, str] | None:
        """Return the compute resource and the job's id there, once it has been submitted."""
        values = self.read(JOB_JSON)
        return None if values is None else (values["at"], values["job_id"])

    def events(self) -> list[Event]:
        """Return the events since the last call: only the new bytes are read."""
        with self._lock:
            return self._new_events()

    def _new_events(self) -> list[Event]:
        try:
            data = self.fs.cat_file(self.file(EVENTS), start=self._offset)
        except FileNotFoundError:
            return []
        except PermissionError as error:
            raise self._closed() from error
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        events = [Event.from_line(line) for line in whole.decode(errors="replace").splitlines()]
        found = [event for event in events if event is not None]
        self._folded = self._folded.follow(found)
        self._last = max(self._last, *(event.time for event in found)) if found else self._last
        return found

    @property
    def last_event(self) -> float:
        """Seconds since the epoch at which the runner last wrote an event; 0 before the first."""
        self.events()
        return self._last

    def status(self) -> RunStatus:
        """Return what the directory alone says: status.json, or else the events so far.

        A status of COMPLETED without the committed result is FAILED, and says so; an interactive
        cluster has none.
        """
        self.events()
        values = self.read(STATUS)
        if values is None:
            return self._folded
        status = RunStatus.from_dict(values)
        if status.state is JobState.COMPLETED and not (
            self.fs.isdir(self.file(RESULT)) or self.fs.exists(self.file(CLUSTER))
        ):
            return failed(status, "The run completed, but its result is not in its directory.")
        return status

    def tidy(self) -> None:
        """Remove what a runner that was killed could not: its key, and a result that is no whole one."""
        with contextlib.suppress(OSError, PortalError):  # the next look does it
            for path in self.fs.ls(self.path, detail=False):
                if str(path).rstrip("/").rpartition("/")[2] in (TLS, PARTIAL, RESERVE):
                    self.fs.rm(path, recursive=True)

    def tail(self, name: str, size: int = 8_192) -> str:
        """Return the last ``size`` bytes of a log as text; empty where there is none."""
        try:
            data: bytes = self.fs.tail(self.file(name), size)
        except FileNotFoundError:
            return ""
        except PermissionError as error:
            raise self._closed() from error
        return data.decode(errors="replace")

    def checksum(self) -> str | None:
        """Return the SHA-256 of the result, as the run's crate tells it; None where it does not."""
        graph = (self.read(CRATE) or {}).get("@graph", ())
        found = [e.get("sha256") for e in graph if e.get("@id") == f"{RESULT}/"]
        return str(found[0]) if found and found[0] else None

    def shared(self) -> bool:
        """Whether its owner has opened it to others, as the file system tells."""
        try:
            mode = self.fs.info(self.path).get("mode")
        except OSError:
            return False
        return isinstance(mode, int) and bool(mode & 0o055)

    def _closed(self) -> Denied:
        return Denied(
            f"The run directory {self.path} may not be read",
            found=f"it belongs to {self._owner()}",
            advice="Ask them to open it to you: chmod -R g+rX, and of the directories above.",
        )

    def _owner(self) -> str:
        import pwd

        try:
            uid = self.fs.info(self.path).get("uid")
        except OSError:
            return "somebody else"
        try:
            return pwd.getpwuid(uid).pw_name if isinstance(uid, int) else "somebody else"
        except KeyError:
            return f"the user {uid}"


def failed(status: RunStatus, message: str) -> RunStatus:
    """Return a status that failed for a reason the portal found."""
    error = {"type": "RunFailed", "message": message, "traceback": ""}
    return replace(status, state=JobState.FAILED, message=message, error=error)
