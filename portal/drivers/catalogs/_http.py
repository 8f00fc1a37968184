"""HTTP clients whose every connection is checked: one for ``requests``, one for ``aiohttp``."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError

from portal.drivers.catalogs._address import resolve
from portal.drivers.catalogs._reach import Reach, Refused, shown
from portal.errors import Denied, TooLarge

if TYPE_CHECKING:
    import aiohttp

#: An answer of more bytes than this is no metadata.
LARGEST_ANSWER = 64 * 2**20
#: Nor is one of more than this a part of an array.
LARGEST_PART = 2**30
_MOST_REDIRECTS = 10


def user_agent() -> str:
    """Say who asks."""
    from importlib.metadata import version

    return f"portal-science/{version('portal-science')}"


def guarded_session(reach: Reach, timeout: float) -> requests.Session:
    """Return a session that reaches what may be reached."""
    session = requests.Session()
    session.headers["User-Agent"] = user_agent()
    session.max_redirects = _MOST_REDIRECTS
    for prefix in ("http://", "https://"):
        session.mount(prefix, _Adapter(reach, timeout))
    return session


def body(response: requests.Response, *, most: int = LARGEST_ANSWER) -> bytes:
    """Read an answer that was asked for with ``stream=True``, up to a number of bytes.

    Raises
    ------
    TooLarge
        It is longer; what it unpacks to counts.
    """
    parts: list[bytes] = []
    size = 0
    with response:
        for part in response.iter_content(2**16):
            size += len(part)
            if size > most:
                raise _too_long(response.url, most)
            parts.append(part)
    return b"".join(parts)


def _too_long(url: str, most: int) -> TooLarge:
    return TooLarge(
        f"The answer of {shown(url)} is too long",
        found=f"more than {most:,} bytes",
        advice="Check the address: what is asked for is smaller.",
    )


class _Adapter(HTTPAdapter):
    """Checks each request, and each address before a connection is made to it."""

    __attrs__ = [*HTTPAdapter.__attrs__, "reach", "timeout"]  # noqa: RUF012 - the base's name

    def __init__(self, reach: Reach, timeout: float) -> None:
        self.reach = reach
        self.timeout = timeout
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self.reach)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        url = str(request.url)
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        self.reach.check(url)
        try:
            return super().send(request, *args, **kwargs)
        except Refused as error:
            raise Denied(
                f"The address {shown(url)} is not reached from a record",
                found=error.found,
                advice=error.advice,
            ) from error


def _pools(reach: Reach) -> dict[str, type[HTTPConnectionPool]]:
    class Guarded(HTTPConnection):
        """Connects to an address that it has checked, not to a name."""

        def _new_conn(self) -> socket.socket:
            named, port = self._dns_host, int(self.port or self.default_port)
            addresses = resolve(named, port)
            if not addresses:
                raise NameResolutionError(self.host, self, socket.gaierror("no address is known"))
            for address in addresses:
                reach.guard(named, address, port)
            try:
                for address in addresses[:-1]:
                    self._dns_host = str(address)
                    with suppress(NewConnectionError):
                        return super()._new_conn()
                self._dns_host = str(addresses[-1])
                return super()._new_conn()
            finally:
                self._dns_host = named

    class Secure(Guarded, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Guarded

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def guarded_client(reach: Reach, **options: Any) -> aiohttp.ClientSession:
    """Return an aiohttp session that reaches what may be reached.

    Raises
    ------
    MissingDependency
        aiohttp is not installed.
    """
    from portal.drivers.catalogs._needs import need

    need("aiohttp", "cloud")
    import aiohttp

    class Answer(aiohttp.ClientResponse):
        """Is read up to a limit, whatever length it announces."""

        async def read(self) -> bytes:
            if self._body is None:
                parts: list[bytes] = []
                size = 0
                async for part in self.content.iter_chunked(2**20):
                    size += len(part)
                    if size > LARGEST_PART:
                        raise _too_long(str(self.url), LARGEST_PART)
                    parts.append(part)
                self._body = b"".join(parts)
            return self._body

    def connect(info: Any) -> socket.socket:
        family, type_, proto, _, where = info
        if not proxied:
            address = ipaddress.ip_address(str(where[0]).partition("%")[0])
            reach.guard(str(where[0]), address, int(where[1]))
        return socket.socket(family, type_, proto)

    async def check(request: Any, handler: Any) -> Any:
        try:
            reach.check(str(request.url))
        except Denied as error:
            raise Refused(error.happened, found=error.found, advice=error.advice) from error
        return await handler(request)

    proxied = bool(getproxies())
    loop = options.pop("loop", None)
    headers = {"User-Agent": user_agent()} | dict(options.pop("headers", None) or {})
    return aiohttp.ClientSession(
        loop=loop,
        connector=aiohttp.TCPConnector(socket_factory=connect, loop=loop),
        middlewares=(check,),
        response_class=Answer,
        headers=headers,
        trust_env=True,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=60),
        **options,
    )
