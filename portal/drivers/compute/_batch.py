"""BatchCompute: a scheduler's jobs, asked over a transport in the scheduler's dialect."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import Final

from portal.core.environment import Environment
from portal.core.job import JobSpec, JobState, JobStatus
from portal.core.standing import Job, Standing
from portal.drivers.compute._batch_records import Records, Submission
from portal.drivers.compute._batch_site import Site, answers
from portal.drivers.compute._detached import script_of, under
from portal.drivers.compute._dialect import Dialect
from portal.drivers.compute._keys import name_of
from portal.drivers.compute._transport import Transport
from portal.drivers.compute._workspace import SiteWorkspace, workspace_at
from portal.errors import Unavailable

PATIENCE: Final = 45.0
_GRACE: Final = 10.0
_LAST_SECONDS: Final = 120.0
_POLL: Final = 0.1
_DESCRIBE: Final = (
    "import json; from portal.core.environment import local_environment; "
    "print('portal: ' + json.dumps(local_environment().to_dict()))"
)


class BatchCompute:
    """Runs jobs through a batch scheduler, here or at a machine that a transport reaches.

    Parameters
    ----------
    bin
        Directory of the scheduler's commands there, where they are not found without.
    workspace
        Directory of the run directories there, which the compute nodes see too.
    queue, account
        Of jobs that name none.
    patience
        Seconds for which a scheduler that does not answer is asked again.
    """

    def __init__(
        self,
        transport: Transport,
        dialect: Dialect,
        *,
        workspace: str | None = None,
        python: str = "python3",
        setup: str = "",
        bin: str | None = None,
        queue: str | None = None,
        account: str | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.transport = transport
        self._path = workspace
        self._python = python
        self._setup = setup
        self._queue, self._account = queue, account
        self._site = Site(transport, dialect, bin=bin or "", patience=patience)

    @cached_property
    def workspace(self) -> SiteWorkspace:
        """Where run directories lie.

        Raises
        ------
        Unavailable
            The machine was not reached, or the directory cannot be made.
        """
        return workspace_at(self.transport, self._path)

    @property
    def python(self) -> str:
        """Path of the Python that runs jobs."""
        return self.workspace.path(self._python) if self._python[0] == "~" else self._python

    @cached_property
    def _records(self) -> Records:
        return Records(self._site, f"{self.workspace.root}/.jobs")

    @cached_property
    def _environment(self) -> Environment:
        done = self.transport.run(under(self._setup, [self.python, "-c", _DESCRIBE]))
        told = answers(done)
        if done.code or not told:
            last = done.stderr.strip().rpartition("\n")[2]
            raise Unavailable(
                f"The Python {self.python} on {self.transport.name} cannot run Portal",
                found=last or f"exit code {done.code}",
                advice="Install Portal in it, or correct `python` or `setup` of this compute "
                "resource.",
            )
        return Environment.from_dict(json.loads(told[-1]))

    def environment(self) -> Environment:
        """Describe the packages of :attr:`python`; asked once, at the machine that is reached.

        Raises
        ------
        Unavailable
            The machine was not reached, its Python cannot be run, or has no Portal.
        """
        return self._environment

    def submit(self, job: JobSpec) -> str:
        """Submit a job; after a cut, the same key gives the same job.

        Raises
        ------
        Unavailable
            The machine or the scheduler was not reached, or did not take the job.
        Denied, InvalidParameter
            The scheduler refused it: the account, the queue or the resources asked for.
        """
        attributes = replace(
            job.attributes,
            queue_name=job.attributes.queue_name or self._queue,
            account=job.attributes.account or self._account,
        )
        key = name_of(job.key or uuid.uuid4().hex)
        mark = f"portal:{key}"
        dialect = self._site.dialect
        return self._records.submit(
            Submission(
                name=job.name or job.executable,
                key=key,
                mark=mark,
                command=tuple(dialect.submission(replace(job, attributes=attributes), mark)),
                script=script_of(job, self._setup),
                directory=job.directory or self.workspace.root,
                shell="bash -l" if self._setup else "sh",
            )
        )

    def status(self, job_id: str) -> JobStatus:
        """Say what the scheduler knows of a job, and when it knows nothing, what was noted of it.

        Raises
        ------
        Unavailable
            The machine or the scheduler does not answer.
        """
        if not self._site.dialect.is_id(job_id):
            message = f"{job_id!r} is no id of a job of {self._site.dialect.name}"
            return JobStatus(JobState.FAILED, message, time=time.time())
        entry = self._site.recent().get(job_id) or self._site.fresh().get(job_id)
        if entry is None or entry.state is None or entry.state.final:
            return self._records.ended(job_id, entry)
        return JobStatus(
            entry.state,
            entry.message,
            time=time.time(),
            position=entry.position,
            start=entry.start if entry.state is not JobState.ACTIVE else None,
            nodes=entry.nodes,
        )

    def cancel(self, job_id: str) -> None:
        """End a job: it is asked to, and what is left of it after ten seconds is killed.

        Raises
        ------
        Unavailable
            The machine or the scheduler does not answer, or the job does not end.
        """
        if not self._site.dialect.is_id(job_id):
            return
        state = self._living(job_id)
        if state is None:
            return
        self._records.cancel(job_id)
        steps = [("TERM", _GRACE), ("KILL", _GRACE), ("END", _LAST_SECONDS)]
        for how, seconds in steps if state is JobState.ACTIVE else steps[-1:]:
            self._site.run(self._site.dialect.signal(how), job_id)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if self._living(job_id) is None:
                    return
                time.sleep(_POLL)
        raise Unavailable(
            f"The job {job_id} of {self._site.name} does not end",
            found=self.status(job_id).message,
            advice="Its machine may be down; ask again, or tell the site's administrators.",
        )

    def _living(self, job_id: str) -> JobState | None:
        entry = self._site.fresh().get(job_id)
        return entry.state if entry and entry.state and not entry.state.final else None

    def jobs(self) -> list[Job]:
        """Give the user's jobs that wait or run, those that Portal did not start too."""
        return [
            Job(
                entry.id,
                entry.name,
                entry.state,
                submitted=entry.submitted,
                started=entry.start if entry.state is JobState.ACTIVE else None,
                nodes=entry.node_count,
                cores=entry.cores,
                message=entry.message,
            )
            for entry in self._site.fresh().values()
            if entry.state is not None and not entry.state.final
        ]

    def standing(self) -> Standing:
        """Say how the queue stands: whether it is up, its load, announced outages, allocations."""
        dialect, queue = self._site.dialect, self._queue or ""
        return dialect.stands(self._site.ask(dialect.standing(), queue), queue)

    def forward(self, host: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Lend a way to a port that the machine reaches, such as one of a compute node."""
        return self.transport.forward(host, port)
