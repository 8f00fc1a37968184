"""Cluster: what a person holds of an interactive cluster. It lives as a run does, without them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Self

from portal.core.cluster import CLUSTER, TLS, TLS_PEM, Contact
from portal.core.contracts import Compute, SupportsForward
from portal.core.job import JobState
from portal.errors import InvalidParameter, PortalError, RunFailed, RunNotFinished, Unavailable
from portal.federation.following import POLL
from portal.federation.runs import Run

if TYPE_CHECKING:
    import ssl

    from distributed import Client

    from portal.runner.security import RunSecurity

#: Tells the kernels of a Jupyter server with Portal's extension under which path it serves.
BASE_URL = "PORTAL_JUPYTER_BASE_URL"
_CONNECT_SECONDS = 30
_END_SECONDS = 15.0


@dataclass
class Cluster:
    """An interactive cluster: a run whose job holds a Dask scheduler and workers, and no analysis.

    It goes on whether or not anyone holds this, until it is idle or without clients for the times
    it was asked with; ``fed.cluster(run_id=…)`` finds it again from any process.
    """

    run: Run
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _client: Client | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """The id of the run."""
        return self.run.id

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until it can be used.

        Raises
        ------
        RunFailed
            It has ended.
        RunNotFinished
            ``timeout`` seconds have passed, and its job still waits or starts.
        """
        self._contact(timeout)
        return self

    def _contact(self, timeout: float | None = None) -> Contact:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            status = self.run.status()
            if status.state.final:
                log = self.run.log(2_000).strip().splitlines()[-3:]
                raise RunFailed(
                    f"The cluster {self.id} has ended: {status.message or status.state}",
                    found=" / ".join(log) or None,
                    advice="Start another with fed.cluster(…).",
                )
            values = self.run.directory.read(CLUSTER)
            if values is not None:
                return Contact.from_dict(values)
            if end is not None and time.monotonic() > end:
                raise RunNotFinished(
                    f"The cluster {self.id} is not ready after {timeout:g} s",
                    found=f"state: {status.state}. {status.message}",
                    advice="It goes on; wait again, or .close() it.",
                )
            time.sleep(POLL)

    @property
    def client(self) -> Client:
        """Its Dask client, the default one from then on; waits until the cluster is there.

        Raises
        ------
        RunFailed
            The cluster has ended.
        Unavailable
            Its scheduler is not reached.
        """
        if self._client is None or self._client.status in ("closed", "closing"):
            self.disconnect()
            self._client = self._connect(self._contact())
        return self._client

    def _connect(self, contact: Contact) -> Client:
        from portal.federation.dask_client import ClusterClient

        security = self.security()
        host, port = self._stack.enter_context(reached(self.run, contact.host, contact.port))
        address = f"tls://{f'[{host}]' if ':' in host else host}:{port}"
        try:
            return ClusterClient(
                address, security=security, dashboard=self.dashboard, timeout=_CONNECT_SECONDS
            )
        except OSError as error:
            self.disconnect()
            raise Unavailable(
                f"The scheduler of the cluster {self.id} is not reached",
                found=f"{type(error).__name__}: {error}",
                advice="See cluster.run.log(); where its machine has several networks, set "
                "PORTAL_INTERFACE in the `setup` of the compute resource.",
            ) from error

    def security(self) -> RunSecurity:
        """Fetch the certificate of the run and its key, into the memory of this process alone.

        Raises
        ------
        Unavailable
            It has gone: the cluster has ended.
        """
        from portal.runner.security import RunSecurity

        directory = self.run.directory
        try:
            text = directory.fs.cat_file(directory.file(f"{TLS}/{TLS_PEM}"))
        except FileNotFoundError as error:
            raise Unavailable(
                f"The key of the cluster {self.id} has gone",
                found=f"state: {self.run.state}",
                advice="It has ended; start another with fed.cluster(…).",
            ) from error
        return RunSecurity.from_pem(text.decode("ascii"))

    @contextmanager
    def dashboard_server(self) -> Iterator[tuple[str, int, ssl.SSLContext]]:
        """Lend a way to the dashboard's server: host, port, and the context that it answers to."""
        contact = self._contact(timeout=0)
        with reached(self.run, contact.host, contact.dashboard) as (host, port):
            yield host, port, self.security().client_context()

    @property
    def dashboard(self) -> str:
        """The address of its dashboard, on the Jupyter server that has Portal's extension."""
        base = os.environ.get(BASE_URL) or os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or "/"
        return f"{base.rstrip('/')}/portal/api/dashboards/{self.id}/status"

    def scale(self, count: int) -> None:
        """Want so many workers from now on, within what the job holds.

        Raises
        ------
        InvalidParameter
            The job does not hold as many.
        """
        self._require(count)
        self._ask("portal_scale", count=count)

    def adapt(self, least: int = 1, most: int | None = None) -> None:
        """Have the number of workers follow the load, between two bounds.

        Raises
        ------
        InvalidParameter
            The job does not hold as many, or the bounds are the wrong way round.
        """
        most = self._contact().capacity if most is None else most
        self._require(most)
        if not 0 <= least <= most:
            raise InvalidParameter(
                "A cluster adapts between a least and a most number of workers",
                found=f"{least} and {most}",
                advice="Give two whole numbers, the smaller one first.",
            )
        self._ask("portal_adapt", least=least, most=most)

    def state(self) -> dict[str, Any]:
        """Return {"workers", "wanted", "capacity", "adapt"} as the scheduler has them now."""
        state: dict[str, Any] = self._ask("portal_state")
        return state

    def _require(self, count: int) -> None:
        capacity = self._contact().capacity
        if not 0 <= count <= capacity:
            raise InvalidParameter(
                f"The job of the cluster {self.id} holds at most {capacity} workers",
                found=str(count),
                advice="Start a cluster with more resources.",
            )

    def _ask(self, name: str, **values: Any) -> Any:
        client = self.client
        return client.sync(getattr(client.scheduler, name), **values)  # type: ignore[no-untyped-call]

    def disconnect(self) -> None:
        """Let go of the cluster, which goes on until it has lingered without clients."""
        if self._client is not None:
            # Dask's client may be amid an attempt to reach a cluster that has ended meanwhile.
            with suppress(OSError, ValueError):
                self._client.close(timeout=2)  # type: ignore[no-untyped-call]
            self._client = None
        self._stack.close()

    def close(self) -> None:
        """End the cluster."""
        asked = False
        with suppress(PortalError, OSError):  # it is canceled below
            if not self.run.state.final and self.run.directory.read(CLUSTER) is not None:
                self._ask("portal_close")
                asked = True
        self.disconnect()
        with suppress(RunNotFinished):
            if asked:
                self.run.wait(_END_SECONDS)
        self.run.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _facts(self) -> dict[str, str]:
        status = self.run.status()
        facts = {"cluster": self.id, "state": str(status.state), "at": self.run.at}
        if status.message:
            facts["told"] = status.message
        if status.state is not JobState.ACTIVE:
            return facts
        values = self.run.directory.read(CLUSTER)
        if values is not None:
            contact = Contact.from_dict(values)
            facts["nodes"] = ", ".join(contact.nodes)
            facts["scheduler"] = f"tls://{contact.host}:{contact.port}"
            facts["workers"] = f"at most {contact.capacity}"
            if self._client is not None and self._client.status == "running":
                state = self.state()
                facts["workers"] = f"{state['workers']} of {contact.capacity}"
        return facts

    def __repr__(self) -> str:
        return ", ".join(f"{name}: {text}" for name, text in self._facts().items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}<td>{escape(text)}" for name, text in self._facts().items()
        )
        link = escape(self.dashboard, quote=True)
        return (
            f"<table>{rows}<tr><th>dashboard<td>"
            f'<a href="{link}" target="_blank" rel="noopener">{link}</a></table>'
        )


def reached(run: Run, host: str, port: int) -> AbstractContextManager[tuple[str, int]]:
    """Lend a way to a port of a run's job.

    Raises
    ------
    InvalidParameter
        The compute resource has no way to its nodes.
    """
    if isinstance(run.compute, SupportsForward):
        return run.compute.forward(host, port)
    require_reach(run.compute, run.at)
    return _directly(host, port)


@contextmanager
def _directly(host: str, port: int) -> Iterator[tuple[str, int]]:
    yield host, port


def require_reach(compute: Compute, at: str) -> None:
    """Refuse a compute resource whose nodes cannot be reached from here.

    Raises
    ------
    InvalidParameter
        It forwards no ports, and its files are not those of this machine.
    """
    protocol = compute.workspace.fs.protocol
    names = (protocol,) if isinstance(protocol, str) else tuple(protocol)
    if not isinstance(compute, SupportsForward) and "file" not in names:
        raise InvalidParameter(
            f"No interactive cluster can be had at {at}",
            found=f"{type(compute).__name__} forwards no ports of its machines",
            advice="Run an analysis there, or reach the facility by SSH for a cluster.",
        )
