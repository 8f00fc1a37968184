"""The ``local`` compute driver: jobs are processes of this machine that outlive their caller."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from portal.core.check import Check
from portal.core.environment import Environment, local_environment
from portal.core.home import home_path
from portal.core.job import JobSpec, JobState, JobStatus
from portal.drivers.compute import processes
from portal.drivers.compute._keys import name_of
from portal.errors import Unavailable

if TYPE_CHECKING:
    import fsspec

_GRACE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02
_RECORDS: Final = ".jobs"


@dataclass(frozen=True)
class LocalWorkspace:
    """A directory of this machine."""

    root: str

    @cached_property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The local file system."""
        import fsspec

        return fsspec.filesystem("file")


class LocalCompute:
    """Runs jobs as detached processes, each the leader of a session of its own.

    A job's id is its process id and start time, so that a process id which the system has given
    to another process is not taken for the job. How a job ended is kept under the workspace, in
    ``.jobs``, for as long as the caller's process is there to learn it.

    Parameters
    ----------
    workspace
        Directory of the run directories; made, closed to other users, when first needed. By
        default ``runs`` in Portal's home.
    python
        The Python that runs ``-m portal.runner``; by default the one of this process.
    """

    def __init__(self, *, workspace: str | None = None, python: str | None = None) -> None:
        self._root = Path(workspace).expanduser() if workspace else home_path() / "runs"
        self._python = python

    @cached_property
    def workspace(self) -> LocalWorkspace:
        """Where run directories lie.

        Raises
        ------
        Unavailable
            The directory cannot be made.
        """
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The workspace {self._root} cannot be made",
                found=str(error),
                advice="Set `workspace` of this compute resource to a directory of your own.",
            ) from error
        return LocalWorkspace(str(self._root.resolve()))

    @property
    def python(self) -> str:
        """Path of the Python that runs jobs."""
        return self._python or sys.executable

    def environment(self) -> Environment:
        """Describe the packages of :attr:`python`.

        Raises
        ------
        Unavailable
            It cannot be run, or has no Portal.
        """
        if self.python == sys.executable:
            return local_environment()
        code = (
            "import json; from portal.core.environment import local_environment; "
            "print(json.dumps(local_environment().to_dict()))"
        )
        try:
            done = subprocess.run(
                [self.python, "-c", code], capture_output=True, text=True, check=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError) as error:
            told = str(getattr(error, "stderr", "") or error).strip().splitlines()
            raise Unavailable(
                f"The Python {self.python} cannot run Portal",
                found=told[-1] if told else repr(error),
                advice="Install Portal in it, or correct `python` of this compute resource.",
            ) from error
        return Environment.from_dict(json.loads(done.stdout))

    def checks(self) -> Iterator[Check]:
        """Look at the disk of the workspace."""
        from portal.drivers.compute._checks import disk

        yield disk(shutil.disk_usage(self.workspace.root).free)

    def submit(self, job: JobSpec) -> str:
        """Start a job in a session of its own; no shell reads its arguments.

        A job with a ``duration`` is ended when it has passed. The id of one with a ``key`` is kept
        under the workspace, and given to who asks with that key again.

        Raises
        ------
        Unavailable
            The program, its directory or a log cannot be opened.
        """
        if job.key is None:
            return self._start(job)
        with self._claim(job.key) as claim:
            job_id = claim.read().decode()
            if not job_id:
                job_id = self._start(job)
                with contextlib.suppress(OSError):  # a full disk: the job runs all the same
                    claim.write(job_id.encode())
        return job_id

    @contextlib.contextmanager
    def _claim(self, key: str) -> Iterator[FileIO]:
        """Lend the file of a key, to one at a time; the lock ends with its holder's process."""
        path = Path(self.workspace.root) / _RECORDS / "keys" / name_of(key)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            for directory in (path.parent.parent, path.parent):
                directory.mkdir(mode=0o700, exist_ok=True)
            file = FileIO(os.open(path, flags, 0o600), "r+")
        except OSError as error:
            raise Unavailable(
                "The job cannot be noted in the workspace",
                found=str(error),
                advice="See that its disk is not full, and that the directory is your own.",
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _start(self, job: JobSpec) -> str:
        command = [job.executable, *job.arguments]
        if job.attributes.duration is not None:
            limit = f"--kill-after={_GRACE_SECONDS:g}"
            command = ["timeout", limit, f"{job.attributes.duration}", *command]
        environment = dict(os.environ) if job.inherit_environment else {}
        with contextlib.ExitStack() as stack:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=job.directory,
                    env=environment | dict(job.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=_log(job.stdout_path, stack),
                    stderr=_log(job.stderr_path, stack),
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise Unavailable(
                    f"The job {job.name or job.executable!r} could not be started",
                    found=str(error),
                    advice="See that its program and directory are there and may be used.",
                ) from error
        process.returncode = 0  # it outlives this object; status() asks the system itself
        return f"{process.pid}-{processes.start_of(process.pid)}"

    def status(self, job_id: str) -> JobStatus:
        """Say whether a job runs, or how it ended as far as that is known."""
        pid, start = processes.parse(job_id)
        if pid and processes.start_of(pid) == start:
            if not processes.has_ended(pid):
                return JobStatus(JobState.ACTIVE, time=time.time())
            code = processes.exit_code(pid)
            if code is not None:
                self._keep(job_id, code)
                processes.reap(pid)
        return self._ended(job_id)

    def _ended(self, job_id: str) -> JobStatus:
        values = self._kept(job_id)
        code = values.get("exit_code")
        if values.get("canceled"):
            return JobStatus(JobState.CANCELED, "canceled", code, time.time())
        if code is None:
            return JobStatus(
                JobState.FAILED,
                f"There is no process of the job {job_id} on this machine; how it ended is not "
                "known here",
                time=time.time(),
            )
        if code == 0:
            return JobStatus(JobState.COMPLETED, exit_code=0, time=time.time())
        return JobStatus(JobState.FAILED, processes.explain(code), code, time.time())

    def cancel(self, job_id: str) -> None:
        """Ask the job's leader to end; kill what is left of its session, after ten seconds at most."""
        pid, start = processes.parse(job_id)
        if not pid or processes.start_of(pid) not in (start, None):
            return
        members = processes.members(pid)
        if self.status(job_id).state is JobState.ACTIVE:
            self._keep(job_id, canceled=True)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + _GRACE_SECONDS
            while time.monotonic() < end and self.status(job_id).state is JobState.ACTIVE:
                time.sleep(_POLL_SECONDS)
        processes.kill(members | processes.members(pid))
        self.status(job_id)

    def _record(self, job_id: str) -> Path:
        return Path(self.workspace.root) / _RECORDS / f"{job_id}.json"

    def _kept(self, job_id: str) -> dict[str, Any]:
        try:
            values: dict[str, Any] = json.loads(self._record(job_id).read_text())
        except (OSError, ValueError):
            return {}
        return values

    def _keep(self, job_id: str, exit_code: int | None = None, *, canceled: bool = False) -> None:
        values = self._kept(job_id)
        values |= {"canceled": True} if canceled else {}
        values |= {"exit_code": exit_code} if exit_code is not None else {}
        path = self._record(job_id)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with contextlib.suppress(OSError):  # a full disk: the status is known without it
            path.parent.mkdir(mode=0o700, exist_ok=True)
            part.write_text(json.dumps(values))
            part.replace(path)


def _log(path: str | None, stack: contextlib.ExitStack) -> int:
    if path is None:
        return subprocess.DEVNULL
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    stack.callback(os.close, descriptor)
    return descriptor
