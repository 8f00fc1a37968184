"""Reach: where a catalog's records may lead. What they point at is data from outside, not trusted.

A record's asset at loopback, at a private address, at a ``file://`` path, or behind a redirect to
one of these, is refused, unless the facility file allows it. The origins that the facility file
names itself, its catalog's endpoint for one, are allowed as they stand.

Names are resolved once more when a connection is made, and the connection goes to an address that
was found to be allowed: a name that changes its address in between gains nothing. Where the
environment names a proxy (``HTTPS_PROXY``), the proxy resolves names: then they are checked
before they are sent to it, as far as this computer can resolve them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from portal.drivers.catalogs._address import Address, kind, resolve
from portal.errors import Denied, InvalidConfig, PortalError

if TYPE_CHECKING:
    import aiohttp
    import requests

_PORTS = {"http": 80, "https": 443}
#: Object stores: the bucket stands where a host does, and the endpoint is the store's own.
_BUCKETS = ("s3", "gs")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


class Refused(PortalError):
    """A connection to what must not be reached; :meth:`Reach.check` gives ``Denied`` of it.

    It is no ``OSError``, which HTTP clients take for a fault of the network and try elsewhere.
    """


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached from a catalog.

    Parameters
    ----------
    origins
        ``scheme://host:port`` of the endpoints that the facility file names.
    allow
        What the facility file allows further (its option ``allow``): hosts, ``host:port``,
        networks such as ``10.0.0.0/8``, and absolute directories.
    """

    origins: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @classmethod
    def of(cls, *endpoints: str, allow: Sequence[str] = ()) -> Reach:
        """Make it from the URLs that a driver's options name.

        Parameters
        ----------
        endpoints
            URLs, or absolute directories.
        allow
            The driver's option of this name.

        Raises
        ------
        InvalidConfig
            An endpoint is no URL, or an entry of ``allow`` is none of what it may be.
        """
        if isinstance(allow, str):
            allow = [allow]
        for entry in allow:
            _check_entry(entry)
        paths = [path for e in endpoints if (path := _local(e)) is not None]
        origins = [_origin(e) for e in endpoints if _local(e) is None]
        return cls(tuple(dict.fromkeys(origins)), (*allow, *paths))

    def check(self, href: str) -> None:
        """Refuse what must not be reached.

        Raises
        ------
        Denied
            It is a local path, or its host is one of this network; the line of the facility file
            that allows it is named.
        """
        path = _local(href)
        if path is not None:
            self._check_path(href, path)
            return
        parts = _split(href)
        if self.trusts(href) or parts.scheme in _BUCKETS:
            return
        host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        for address in resolve(host, port):
            if not self.permits(address, port):
                happened, found, advice = _reason(f"The address {shown(href)}", address, place)
                raise Denied(happened, found=found, advice=advice)

    def trusts(self, href: str) -> bool:
        """Whether it lies at an endpoint that the facility file names: its keys may go there."""
        parts = _split(href)
        host, port = str(parts.hostname), parts.port or _PORTS.get(parts.scheme)
        named = {entry.lower() for entry in self.allow}
        return _origin(href) in self.origins or bool(
            {host, f"{host}:{port}", f"[{host}]:{port}"} & named
        )

    def permits(self, address: Address, port: int) -> bool:
        """Whether a connection may be made to an address and port."""
        if not kind(address):
            return True
        for entry in self.allow:
            network = _network(entry)
            if network is not None and address in network:
                return True
        places = [(str(urlsplit(o).hostname), urlsplit(o).port) for o in self.origins]
        places += [_host_port(e) for e in self.allow if not e.startswith("/") and not _network(e)]
        return any(p in (None, port) and address in resolve(h, port) for h, p in places if h)

    def guard(self, host: str, address: Address, port: int) -> None:
        """Refuse a connection, as it is made.

        Raises
        ------
        Refused
            The address is one of this network.
        """
        if not self.permits(address, port):
            happened, found, advice = _reason(f"The host {host}", address, f"{host}:{port}")
            raise Refused(happened, found=found, advice=advice)

    def session(self, *, timeout: float = 60.0) -> requests.Session:
        """Return an HTTP session of which every request, redirects included, is checked.

        Parameters
        ----------
        timeout
            Seconds without an answer, where a request names none of its own.
        """
        from portal.drivers.catalogs._http import guarded_session

        return guarded_session(self, timeout)

    async def client(self, **options: Any) -> aiohttp.ClientSession:
        """Return the same for asynchronous use: the ``get_client`` of fsspec's HTTP file system."""
        from portal.drivers.catalogs._http import guarded_client

        return guarded_client(self, **options)

    def _check_path(self, href: str, path: str) -> None:
        where = Path(path).resolve()
        if not any(
            where.is_relative_to(Path(entry).resolve())
            for entry in self.allow
            if entry.startswith("/")
        ):
            raise Denied(
                f"The record points to {shown(href)}, a path on this computer",
                found="a record from outside may not read local files",
                advice=f'If it may, write into the facility file: allow = ["{where.parent}"]',
            )


def shown(href: str) -> str:
    """Write an address without its query and user, which may hold secrets."""
    bare = href.partition("?")[0].partition("#")[0]
    bare = re.sub(r"(?<=//)[^/]*@", "", bare)
    return "".join(c if c.isprintable() else "?" for c in bare)[:300]


def _reason(what: str, address: Address, place: str) -> tuple[str, str, str]:
    return (
        f"{what} is not reached from a record",
        f"{address}, {kind(address)}",
        f'If it may be, write into the facility file: allow = ["{place}"]',
    )


def _local(href: str) -> str | None:
    """Return the path of an address that is a local one; None for others."""
    if href.startswith("/") and not href.startswith("//"):
        return href
    if href.lower().startswith("file:"):
        parts = urlsplit(href)
        return unquote(parts.path) if parts.netloc in ("", "localhost") else href
    return None


def _split(href: str) -> SplitResult:
    """Take a URL apart.

    Raises
    ------
    Denied
        It is relative, of a scheme that is not opened, or written so that readers differ about it.
    """
    fault = ""
    try:
        parts = urlsplit(href)
        port = parts.port
    except ValueError as error:
        fault = str(error)
    else:
        if parts.scheme not in (*_PORTS, *_BUCKETS):
            fault = f"the scheme {parts.scheme!r}" if parts.scheme else "a relative path"
        elif _ODD.search(href):
            fault = "blanks or backslashes in it"
        elif "@" in parts.netloc:
            fault = "a user name before the host"
        elif not parts.hostname or port == 0:
            fault = "no host"
    if fault:
        raise Denied(
            f"The address {shown(href)} is not opened",
            found=fault,
            advice=f"Addresses of {', '.join((*_PORTS, *_BUCKETS))} are, and absolute paths that "
            "the facility file allows.",
        )
    return parts


def _origin(href: str) -> str:
    try:
        parts = _split(href)
    except Denied as error:
        raise InvalidConfig(
            f"The endpoint {shown(href)!r} is not a URL",
            found=error.found,
            advice='Write it whole, as "https://data.example.gov/stac"; keys are options apart.',
        ) from error
    host = str(parts.hostname)
    host = f"[{host}]" if ":" in host else host
    if parts.scheme in _BUCKETS:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if entry.startswith("/"):
        return None
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def _host_port(entry: str) -> tuple[str, int | None]:
    parts = urlsplit(f"//{entry}")
    return str(parts.hostname or ""), parts.port


def _check_entry(entry: Any) -> None:
    fault = not isinstance(entry, str) or not entry or "://" in entry or bool(_ODD.search(entry))
    if not fault and not entry.startswith("/") and _network(entry) is None:
        try:
            host, _ = _host_port(entry)
            fault = not host or "/" in entry or "@" in entry
        except ValueError:
            fault = True
    if fault:
        raise InvalidConfig(
            "An entry of the option allow is none of a host, host:port, network or directory",
            found=repr(entry),
            advice='For instance allow = ["data.lab.gov", "127.0.0.1:9000", "10.0.0.0/8", "/data"].',
        )
