"""The ``gateway`` compute driver: jobs and interactive clusters of a site's Dask Gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from portal.core.check import Check, Verdict
from portal.core.cluster import ClusterSpec
from portal.core.job import JobSpec, JobStatus, Resources
from portal.core.standing import Job, Standing
from portal.drivers.compute._checks import machine
from portal.drivers.compute._detached import under
from portal.drivers.compute._gateway_auth import Credential
from portal.drivers.compute._gateway_cluster import GatewayCluster, find
from portal.drivers.compute._gateway_jobs import GatewayJobs
from portal.drivers.compute._gateway_server import GatewayServer
from portal.drivers.compute._machine import Interpreter, Machine
from portal.drivers.compute._ssh import transport_of
from portal.errors import InvalidParameter, PortalError, Unavailable


class GatewayCompute(Machine):
    """Runs each job on the one worker of a gateway cluster of its own; its id is the cluster's name.

    The cluster's scheduler holds the job, so that it outlives the caller; a worker that is lost
    ends the job, which is not started again. The workspace must be a file system that the workers
    see under the same path: here, or at ``host``.

    Parameters
    ----------
    address
        The https address of the gateway.
    proxy_address
        ``host:port`` of its proxy of schedulers; by default that of the address.
    ca_file
        Path of the certificates of the authority that the gateway's is verified by; by default
        those of this system.
    auth
        "jupyterhub" (a token) or "basic" (a name and a password).
    username
        The name of "basic"; by default the user of this process.
    token_file, token_command
        A file that only its owner can read, or a command that prints it: the token or password. By
        default the token that a JupyterHub gives to the servers it starts.
    options
        Cluster options, as the site offers them: ``{worker_cores = 4}``.
    workspace
        Directory of the run directories; made, closed to other users, when first needed.
    python
        The Python there that runs ``-m portal.runner``, and that the workers can run too; by
        default "python3".
    provision, base_python
        Instead of ``python``: how one is made from the run's lock, "auto", "index" or "upload", and
        the Python there on which it is built, which is found when not given.
    setup
        Shell lines that come first, run by a login shell: ``module load python``.
    start_seconds
        How long the scheduler of a cluster may wait in the site's queue.
    host, user, port, key_file, known_hosts, jump
        The machine that has the workspace: see :class:`portal.drivers.compute._address.Address`.
    """

    def __init__(
        self,
        *,
        address: str,
        proxy_address: str | None = None,
        ca_file: str | None = None,
        auth: str = "jupyterhub",
        username: str = "",
        token_file: str = "",
        token_command: str = "",
        options: Mapping[str, Any] | None = None,
        workspace: str = "~/.portal/runs",
        python: str | None = None,
        provision: str | None = None,
        base_python: str | None = None,
        setup: str = "",
        start_seconds: float = 300.0,
        host: str | None = None,
        user: str | None = None,
        port: int | None = None,
        key_file: str | None = None,
        known_hosts: str | None = None,
        jump: str | None = None,
    ) -> None:
        credential = Credential(auth, username, token_file, token_command)
        self._server = GatewayServer(address, credential, proxy_address, ca_file, options or {})
        super().__init__(
            transport_of(host, user, port, key_file, known_hosts, jump),
            workspace,
            Interpreter(python, provision, base_python),
            setup,
        )
        self._start_seconds = start_seconds

    def checks(self) -> Iterator[Check]:
        """Look at the machine of the workspace, and at the gateway."""
        yield from machine(self)
        try:
            version, offered = self._server.version(), self._server.offered()
        except PortalError as error:
            yield Check.of("gateway", error)
            return
        found = f"dask-gateway {version}, options: {', '.join(offered) or 'none'}"
        unknown = [name for name in self._server.options if name not in offered]
        if unknown:
            advice = f"It does not offer {', '.join(unknown)}: correct `options`."
            yield Check("gateway", Verdict.FAIL, found, advice)
        else:
            yield Check("gateway", found=found)

    @cached_property
    def _jobs(self) -> GatewayJobs:
        directory = f"{self.workspace.root}/.gateway"
        return GatewayJobs(self._server, self.transport, directory, self._start_seconds)

    def submit(self, job: JobSpec) -> str:
        """Start a job; return when the scheduler of its cluster holds it.

        Raises
        ------
        Unavailable
            The gateway was not reached, or the cluster did not start in time.
        Denied, InvalidParameter
            The gateway refuses; the job asks for what a gateway has no word for.
        """
        return self._jobs.start(job, under(self.setup, [job.executable, *job.arguments]))

    def status(self, job_id: str) -> JobStatus:
        """Say whether a job waits, runs, or how it ended.

        Raises
        ------
        Unavailable, Denied
            The job has not ended as far as is known, and the gateway does not say more.
        """
        return self._jobs.status(job_id)

    def cancel(self, job_id: str) -> None:
        """End a job, every process of it, and its cluster; or a cluster that is no job's."""
        self._jobs.cancel(job_id)

    def jobs(self) -> list[Job]:
        """Give the user's clusters that wait or run, those that are no job's too."""
        return self._jobs.list()

    def cluster(
        self, spec: ClusterSpec, resources: Resources, *, duration: int | None = None
    ) -> GatewayCluster:
        """Start an interactive cluster of the gateway's; return when its scheduler runs.

        Raises
        ------
        Unavailable, Denied
            The gateway was not reached, does not let in, or the scheduler did not start.
        InvalidParameter
            More is asked for than a number of workers: their size is set by `options`.
        EnvironmentMismatch
            Python's minor or a package that code and data depend on differs there.
        """
        if resources != Resources(process_count=resources.process_count):
            raise InvalidParameter(
                "A gateway's cluster is asked for by its number of workers alone",
                found=str(resources.to_dict()),
                advice="Their size is set by `options` of the compute resource.",
            )
        return GatewayCluster.start(
            self._server,
            spec,
            resources.process_count or 1,
            duration=duration,
            start_seconds=self._start_seconds,
        )

    def find_cluster(self, cluster_id: str) -> GatewayCluster:
        """Find an interactive cluster again.

        Raises
        ------
        Unavailable, Denied
            It has ended, or is another user's.
        """
        return find(self._server, cluster_id, start_seconds=self._start_seconds)

    def standing(self) -> Standing:
        """Say whether the gateway answers."""
        try:
            version = self._server.version()
        except Unavailable as error:
            return Standing(up=False, text=str(error))
        return Standing(up=True, text=f"Dask Gateway {version}")
