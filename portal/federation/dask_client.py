"""A Dask client that links to the dashboard where it is reached. It imports Dask: import it late."""

from __future__ import annotations

import warnings

from distributed import Client
from distributed.security import Security
from distributed.versions import VersionMismatchWarning


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
        with warnings.catch_warnings():
            # What matters was compared before the cluster was asked for; Python's micro does not.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            super().__init__(address, security=security, timeout=timeout)  # type: ignore[no-untyped-call]

    async def _handle_report(self) -> None:
        """Listen to the scheduler; close when an attempt to reach one that has ended fails."""
        try:
            await super()._handle_report()
        except (OSError, ValueError):
            await self._close(fast=True)

    @property
    def dashboard_link(self) -> str:
        """The address of the cluster's dashboard."""
        return self._dashboard
