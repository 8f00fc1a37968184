"""BatchCompute: a scheduler's jobs, asked over a transport in the scheduler's dialect."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import Final

from portal.core.check import Check
from portal.core.job import JobSpec, JobState, JobStatus
from portal.core.standing import Job, Standing
from portal.drivers.compute._batch_records import Records, Submission
from portal.drivers.compute._batch_site import Site
from portal.drivers.compute._checks import machine
from portal.drivers.compute._detached import script_of
from portal.drivers.compute._dialect import Dialect
from portal.drivers.compute._keys import name_of
from portal.drivers.compute._machine import Interpreter, Machine
from portal.drivers.compute._transport import Transport
from portal.errors import PortalError, Unavailable

PATIENCE: Final = 45.0
_GRACE: Final = 10.0
_LAST_SECONDS: Final = 120.0
_POLL: Final = 0.1


class BatchCompute(Machine):
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
        interpreter: Interpreter | None = None,
        setup: str = "",
        bin: str | None = None,
        queue: str | None = None,
        account: str | None = None,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(transport, workspace, interpreter or Interpreter(), setup)
        self._queue, self._account = queue, account
        self._site = Site(transport, dialect, bin=bin or "", patience=patience)

    @cached_property
    def _records(self) -> Records:
        return Records(self._site, f"{self.workspace.root}/.jobs")

    def checks(self) -> Iterator[Check]:
        """Look at the machine, and at the scheduler's answers."""
        yield from machine(self)
        begun = time.monotonic()
        try:
            count = len(self._site.fresh(end=begun))
        except PortalError as error:
            yield Check.of("scheduler", error)
        else:
            took = time.monotonic() - begun
            yield Check("scheduler", found=f"{self._site.name} lists {count} jobs in {took:.2f} s")

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
        place = f"{self.workspace.root}\0{key}".encode(errors="surrogateescape")
        mark = f"portal:{hashlib.sha256(place).hexdigest()[:24]}"
        dialect = self._site.dialect
        return self._records.submit(
            Submission(
                name=job.name or job.executable,
                key=key,
                mark=mark,
                command=tuple(dialect.submission(replace(job, attributes=attributes), mark)),
                script=script_of(job, self.setup),
                directory=job.directory or self.workspace.root,
                shell="bash -l" if self.setup else "sh",
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
