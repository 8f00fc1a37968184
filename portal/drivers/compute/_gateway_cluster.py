"""Interactive clusters of a Dask Gateway: its own, which Portal starts, attaches to and ends."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass, field
from html import escape
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, Self

from portal.core.cluster import ClusterSpec
from portal.core.environment import CHECKED, Environment, local_environment
from portal.drivers.compute._gateway_server import GatewayServer, is_name, is_over
from portal.errors import InvalidParameter, Unavailable

if TYPE_CHECKING:
    from distributed import Client

_STOP_SECONDS: Final = 60.0
#: What is asked for as "as many as there may be".
_ALL: Final = 2**16


@dataclass
class GatewayCluster:
    """An interactive cluster: a scheduler and workers of the gateway's, reached through its proxy.

    It goes on whether or not anyone holds this, until it is idle or without clients for the times
    it was asked with; its id finds it again from any process.
    """

    server: GatewayServer
    id: str
    start_seconds: float
    _client: Client | None = field(default=None, repr=False)

    @classmethod
    def start(
        cls,
        server: GatewayServer,
        spec: ClusterSpec,
        workers: int,
        *,
        duration: int | None,
        start_seconds: float,
    ) -> Self:
        """Start one, and ask for its workers; return when its scheduler runs.

        Raises
        ------
        Unavailable, Denied
            The gateway was not reached, does not let in, or the scheduler did not start.
        EnvironmentMismatch
            Python's minor or a package that code and data depend on differs there; it is stopped.
        """
        cluster = cls(server, server.new(), start_seconds)
        try:
            cluster._prepare(spec, duration)
            if spec.adapt is None:
                cluster.scale(workers)
            else:
                cluster.adapt(*spec.adapt)
        except BaseException:
            cluster.disconnect()
            server.stop(cluster.id)
            raise
        return cluster

    def _prepare(self, spec: ClusterSpec, duration: int | None) -> None:
        import cloudpickle

        from portal.drivers.compute import _gateway_watch

        _require_same(self.client, self.server.address)
        cloudpickle.register_pickle_by_value(_gateway_watch)
        try:
            watch = _gateway_watch.Watch(spec.idle, spec.linger, duration)
            self.client.register_plugin(watch)
        finally:
            cloudpickle.unregister_pickle_by_value(_gateway_watch)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until a worker is there.

        Raises
        ------
        TimeoutError
            None came within ``timeout`` seconds.
        """
        self.client.wait_for_workers(1, timeout=timeout)
        return self

    @property
    def client(self) -> Client:
        """Its Dask client, the default one from then on.

        Raises
        ------
        Unavailable
            The cluster has ended, or its scheduler is not reached.
        """
        if self._client is None or self._client.status in ("closed", "closing"):
            report = self.server.running(self.id, seconds=self.start_seconds)
            self._client = self.server.client(report, default=True)
        return self._client

    @property
    def dashboard(self) -> str | None:
        """The address of its dashboard, at the gateway; None where there is none."""
        report = self.server.report(self.id)
        return None if report is None else report.dashboard_link

    def scale(self, count: int) -> None:
        """Want so many workers from now on; those that are lost are replaced.

        Raises
        ------
        InvalidParameter
            It is no number of workers.
        """
        if count < 0:
            raise InvalidParameter(
                "A cluster has no less than 0 workers", found=str(count), advice="Give a number."
            )
        self.server.scale(self.id, count)

    def adapt(self, least: int = 1, most: int | None = None) -> None:
        """Have the number of workers follow the load, between two bounds.

        Raises
        ------
        InvalidParameter
            The bounds are the wrong way round.
        """
        if least < 0 or (most is not None and most < least):
            raise InvalidParameter(
                "A cluster adapts between a least and a most number of workers",
                found=f"{least} and {most}",
                advice="Give two whole numbers, the smaller one first.",
            )
        self.server.adapt(self.id, least, None if most is not None and most >= _ALL else most)

    def state(self) -> dict[str, Any]:
        """Return {"workers"} as the scheduler has them now."""
        return {"workers": len(self.client.scheduler_info(n_workers=-1)["workers"])}

    def disconnect(self) -> None:
        """Let go of the cluster, which goes on until it has lingered without clients."""
        if self._client is not None:
            self._client.close(timeout=2)  # type: ignore[no-untyped-call]
            self._client = None

    def close(self) -> None:
        """End the cluster, and wait until the gateway says that it has ended."""
        self.disconnect()
        self.server.stop(self.id, seconds=_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _facts(self) -> dict[str, str]:
        report = self.server.report(self.id)
        facts = {"cluster": self.id, "at": self.server.address}
        facts["state"] = "unknown" if report is None else report.status.name.lower()
        if self._client is not None and self._client.status == "running":
            facts["workers"] = str(self.state()["workers"])
        if report is not None and report.dashboard_link:
            facts["dashboard"] = report.dashboard_link
        return facts

    def __repr__(self) -> str:
        return ", ".join(f"{name}: {text}" for name, text in self._facts().items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}<td>{escape(text)}" for name, text in self._facts().items()
        )
        return f"<table>{rows}</table>"


def find(server: GatewayServer, name: str, *, start_seconds: float) -> GatewayCluster:
    """Find a cluster of the user's again.

    Raises
    ------
    Unavailable
        It has ended, or the gateway does not know it.
    """
    report = server.report(name) if is_name(name) else None
    if report is None or is_over(report):
        raise Unavailable(
            f"There is no cluster {name} at {server.address}",
            found="none of this name" if report is None else report.status.name.lower(),
            advice="Start another with fed.cluster(…).",
        )
    return GatewayCluster(server, name, start_seconds)


def _require_same(client: Client, address: str) -> None:
    """Refuse a cluster whose scheduler has another Python or other packages.

    What its scheduler lacks, its workers may have: that is no difference.
    """
    here = local_environment()
    packages = dict(here.packages)
    for name in CHECKED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            packages[name] = client.run_on_scheduler(metadata.version, name)  # type: ignore[no-untyped-call]
    python = str(client.run_on_scheduler(platform.python_version))  # type: ignore[no-untyped-call]
    there = Environment(python.rpartition(".")[0], packages)
    here.require_same(there, here="here", there=f"in the clusters of {address}")
