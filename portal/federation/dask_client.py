"""A Dask client that links to the dashboard where it is reached. It imports Dask: import it late."""

from __future__ import annotations

from distributed import Client
from distributed.security import Security


class ClusterClient(Client):
    """The client of an interactive cluster.

    Parameters
    ----------
    dashboard
        The address of the cluster's dashboard.
    timeout
        Seconds within which the scheduler must answer.
    """

    def __init__(self, address: str, *, security: Security, dashboard: str, timeout: float) -> None:
        self._dashboard = dashboard
        super().__init__(address, security=security, timeout=timeout)  # type: ignore[no-untyped-call]

    @property
    def dashboard_link(self) -> str:
        """The address of the cluster's dashboard."""
        return self._dashboard
