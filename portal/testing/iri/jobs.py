"""The jobs of the facility: given to an executor, remembered, and told in the form of the API."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.job import JobAttributes, JobSpec, JobState, JobStatus, Resources
from portal.errors import PortalError
from portal.testing.iri import bodies
from portal.testing.iri.problems import Problem, refused

if TYPE_CHECKING:
    from portal.core.contracts import Compute

#: What the executor has no words for.
_CANNOT = ("container", "launcher")
_FILTERS = ("id", "name", "state", "account", "queue_name")


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that was started: the body as it came, whom it is charged to, how it ended if it has."""

    id: str
    spec: dict[str, Any]
    account: str | None
    key: str | None
    digest: str
    end: dict[str, Any] | None = None


class Jobs:
    """The jobs of one compute resource. Safe to use from many threads.

    Parameters
    ----------
    compute
        Runs them.
    root
        Relative paths begin here.
    journal
        A file in which jobs and keys outlive this process; none for a server of one test.
    """

    def __init__(self, compute: Compute, root: Path, journal: Path | None = None) -> None:
        self._compute = compute
        self._root = root
        self._journal = journal
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._keys: dict[str, _Job | str] = {}
        self._updates: dict[tuple[str, str], str] = {}
        if journal and journal.exists():
            for line in _whole_lines(journal):
                self._remember(_Job(**json.loads(line)), written=True)

    def submit(self, body: bodies.JobSpec, account: str | None, key: str | None) -> dict[str, Any]:
        """Start a job, or give the one that was started with this key.

        Raises
        ------
        Problem
            A job with this key is being started (409), or another was started with it (422); the
            executor cannot run the job (422), refuses it (403) or is not there (503).
        """
        spec = body.model_dump(exclude_unset=True)
        digest = _digest(spec, account)
        wanted = self._wanted(body, account, key)
        if key is None:
            return self._start(wanted, spec, account, None, digest)
        with self._lock:
            found = self._keys.setdefault(key, digest)
            if isinstance(found, _Job):
                if found.digest != digest:
                    raise Problem(422, "This Idempotency-Key was used for another job.")
                return {"id": found.id, "status": _told(JobStatus(JobState.QUEUED), found)}
            if found is not digest:
                raise Problem(409, "A job with this key is being started.", {"Retry-After": "1"})
        try:
            return self._start(wanted, spec, account, key, digest)
        except BaseException:
            with self._lock:
                del self._keys[key]
            raise

    def _start(
        self,
        wanted: JobSpec,
        spec: dict[str, Any],
        account: str | None,
        key: str | None,
        digest: str,
    ) -> dict[str, Any]:
        try:
            job = _Job(self._compute.submit(wanted), spec, account, key, digest)
        except PortalError as error:
            raise refused(error) from error
        with self._lock:
            self._remember(job)
        return {"id": job.id, "status": _told(JobStatus(JobState.QUEUED), job)}

    def get(self, job_id: str, *, historical: bool = True, spec: bool = False) -> dict[str, Any]:
        """Return a job.

        Raises
        ------
        Problem
            There is none of this id (404).
        """
        told = self._tell(self._found(job_id), spec=spec)
        if not historical and JobState(told["status"]["state"]).final:
            raise Problem(404, f"The job {job_id!r} has ended; ask for historical jobs too.")
        return told

    def all(
        self, filters: dict[str, Any], *, historical: bool = False, spec: bool = False
    ) -> list[dict[str, Any]]:
        """Return the jobs that fit, the newest first: those that have not ended, or all.

        Raises
        ------
        Problem
            A filter is none of those that there are (400).
        """
        unknown = sorted(set(filters) - set(_FILTERS))
        if unknown:
            raise Problem(400, f"filters: {', '.join(unknown)}: not among {', '.join(_FILTERS)}.")
        with self._lock:
            jobs = [job for job in reversed(self._jobs.values()) if historical or job.end is None]
        found = [(job, self._tell(job, spec=spec)) for job in jobs]
        return [
            told
            for job, told in found
            if (historical or not JobState(told["status"]["state"]).final)
            and all(_value(job, told, name) == value for name, value in filters.items())
        ]

    def update(
        self, job_id: str, body: bodies.JobSpec, account: str | None, key: str | None
    ) -> dict[str, Any]:
        """Give a job that has not ended another name; nothing else of it can be changed.

        Raises
        ------
        Problem
            There is none of this id (404), it has ended (409), more is to be changed, or the key
            was used for another change (422).
        """
        job = self._found(job_id)
        told = self._tell(job)
        spec = body.model_dump(exclude_unset=True)
        digest = _digest(spec, account)
        if key is not None and (found := self._updates.get((job_id, key))) is not None:
            if found != digest:
                raise Problem(422, "This Idempotency-Key was used for another change.")
            return told
        if JobState(told["status"]["state"]).final:
            raise Problem(409, f"The job {job_id!r} has ended.")
        if spec | {"name": None} != job.spec | {"name": None} or account != job.account:
            raise Problem(422, "Only the name of a job can be changed once it is submitted.")
        with self._lock:
            self._remember(replace(self._jobs[job_id], spec=spec))
            if key is not None:
                self._updates[job_id, key] = digest
        return told

    def cancel(self, job_id: str) -> None:
        """End a job; one that has ended stays as it is.

        Raises
        ------
        Problem
            There is none of this id (404), or the executor is not there (503).
        """
        job = self._found(job_id)
        if job.end is None:
            try:
                self._compute.cancel(job_id)
            except PortalError as error:
                raise refused(error) from error

    def _found(self, job_id: str) -> _Job:
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise Problem(404, f"There is no job {job_id!r}.")
        return job

    def _tell(self, job: _Job, *, spec: bool = False) -> dict[str, Any]:
        status = job.end
        if status is None:
            try:
                found = self._compute.status(job.id)
            except PortalError as error:
                raise refused(error) from error
            status = _told(found, job)
            if found.state.final:
                with self._lock:
                    self._remember(replace(self._jobs[job.id], end=status))
        told: dict[str, Any] = {"id": job.id, "status": status}
        return told | ({"job_spec": job.spec} if spec else {})

    def _remember(self, job: _Job, *, written: bool = False) -> None:
        self._jobs[job.id] = job
        if job.key is not None:
            self._keys[job.key] = job
        if self._journal and not written:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with open(os.open(self._journal, flags, 0o600), "a") as file:  # noqa: PTH123
                names = _Job.__slots__
                file.write(json.dumps({name: getattr(job, name) for name in names}) + "\n")

    def _wanted(self, body: bodies.JobSpec, account: str | None, key: str | None) -> JobSpec:
        """Turn a body into what the executor takes."""
        for name in _CANNOT:
            if getattr(body, name) is not None:
                raise Problem(422, f"{name}: this facility runs programs, without a {name}.")
        if body.executable is None:
            raise Problem(422, "executable: it is missing.")
        texts = [body.executable, *body.arguments, *body.environment, *body.environment.values()]
        if any("\0" in text for text in texts) or any("=" in name for name in body.environment):
            raise Problem(422, "A NUL character in a command, or = in a variable's name.")
        scheduling = body.attributes or bodies.JobAttributes()
        executable, arguments = _command(body, self._path(body.stdin_path))
        try:
            return JobSpec(
                executable=executable,
                arguments=arguments,
                directory=self._path(body.directory or "."),
                name=body.name,
                inherit_environment=body.inherit_environment,
                environment=body.environment,
                stdout_path=self._path(body.stdout_path),
                stderr_path=self._path(body.stderr_path),
                resources=Resources(**body.resources.model_dump())
                if body.resources
                else Resources(),
                attributes=JobAttributes(**scheduling.model_dump() | {"account": account}),
                key=key,
            )
        except PortalError as error:
            raise refused(error) from error

    def _path(self, path: str | None) -> str | None:
        if path is not None and "\0" in path:
            raise Problem(422, "A path has a NUL character.")
        return None if path is None else str(self._root / path)


def _digest(spec: dict[str, Any], account: str | None) -> str:
    return hashlib.sha256(json.dumps([spec, account], sort_keys=True).encode()).hexdigest()


def _whole_lines(journal: Path) -> list[str]:
    """Return the lines of a journal; a last one that was cut by a crash is removed from it."""
    found = journal.read_bytes()
    whole = found[: found.rfind(b"\n") + 1]
    if whole != found:
        os.truncate(journal, len(whole))
    return whole.decode().splitlines()


def _command(body: bodies.JobSpec, stdin: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the command line: the program, or a shell that runs what goes before and after it."""
    program = body.executable or ""
    if not (body.pre_launch or body.post_launch or stdin):
        return program, tuple(body.arguments)
    given = f" < {shlex.quote(stdin)}" if stdin else ""
    lines = (
        body.pre_launch or ":",
        f'"$@"{given}',
        "code=$?",
        body.post_launch or ":",
        "exit $code",
    )
    return "/bin/sh", ("-c", "\n".join(lines), "sh", program, *body.arguments)


def _told(status: JobStatus, job: _Job) -> dict[str, Any]:
    """Return the schema JobStatus."""
    more = {
        "account": job.account,
        "position": status.position,
        "start": status.start,
        "nodes": list(status.nodes) or None,
    }
    return {
        "state": status.state.value,
        "time": status.time or time.time(),
        "message": status.message or None,
        "exit_code": status.exit_code,
        "meta_data": {name: value for name, value in more.items() if value is not None},
    }


def _value(job: _Job, told: dict[str, Any], name: str) -> Any:
    if name in ("id", "name"):
        return job.id if name == "id" else job.spec.get("name")
    if name == "account":
        return job.account
    if name == "state":
        return told["status"]["state"]
    return (job.spec.get("attributes") or {}).get(name)
