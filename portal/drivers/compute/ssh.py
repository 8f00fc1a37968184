"""The ``ssh`` compute driver: jobs on a machine without a scheduler, reached by SSH."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cached_property

from portal.core.check import Check
from portal.core.job import JobSpec, JobStatus
from portal.core.standing import Job
from portal.drivers.compute._checks import machine
from portal.drivers.compute._detached import Detached
from portal.drivers.compute._machine import Interpreter, Machine
from portal.drivers.compute._ssh import transport_of


class SshCompute(Machine):
    """Runs jobs as detached processes of another machine: they survive log-out and a cut.

    A job is noted under ``.jobs`` in the workspace, with its exit code when it has ended, so that
    nothing depends on this side staying connected.

    Parameters
    ----------
    host
        Name of the machine, or its alias in ~/.ssh/config.
    user, port, key_file, known_hosts, jump
        What ~/.ssh/config does not say: see :class:`portal.drivers.compute._address.Address`.
    workspace
        Directory of the run directories there; made, closed to other users, when first needed.
    python
        The Python there that runs ``-m portal.runner``; by default "python3".
    provision, base_python
        Instead of ``python``: how one is made from the run's lock, "auto", "index" or "upload", and
        the Python there on which it is built, which is found when not given.
    setup
        Shell lines that come first, run by a login shell: ``module load python``.
    """

    def __init__(
        self,
        *,
        host: str,
        user: str | None = None,
        port: int | None = None,
        key_file: str | None = None,
        known_hosts: str | None = None,
        jump: str | None = None,
        workspace: str = "~/.portal/runs",
        python: str | None = None,
        provision: str | None = None,
        base_python: str | None = None,
        setup: str = "",
    ) -> None:
        super().__init__(
            transport_of(host, user, port, key_file, known_hosts, jump),
            workspace,
            Interpreter(python, provision, base_python),
            setup,
        )

    def checks(self) -> Iterator[Check]:
        """Look at the machine, from the login to its ports."""
        return machine(self)

    @cached_property
    def _jobs(self) -> Detached:
        return Detached(self.transport, f"{self.workspace.root}/.jobs", self.setup)

    def submit(self, job: JobSpec) -> str:
        """Start a job in a session of its own; after a cut, the same key gives the same job.

        Raises
        ------
        Unavailable
            The machine was not reached, or did not start the job.
        InvalidParameter
            The job cannot be written as a shell script.
        """
        return self._jobs.start(job)

    def status(self, job_id: str) -> JobStatus:
        """Say whether a job runs, or how it ended."""
        return self._jobs.status(job_id)

    def cancel(self, job_id: str) -> None:
        """Ask a job to end; kill what is left of it after ten seconds."""
        self._jobs.end(job_id)

    def jobs(self) -> list[Job]:
        """Give the jobs that run: those that were started through this workspace."""
        return self._jobs.running()

    def forward(self, host: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Lend a way to a port that the machine reaches."""
        return self.transport.forward(host, port)
