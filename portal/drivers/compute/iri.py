"""The compute driver of facilities that offer the DOE IRI Facility API, version 1 or 2."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from portal.core.check import Check
from portal.core.environment import Environment
from portal.core.job import JobAttributes, JobSpec, JobState, JobStatus, Resources
from portal.core.standing import Job, Standing
from portal.drivers.compute._iri_client import Client, Version
from portal.drivers.compute._iri_facility import About
from portal.drivers.compute._iri_jobs import Jobs
from portal.drivers.compute._iri_tasks import Files
from portal.drivers.compute._iri_token import Token
from portal.errors import Denied, PortalError, Unavailable

if TYPE_CHECKING:
    from portal.drivers.compute._iri_fs import IriFileSystem

_SCRATCH: Final = ".large"
_SMALL: Final = Resources(node_count=1, process_count=1, cpu_cores_per_process=1)
_SMALL_SECONDS: Final = 600
_LONGEST_WAIT: Final = 5.0
_DESCRIBE: Final = """\
import json
from portal.core.environment import local_environment
print(json.dumps(local_environment().to_dict()))
"""


@dataclass(frozen=True, slots=True)
class IriWorkspace:
    """A directory of a facility, and the file system that it is on."""

    root: str
    fs: IriFileSystem


class IriCompute:
    """Runs jobs, and keeps their files, by the IRI Facility API alone.

    Parameters
    ----------
    url
        The service, ``https://…``, with or without ``/api/v1`` or ``/api/v2`` at its end.
    version
        "v1" or "v2"; found when neither this nor the URL says it.
    resource
        Id or name of the compute resource; needed where there are several.
    storage
        Id or name of the file system; by default that of the compute resource.
    token_file
        File that holds the token, and that only its owner can read.
    token_command
        Command that prints the token, run without a shell. Either is asked again when the service
        no longer takes a token.
    ca_file
        Certificates that are trusted for this service instead of this machine's.
    workspace
        Directory of run directories, there; an absolute path, or one that begins with ``~`` where
        the service says where that is.
    python
        Path, there, of the Python that runs ``-m portal.runner``.
    setup
        Shell lines that are run before a job: "module load x".
    queue, account
        What jobs are queued in and charged to.
    timeout
        Seconds for one request and its repetitions.
    patience
        Seconds that a small job of the driver's own may wait in the queue and run: for the
        description of the environment, and for files of more than 5 MiB.
    """

    def __init__(
        self,
        url: str,
        *,
        version: Version | None = None,
        resource: str | None = None,
        storage: str | None = None,
        token_file: str | None = None,
        token_command: str | Sequence[str] | None = None,
        ca_file: str | None = None,
        workspace: str | None = None,
        python: str = "python3",
        setup: str = "",
        queue: str | None = None,
        account: str | None = None,
        timeout: float = 60.0,
        patience: float = 1800.0,
    ) -> None:
        token = Token(token_file, token_command)
        self._client = Client(url, version=version, token=token, ca_file=ca_file, timeout=timeout)
        self._about = About(self._client)
        self._resource = resource
        self._storage = storage
        self._directory = workspace
        self._python = python
        self._setup = setup
        self._queue = queue
        self._account = account
        self._patience = patience

    def __repr__(self) -> str:
        return f"IriCompute({self._client.base!r})"

    @cached_property
    def _resource_id(self) -> str:
        return str(self._about.compute(self._resource)["id"])

    @cached_property
    def _storage_id(self) -> str:
        return str(self._about.storage(self._storage, self._resource_id)["id"])

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(
            self._client,
            self._resource_id,
            setup=self._setup,
            queue=self._queue,
            account=self._account,
        )

    @cached_property
    def workspace(self) -> IriWorkspace:
        """Where run directories lie.

        Raises
        ------
        InvalidConfig
            The service does not say where that can be.
        Unavailable, Denied
            It was not reached, or the directory cannot be made.
        """
        try:
            self._fs.makedirs(self._root, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The workspace {self._root} at {self._client.base} cannot be made",
                found=str(error),
                advice="Set `workspace` of this compute resource to a directory of your own there.",
            ) from error
        return IriWorkspace(self._root, self._fs)

    @cached_property
    def _root(self) -> str:
        return self._about.directory(self._storage_id, self._directory)

    @cached_property
    def _fs(self) -> IriFileSystem:
        from portal.drivers.compute._iri_fs import IriFileSystem

        files = Files(self._client, self._storage_id)
        return IriFileSystem(files, self._work, f"{self._root}/{_SCRATCH}")

    @property
    def python(self) -> str:
        """Path, there, of the Python that runs jobs."""
        return self._python

    def submit(self, job: JobSpec) -> str:
        """Start a job once for its key; return its id.

        Raises
        ------
        Unavailable
            The service was not reached, or the answer was lost and the job was not found since.
        Denied, InvalidParameter
            It refused the job.
        """
        return self._jobs.submit(job)

    def status(self, job_id: str) -> JobStatus:
        """Say what the service knows of a job."""
        return self._jobs.status(job_id)

    def cancel(self, job_id: str) -> None:
        """End a job."""
        self._jobs.cancel(job_id)

    def jobs(self) -> Iterator[Job]:
        """Give the user's jobs that wait or run."""
        return self._jobs.active()

    def standing(self) -> Standing:
        """Say whether the resource is up, what is announced, and what is left of allocations."""
        return self._about.standing(self._resource_id)

    def checks(self) -> Iterator[Check]:
        """Look whether the service answers, has the resources, and lets the user in."""
        looks: dict[str, Callable[[], str]] = {
            "service": lambda: (
                f"{self._about.name()}: {self._client.version} at {self._client.base}"
            ),
            "resource": lambda: f"{self._resource_id}, its files: {self._storage_id}",
            "scheduler": lambda: f"lists {sum(1 for _ in self.jobs())} jobs of yours",
        }
        for name, look in looks.items():
            try:
                yield Check(name, found=look())
            except PortalError as error:
                refused = isinstance(error, Denied) and name == "scheduler"
                yield Check.of(
                    "login" if refused else name, error, blocks=refused or name != "scheduler"
                )
                return

    def access_endpoints(self) -> list[dict[str, Any]]:
        """Return the other ways to the storage, as the service says them (v2: AccessEndpoint)."""
        return self._about.endpoints(self._storage_id)

    def environment(self) -> Environment:
        """Describe the packages of :attr:`python`, by a small job that writes it down.

        Raises
        ------
        Unavailable
            It cannot be run, has no Portal, or the job did not end in time.
        """
        fs, name = self.workspace.fs, f"{self.workspace.root}/.environment-{uuid.uuid4().hex}"
        try:
            self._work((self.python, "-c", _DESCRIBE), output=name)
            return Environment.from_dict(json.loads(fs.cat_file(f"{name}.out").splitlines()[-1]))
        except (LookupError, ValueError, OSError) as error:
            raise Unavailable(
                f"The Python {self.python} at {self._client.base} does not describe itself",
                found=str(error),
                advice="Install Portal in it, or correct `python` or `setup` of this resource.",
            ) from error
        finally:
            for path in (f"{name}.out", f"{name}.err"):
                if fs.exists(path):
                    fs.rm_file(path)

    def _work(self, command: Sequence[str], *, output: str | None = None) -> None:
        """Run a command as a small job of its own, and wait until it has ended well."""
        root = self.workspace.root
        name = output or f"{root}/.work-{uuid.uuid4().hex}"
        job_id = self.submit(
            JobSpec(
                executable=command[0],
                arguments=tuple(command[1:]),
                directory=root,
                name="portal-small",
                stdout_path=f"{name}.out",
                stderr_path=f"{name}.err",
                resources=_SMALL,
                attributes=JobAttributes(duration=_SMALL_SECONDS),
                key=name,
            )
        )
        try:
            status = self._ended(job_id)
            if status.state is not JobState.COMPLETED:
                raise Unavailable(
                    f"A small job of Portal's own did not end well at {self._client.base}",
                    found=self._said(f"{name}.err") or status.message or status.state.value,
                    advice="Mend what it names.",
                )
        finally:
            if output is None:
                for path in (f"{name}.out", f"{name}.err"):
                    if self._fs.exists(path):
                        self._fs.rm_file(path)

    def _said(self, path: str) -> str:
        try:
            return self._fs.tail(path, 2000).decode(errors="replace").strip()
        except FileNotFoundError:
            return ""

    def _ended(self, job_id: str) -> JobStatus:
        end, wait = time.monotonic() + self._patience, 0.05
        while not (status := self.status(job_id)).state.final:
            if time.monotonic() > end:
                self.cancel(job_id)
                raise Unavailable(
                    f"A small job of Portal's own did not end in time at {self._client.base}",
                    found=f"{status.state.value} after {self._patience:g} s: {status.message}",
                    advice="Name a `queue` in which small jobs start soon, or more `patience`.",
                )
            time.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)
        return status
