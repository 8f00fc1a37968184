"""The verb of interactive clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from portal.core.cluster import ClusterSpec, InteractiveCluster
from portal.core.contracts import SupportsCluster
from portal.core.job import Resources
from portal.core.policy import Action
from portal.core.run import AnalysisRef, RunSpec, new_run_id
from portal.errors import InvalidParameter
from portal.federation import launch
from portal.federation.cluster import Cluster, require_reach
from portal.federation.config import LOCAL
from portal.federation.environments import settle
from portal.federation.running import Running
from portal.federation.runs import Run

_NAME = "cluster"
#: An interactive cluster has no analysis; this stands where one would.
_NONE = AnalysisRef(
    name=_NAME,
    version="",
    digest="",
    reference="portal.runner.interactive:serve",
    code="none",
    title="Interactive cluster",
)
#: More workers than any job has: as many as the job holds.
_ALL = 2**16


class Clustering(Running):
    """Have Dask clusters at the facilities, to work with from a notebook."""

    @overload
    def cluster(self, *, run_id: str) -> Cluster: ...

    @overload
    def cluster(
        self,
        *,
        at: str = ...,
        workers: int | None = ...,
        adapt: bool | tuple[int, int] = ...,
        resources: Resources | None = ...,
        duration: int | None = ...,
        idle: float = ...,
        linger: float = ...,
        title: str = ...,
        run_id: str | None = ...,
    ) -> Cluster | InteractiveCluster: ...

    def cluster(
        self,
        *,
        at: str = LOCAL,
        workers: int | None = None,
        adapt: bool | tuple[int, int] = False,
        resources: Resources | None = None,
        duration: int | None = None,
        idle: float = 1800.0,
        linger: float = 300.0,
        title: str = "",
        run_id: str | None = None,
    ) -> Cluster | InteractiveCluster:
        """Start an interactive cluster as a job of its own, or find one again.

        ``cluster.client`` is its ``distributed.Client``, through a forwarded port and over TLS.
        Workers that die are replaced. The job ends itself when nobody needs it any more.

        Parameters
        ----------
        at
            ``facility.compute`` or ``facility``; by default this computer.
        workers
            Worker processes that the job holds at most; by default what its machines have room for.
        adapt
            Whether their number follows the load, from 1 up; or the least and the most.
        resources
            Nodes, cores of each worker, memory of the whole job in bytes.
        duration
            Wall time in seconds.
        idle
            Seconds without a task after which it ends itself.
        linger
            Seconds after its last client has gone (a kernel that was restarted) after which it
            ends itself. The first client is waited for two minutes at least.
        title
            What it is called in lists.
        run_id
            That of a cluster there is, or the end of it; nothing else is given then, but ``at``
            where that has clusters of its own kind (a Dask Gateway).

        Returns
        -------
        Cluster
            It may still wait in a queue; its ``client`` waits for it. A Dask Gateway gives one of
            its own when its scheduler runs: no run, and in no list but that of its jobs.

        Raises
        ------
        InvalidParameter, EnvironmentMismatch
            Refused before anything is queued.
        UnknownFacility, UnknownCompute, UnknownRun, Denied
        """
        if run_id is not None and at == LOCAL:
            return self._found(self.get_run(run_id))
        full, compute = self.registry.compute(at)
        self.gate.require(Action.RUN, self.gate.machine(full))
        if run_id is not None:
            if isinstance(compute, SupportsCluster):
                return compute.find_cluster(run_id)
            return self._found(self.get_run(run_id))
        asked = resources or Resources()
        if workers is not None:
            asked = replace(asked, process_count=workers)
        bounds = (1, asked.process_count or _ALL) if adapt is True else (adapt or None)
        wanted = ClusterSpec(idle=idle, linger=linger, adapt=bounds)
        if isinstance(compute, SupportsCluster):
            given = compute.cluster(wanted, asked, duration=duration)
            self.gate.write("cluster", run=given.id, at=full)
            return given
        require_reach(compute, full)
        identity = new_run_id(_NAME)
        settled = settle(compute, full, self.home)
        spec = RunSpec(
            id=identity,
            analysis=_NONE,
            inputs={},
            parameters={},
            at=full,
            environment=settled.environment,
            requested_by=self.gate.actor.id,
            key=identity,
            created=launch.now(),
            resources=asked,
            title=title,
            duration=duration,
            cluster=wanted,
        )
        directory = launch.launch(spec, None, compute, python=settled.python)
        self.gate.write("cluster", run=identity, at=full)
        return Cluster(Run(identity, full, directory, compute, self.gate))

    def _found(self, run: Run) -> Cluster:
        spec = run.spec
        self.gate.require(Action.RUN, self.gate.run(run.id, spec.requested_by))
        if spec.cluster is None:
            raise InvalidParameter(
                f"The run {run.id} is no interactive cluster",
                found=f"a run of the analysis {spec.analysis.name}",
                advice="fed.get_run(…) is the way to it.",
            )
        return Cluster(run)
