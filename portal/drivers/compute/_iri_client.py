"""Requests to an IRI service: encrypted, authenticated, repeated where that is safe."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urljoin, urlsplit

from portal.drivers.compute._iri_problem import Uncertain, error_of, retry_after
from portal.drivers.compute._iri_token import Token
from portal.errors import Denied, InvalidConfig, PortalError, TooLarge, Unavailable

if TYPE_CHECKING:
    import requests

Version = Literal["v1", "v2"]

#: The header of an idempotency key (version 2).
KEY: Final = "Idempotency-Key"
VERSIONS: Final[tuple[Version, ...]] = ("v2", "v1")
_CONNECT_SECONDS: Final = 10.0
_TRY_SECONDS: Final = 30.0
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0
_REDIRECTS: Final = 5
#: The most bytes of an answer: a file of 5 MiB in base64, in JSON, and room to spare.
_LARGEST: Final = 1 << 25
_PAGE: Final = 1000
#: The most records of a list that are looked at.
_LISTED: Final = 100_000
_ADDRESS: Final = re.compile(r"(?P<base>https://[^?#]+?)(/api/(?P<version>v[12]))?/*")


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Parameters
    ----------
    path
        What follows the version: "/facility".
    body
        Sent as JSON, when there is one.
    file
        Sent as the form field ``file``.
    repeat
        Whether to do it twice is the same as to do it once.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    file: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Fault(Exception):
    """A try that brought no answer; ``sent`` where the service may have got the request."""

    def __init__(self, told: str, *, sent: bool) -> None:
        super().__init__(told)
        self.told = told
        self.sent = sent


class Client:
    """One IRI service. Safe to use from many threads.

    Parameters
    ----------
    url
        ``https://…``, with or without ``/api/v1`` or ``/api/v2`` at its end.
    version
        Asked of the service when neither this nor the URL says it.
    ca_file
        Certificates that are trusted instead of those that this machine trusts.
    timeout
        Seconds for a request and all its repetitions.

    Raises
    ------
    InvalidConfig
        The URL is not an encrypted one, holds a secret, or names another version.
    """

    def __init__(
        self,
        url: str,
        *,
        version: Version | None = None,
        token: Token | None = None,
        ca_file: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        found = _ADDRESS.fullmatch(url)
        if found is None or urlsplit(url).username is not None or not urlsplit(url).hostname:
            raise InvalidConfig(
                "The url of an IRI service begins with https:// and holds no secret",
                found="a url with more in it" if {"@", "?", "#"} & set(url) else repr(url),
                advice='Write it like url = "https://host/api/v1".',
            )
        named = found["version"]
        if version not in (None, *VERSIONS) or (version and named and version != named):
            raise InvalidConfig(
                "The version of an IRI service is v1 or v2, as in its url",
                found=f"version = {version!r} with {url}",
                advice="Leave `version` out; it is taken from the url, or asked for.",
            )
        self.base = found["base"]
        self._version = version or named
        self._token = token or Token()
        self._verify: str | bool = str(Path(ca_file).expanduser()) if ca_file else True
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"Client({self.base!r})"

    @cached_property
    def version(self) -> Version:
        """The version that is spoken: that of the options, else the newest that is there.

        Raises
        ------
        Unavailable
            The service speaks neither.
        """
        if self._version:
            return "v2" if self._version == "v2" else "v1"
        for version in VERSIONS:
            answer = self._until(Request("GET", "/facility", repeat=True), f"/api/{version}")
            if answer.status == 200:
                return version
        raise Unavailable(
            f"{self.base} speaks neither v2 nor v1 of the IRI Facility API",
            found=f"HTTP status {answer.status} for {self.base}/api/v1/facility",
            advice="Correct the `url`.",
        )

    def call(self, request: Request) -> Any:
        """Send a request; return the JSON value of the answer, None for an empty one.

        An answer that was lost or cut, a server's fault and a refusal for being busy are followed
        by another try where that does no harm, later and later, until the time is over.

        Raises
        ------
        Unavailable
            There was no answer, or a fault of the service; :class:`Uncertain` where it is not
            known whether the request was carried out.
        Denied, InvalidParameter, NotFound
            The service refused it.
        """
        answer = self._until(request, f"/api/{self.version}")
        if answer.status >= 300:
            raise self._refused(answer, request)
        return json.loads(answer.body) if answer.body.strip() else None

    def pages(self, request: Request) -> Iterator[Any]:
        """Give the records of a list, page by page."""
        offset, size = 0, _PAGE
        while size == _PAGE and offset < _LISTED:
            query = {**request.query, "offset": str(offset), "limit": str(_PAGE)}
            found = self.call(replace(request, query=query))
            if not isinstance(found, list):
                return
            yield from found
            offset, size = offset + len(found), len(found)

    def _until(self, request: Request, prefix: str) -> _Answer:
        """Try until there is an answer that another try would not better, or the time is over."""
        end = time.monotonic() + self._timeout
        wait = _FIRST_WAIT
        renewed = False
        while True:
            pause = wait * (1 + random.random() / 4)  # noqa: S311 - not for secrets
            refused = self._token.get()
            try:
                answer = self._try(request, prefix, refused, end)
                if answer.status == 401 and not renewed and self._token.renew(refused):
                    renewed = True
                    continue
                asked = retry_after(answer.headers.get("Retry-After"))
                if not _later(answer.status, asked, request):
                    return answer
                fault = self._refused(answer, request)
                pause = pause if asked is None else asked
            except _Fault as lost:
                fault = self._lost(request, lost)
                if isinstance(fault, Uncertain):
                    raise fault from lost
            if time.monotonic() + pause > end:
                raise fault
            time.sleep(pause)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _try(self, request: Request, prefix: str, token: str | None, end: float) -> _Answer:
        """Send it once, and follow redirects within the service."""
        url, query = f"{self.base}{prefix}{request.path}", request.query
        for _ in range(_REDIRECTS):
            answer = self._send(replace(request, query=query), url, token, end)
            if not 300 <= answer.status < 400 or answer.status == 304:
                return answer
            to = urljoin(url, answer.headers.get("Location", ""))
            if _origin(to) != _origin(url) or request.method != "GET":
                raise Denied(
                    f"The IRI service {self.base} sends the request elsewhere, where Portal does "
                    "not follow: the token would go there too",
                    found=f"HTTP status {answer.status} to {self._token.hide(to.partition('?')[0])}",
                    advice="If that is where the service is now, correct the `url`.",
                )
            url, query = to, {}
        raise Unavailable(
            f"The IRI service {self.base} sends the request round and round",
            found=f"{_REDIRECTS} redirects",
            advice="Correct the `url`, or tell the facility.",
        )

    def _send(self, request: Request, url: str, token: str | None, end: float) -> _Answer:
        import requests

        stop = min(end, time.monotonic() + _TRY_SECONDS)
        seconds = max(0.05, stop - time.monotonic())
        files = None if request.file is None else {"file": ("file", request.file)}
        headers = {"Accept": "application/json, application/problem+json", **request.headers}
        try:
            with self._session.request(
                request.method,
                url,
                params=dict(request.query),
                json=request.body,
                files=files,
                headers=headers,
                auth=_Bearer(token),
                timeout=(min(_CONNECT_SECONDS, seconds), seconds),
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._read(response, stop)
        except requests.RequestException as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Denied(
                    f"The certificate of the IRI service {self.base} is not trusted",
                    found=_words(error),
                    advice="If it is right, name who signed it by `ca_file`.",
                ) from error
            raise _Fault(_words(error), sent=not _unsent(error)) from error
        if response.status_code < 300 and body.strip():
            try:
                json.loads(body)
            except ValueError as error:
                raise _Fault("an answer that is no JSON, or cut", sent=True) from error
        return _Answer(response.status_code, response.headers, body)

    def _read(self, response: requests.Response, stop: float) -> bytes:
        found = bytearray()
        for block in response.iter_content(1 << 16):
            found += block
            if len(found) > _LARGEST:
                raise TooLarge(
                    f"The IRI service {self.base} answers with more than it may",
                    found=f"more than {_LARGEST} bytes",
                    advice="Tell the facility.",
                )
            if time.monotonic() > stop:
                raise _Fault("an answer that did not end in time", sent=True)
        return bytes(found)

    @cached_property
    def _session(self) -> requests.Session:
        import requests
        from requests.adapters import HTTPAdapter

        if isinstance(self._verify, str) and not Path(self._verify).is_file():
            raise InvalidConfig(
                "The certificates of `ca_file` are not there",
                found=self._verify,
                advice="Correct it, or leave it out to trust what this machine trusts.",
            )
        session = requests.Session()
        session.mount("https://", HTTPAdapter(pool_connections=2, pool_maxsize=16))
        return session

    def _refused(self, answer: _Answer, request: Request) -> PortalError:
        body = self._token.hide(answer.body.decode(errors="replace")).encode()
        error = error_of(answer.status, body, self._what(request))
        if answer.status == 401:
            advice = f"See that {self._token.source} gives one that the service takes."
            return Denied(error.happened, found=error.found, advice=advice)
        if answer.status >= 500 and answer.status != 501 and not request.repeat:
            return Uncertain(error.happened, found=error.found, advice=error.advice)
        return error

    def _lost(self, request: Request, fault: _Fault) -> Unavailable:
        kind = Uncertain if fault.sent and not request.repeat else Unavailable
        return kind(
            f"The IRI service gave no whole answer: {self._what(request)}",
            found=self._token.hide(fault.told),
            advice="Ask again; what was asked with a key is done once.",
        )

    def _what(self, request: Request) -> str:
        return f"{request.method} {request.path} of {self.base}"


class _Bearer:
    """Puts the token into its header; as `auth`, no .netrc takes its place."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _later(status: int, asked: float | None, request: Request) -> bool:
    """Whether to ask again after an answer of this status."""
    if status == 429 or (status == 503 and asked is not None):
        return True
    if status == 409:  # the job of this key is being started
        return KEY in request.headers
    return status >= 500 and status != 501 and request.repeat


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _unsent(error: requests.RequestException) -> bool:
    """Whether a connection was never made, so that nothing of the request has left."""
    import requests
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(getattr(inner, "reason", None), NewConnectionError)


def _words(error: requests.RequestException) -> str:
    inner: Any = error.args[0] if error.args else error
    reason = getattr(inner, "reason", None) or inner
    text = re.sub(r"<[^>]*>:? ?", "", str(reason))
    return re.sub(r"HTTPSConnectionPool\([^)]*\):? ?", "", text) or type(error).__name__
