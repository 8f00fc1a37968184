"""Interactive clusters: what run.json says of one, where a running one is reached, what it can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from portal.errors import InvalidParameter, Unreadable

if TYPE_CHECKING:
    from distributed import Client

#: Where a running cluster is reached; only the directory of an interactive cluster has it.
CLUSTER: Final = "cluster.json"
#: Directory of a run's certificate, closed to other users, gone when the run has ended.
TLS: Final = "tls"
#: The certificate and its key, one PEM text: who holds it is a member of the run.
TLS_PEM: Final = "run.pem"


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """An interactive cluster, as it was asked for; its workers are in the run's resources.

    Parameters
    ----------
    idle
        Seconds without a task after which it ends itself.
    linger
        Seconds after its last client has gone after which it ends itself.
    adapt
        The least and the most workers, where their number follows the load; None where it is fixed.
    """

    idle: float
    linger: float
    adapt: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("idle", "linger"):
            if not getattr(self, name) > 0:
                raise InvalidParameter(
                    f"A cluster's {name!r} is a number of seconds above 0",
                    found=repr(getattr(self, name)),
                    advice="Nobody wants a cluster that is forgotten and goes on for ever.",
                )
        if self.adapt is not None and not 0 <= self.adapt[0] <= self.adapt[1] > 0:
            raise InvalidParameter(
                "A cluster adapts between a least and a most number of workers",
                found=f"{self.adapt[0]} and {self.adapt[1]}",
                advice="Give two whole numbers, the smaller one first.",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "idle": self.idle,
            "linger": self.linger,
            "adapt": list(self.adapt) if self.adapt else None,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClusterSpec:
        """Read what :meth:`to_dict` wrote."""
        adapt = values.get("adapt")
        return cls(values["idle"], values["linger"], (adapt[0], adapt[1]) if adapt else None)


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a running cluster is reached, as machines near it name it: cluster.json.

    Parameters
    ----------
    port
        Of the scheduler, TLS by the certificate of the run alone.
    dashboard
        Port of the dashboard, HTTP over the same TLS.
    capacity
        The most workers that the job holds.
    nodes
        The machines of the job.
    """

    host: str
    port: int
    dashboard: int
    capacity: int
    nodes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"nodes": list(self.nodes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Contact:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        Unreadable
            A field is missing.
        """
        try:
            return cls(
                host=str(values["host"]),
                port=int(values["port"]),
                dashboard=int(values["dashboard"]),
                capacity=int(values["capacity"]),
                nodes=tuple(str(name) for name in values["nodes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(
                f"A {CLUSTER} does not say where the cluster is",
                found=repr(error),
                advice="The directory was damaged; end the cluster, and start another.",
            ) from error


class InteractiveCluster(Protocol):
    """A Dask cluster that a compute resource has started, as who works with it holds it.

    It lives without them, and ends itself when it is idle or without clients for the times it was
    asked with.
    """

    @property
    def id(self) -> str:
        """Finds it again, from any process."""
        ...

    @property
    def client(self) -> Client:
        """Its Dask client, the default one from then on; waits until its scheduler is there."""
        ...

    @property
    def dashboard(self) -> str | None:
        """The address of its dashboard; None where there is none."""
        ...

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until it can be used."""
        ...

    def scale(self, count: int) -> None:
        """Want so many workers from now on; those that are lost are replaced."""
        ...

    def adapt(self, least: int = 1, most: int | None = None) -> None:
        """Have the number of workers follow the load, between two bounds."""
        ...

    def disconnect(self) -> None:
        """Let go of it."""
        ...

    def close(self) -> None:
        """End it."""
        ...
