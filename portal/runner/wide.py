"""A cluster that others belong to: other machines of the job, or the person who asked for it.

They hold the run's certificate, so it lies in the run directory, closed to other users, for as
long as the run lives.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portal.core.cluster import TLS, ClusterSpec, Contact
from portal.core.job import Resources
from portal.runner.nodes import Nodes, address
from portal.runner.trap import write_atomically
from portal.runner.worker import MUSTER

if TYPE_CHECKING:
    from distributed import Scheduler

    from portal.runner.crew import Crew
    from portal.runner.pool import Pool
    from portal.runner.security import RunSecurity


@dataclass(frozen=True, slots=True)
class Wide:
    """Who else belongs to the cluster of a run.

    Parameters
    ----------
    directory
        The run directory.
    host
        The address on which its servers listen.
    cluster
        What makes it an interactive one; None for the workers of an analysis.
    tell
        Is told of what goes wrong.
    """

    directory: Path
    nodes: Nodes
    host: str
    cluster: ClusterSpec | None
    tell: Callable[[str], None]

    @classmethod
    def of_job(
        cls,
        directory: Path,
        resources: Resources,
        cluster: ClusterSpec | None,
        tell: Callable[[str], None],
    ) -> Wide | None:
        """Return who else belongs to a run's cluster, by the job it runs in; None for nobody."""
        nodes = Nodes.of_job(os.environ)
        asked = resources.node_count or 1
        if asked > 1 + len(nodes.others):
            tell(
                f"{asked} machines were asked for, but nothing is known that starts workers on "
                f"others than {nodes.here} (srun or pbsdsh, in a batch job): it works alone"
                if not nodes.others
                else f"{asked} machines were asked for, and the job has {1 + len(nodes.others)}"
            )
        if cluster is None and not nodes.others:
            return None
        return cls(directory, nodes, address(os.environ, nodes), cluster, tell)

    def gather(self, scheduler: Scheduler, crew: Crew, security: RunSecurity) -> Pool:
        """Let the others in, and start workers on the other machines."""
        from portal.runner.pool import Pool
        from portal.runner.steps import Steps

        security.save(self.directory)
        layout = crew.layout
        told = {name: getattr(layout, name) for name in ("workers", "threads", "memory")}
        told |= {"address": scheduler.address, "host": self.host}
        write_atomically(self.directory / TLS / MUSTER, told)
        steps = Steps(self.nodes, self.directory, self.tell)
        return Pool(
            scheduler,
            crew,
            capacity=dict.fromkeys((self.nodes.here, *self.nodes.others), layout.workers),
            tell=self.tell,
            adapt=self.cluster.adapt if self.cluster else None,
            every_tick=(steps.check,) if self.nodes.others else (),
            at_end=steps.end,
        )

    def contact(self, scheduler: Scheduler, pool: Pool) -> Contact:
        """Say where the cluster is reached."""
        from portal.runner.dask_nodes import ShownScheduler

        assert isinstance(scheduler, ShownScheduler)
        return Contact(
            host=self.host,
            port=int(scheduler.address.rpartition(":")[2]),
            dashboard=scheduler.dashboard_port,
            capacity=pool.most,
            nodes=(self.nodes.here, *self.nodes.others),
        )
