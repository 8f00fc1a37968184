"""A Dask Gateway server, asked by its own client: clusters made, described, scaled and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from portal.drivers.compute._gateway_auth import Credential
from portal.errors import (
    Denied,
    InvalidConfig,
    InvalidParameter,
    MissingDependency,
    PortalError,
    Unavailable,
)

if TYPE_CHECKING:
    from dask_gateway import Gateway
    from dask_gateway.client import ClusterReport
    from distributed import Client

T = TypeVar("T")
_TIMEOUT: Final = 30.0
#: Hexadecimal digits; on Kubernetes, a namespace and a dot come first.
_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*")
_POLL_SECONDS: Final = 0.25


class NotStarted(Unavailable):
    """A cluster ended, or still waits, where it was to run."""


@dataclass(frozen=True)
class GatewayServer:
    """The server, and who asks it.

    Parameters
    ----------
    address
        Its https address.
    proxy_address
        ``host:port`` of the schedulers' proxy, where it is another than that of the address.
    ca_file
        Path of certificates that the server's is verified by, instead of the system's.
    """

    address: str
    credential: Credential
    proxy_address: str | None = None
    ca_file: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if urlsplit(self.address).scheme != "https":
            raise InvalidConfig(
                "A gateway is asked over https alone, since a secret is shown to it",
                found=self.address,
                advice="Give the https address; a site without one sets Proxy.tls_cert and "
                "Proxy.tls_key, see docs/dask-gateway.md.",
            )

    def new(self) -> str:
        """Ask for a cluster; return its name.

        Raises
        ------
        Unavailable, Denied, InvalidParameter
            Not reached; not let in; an option that this site does not offer.
        """
        return str(self._ask(lambda gateway: gateway.submit(**self.options)))

    def report(self, name: str) -> ClusterReport | None:
        """Describe a cluster; None for one that the gateway does not know."""

        async def work(gateway: Gateway) -> ClusterReport | None:
            try:
                return await gateway.get_cluster(name)
            except ValueError:  # 404: never heard of, or forgotten since
                return None

        return self._ask(work)

    def clusters(self) -> list[ClusterReport]:
        """Describe the user's clusters that wait or run."""
        return list(self._ask(lambda gateway: gateway.list_clusters()))

    def scale(self, name: str, workers: int) -> None:
        """Have a number of workers; those that are lost are replaced."""
        self._ask(lambda gateway: gateway.scale_cluster(name, workers))

    def adapt(self, name: str, least: int, most: int | None) -> None:
        """Let the number of workers follow the load."""
        self._ask(lambda gateway: gateway.adapt_cluster(name, minimum=least, maximum=most))

    def version(self) -> str:
        """Return the server's version."""
        return str(self._ask(lambda gateway: gateway.get_versions())["server"]["version"])

    def offered(self) -> tuple[str, ...]:
        """Return the names of the cluster options that the site offers."""
        found = self._ask(lambda gateway: gateway.cluster_options(use_local_defaults=False))
        return tuple(found)

    def stop(self, name: str, *, seconds: float = 0.0) -> None:
        """Stop a cluster, and wait until the gateway says that it has stopped.

        Parameters
        ----------
        seconds
            How long to wait at most.
        """
        self._ask(lambda gateway: gateway.stop_cluster(name))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            report = self.report(name)
            if report is None or is_over(report):
                return
            time.sleep(_POLL_SECONDS)

    def running(self, name: str, *, seconds: float) -> ClusterReport:
        """Wait until the cluster's scheduler runs.

        Raises
        ------
        NotStarted
            It did not start, or not within ``seconds``.
        """
        end = time.monotonic() + seconds
        while True:
            report = self.report(name)
            status = "unknown" if report is None else report.status.name.lower()
            if report is not None and status == "running":
                return report
            if status != "pending" or time.monotonic() > end:
                raise NotStarted(
                    f"The scheduler of the gateway's cluster {name} did not start",
                    found=f"{status}, after {seconds:g} s at most",
                    advice="Try again, or ask the site: its limit for starting is "
                    "cluster_start_timeout.",
                )
            time.sleep(_POLL_SECONDS)

    def client(self, report: ClusterReport, *, default: bool = False) -> Client:
        """Connect to a running cluster through the gateway's proxy, by the cluster's certificate.

        Parameters
        ----------
        default
            Make it the default client of this process.

        Raises
        ------
        Unavailable
            The schedulers' proxy was not reached.
        """
        from distributed import Client

        try:
            return Client(  # type: ignore[no-untyped-call]
                report.scheduler_address, security=report.security, set_as_default=default
            )
        except (OSError, TimeoutError) as error:
            raise Unavailable(
                f"The scheduler of the gateway's cluster {report.name} was not reached",
                found=f"{report.scheduler_address}: {error}",
                advice="Correct `proxy_address`: where the site's Proxy.tcp_address leads.",
            ) from error

    def _ask(self, work: Callable[[Gateway], Awaitable[T]]) -> T:
        """Do something with the gateway's own client, in a loop of its own, whoever asks."""
        if importlib.util.find_spec("dask_gateway") is None:
            raise MissingDependency(
                "Asking a Dask Gateway needs the package 'dask-gateway'",
                found="it is not installed",
                advice='pip install "portal-science[gateway]"',
            )
        with self._told(), ThreadPoolExecutor(1) as other:
            return other.submit(asyncio.run, self._asked(work)).result()

    async def _asked(self, work: Callable[[Gateway], Awaitable[T]]) -> T:
        import aiohttp
        from dask_gateway import Gateway

        auth = self.credential.read()
        async with Gateway(
            self.address, self.proxy_address, auth=auth, asynchronous=True
        ) as gateway:
            # The client takes no certificates; what it sends with every request it keeps here.
            gateway._request_kwargs |= {
                "ssl": self._tls(),
                "timeout": aiohttp.ClientTimeout(total=_TIMEOUT),
            }
            return await work(gateway)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell the faults of the gateway's client in Portal's words."""
        import aiohttp
        from dask_gateway.client import GatewayClusterError, GatewayServerError

        try:
            yield
        except aiohttp.ClientResponseError as error:
            if error.status in (401, 403):
                raise Denied(
                    f"The gateway {self.address} does not let you in",
                    found=f"{error.status} {error.message}",
                    advice="See that the token or the password is the right one and still valid.",
                ) from None
            raise self._away(f"{error.status} {error.message}") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unavailable(
                f"The certificate of the gateway {self.address} cannot be trusted",
                found=str(error.certificate_error),
                advice="Name the site's certificate authority: `ca_file`.",
            ) from error
        except (aiohttp.ClientError, OSError, GatewayServerError, GatewayClusterError) as error:
            raise self._away(str(error) or type(error).__name__) from error
        except PortalError:
            raise
        except ValueError as error:  # 422
            raise InvalidParameter(
                f"The gateway {self.address} does not take this",
                found=str(error),
                advice="Correct `options`: the cluster options that this site offers.",
            ) from error

    def _tls(self) -> ssl.SSLContext:
        path = None if self.ca_file is None else Path(self.ca_file).expanduser()
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            raise InvalidConfig(
                "The certificates of the gateway's authority cannot be read",
                found=f"{path}: {error}",
                advice="Correct `ca_file`.",
            ) from error

    def _away(self, found: str) -> Unavailable:
        return Unavailable(
            f"The gateway {self.address} does not answer as it should",
            found=found,
            advice="Try again later; jobs and clusters that run go on meanwhile.",
        )


def is_name(name: str) -> bool:
    """Whether a text can be a cluster's name."""
    return _NAME.fullmatch(name) is not None


def is_over(report: ClusterReport) -> bool:
    """Whether a cluster has ended."""
    return report.status.name in ("STOPPED", "FAILED")
