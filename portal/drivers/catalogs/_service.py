"""JSON over HTTP with one web service: bounded in bytes and time, and clear about what went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._secret import SecretRef
from portal.errors import Denied, PortalError, TooLarge, Unavailable, Unreadable

if TYPE_CHECKING:
    import requests

#: A page of records of more bytes than this is not read.
LARGEST_PAGE = 32 * 2**20
_BUSY = (429, 503)
_FIRST_PAUSE = 0.25

Params = Mapping[str, str | int | Sequence[str]]


def segment(text: str) -> str:
    """Quote a text so that it is one segment of a path, whatever it holds."""
    return "%2E" * len(text) if text in (".", "..") else quote(text, safe="")


class Service:
    """A web service that answers in JSON.

    Parameters
    ----------
    url
        Its base; the paths that are asked for stand below it.
    reach
        What may be reached, redirects included.
    timeout
        Seconds for one question, its repetitions and its answer's last byte included.
    secret
        Where its key is kept; it is sent as a header only.
    header, scheme
        The header, and the word before the key: "Bearer", or empty where there is none. With a key
        in another header than ``Authorization`` no redirect is followed: it would go along.
    otherwise
        What is sent as that header where no key is named.
    """

    def __init__(
        self,
        url: str,
        *,
        reach: Reach,
        timeout: float,
        secret: SecretRef | None = None,
        header: str = "Authorization",
        scheme: str = "Bearer",
        otherwise: str = "",
    ) -> None:
        self.url = url.rstrip("/")
        self._reach = reach
        self._timeout = timeout
        self._secret = secret or SecretRef()
        self._header = header
        self._scheme = scheme
        self._otherwise = otherwise

    @cached_property
    def _session(self) -> requests.Session:
        return self._reach.session(timeout=self._timeout)

    def get(
        self, path: str = "", params: Params | None = None, *, absent: Sequence[int] = ()
    ) -> Any:
        """Return the JSON at a path; None where the answer's status is one of ``absent``.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        answer = self._ask("GET", self._below(path), params=params, absent=absent)
        return None if answer.status in absent else _json(answer.content, answer.url)

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """Send a document and return the JSON of the answer.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        answer = self._ask("POST", self._below(path), document=document)
        return _json(answer.content, answer.url)

    def page(self, url: str) -> Answer:
        """Return what lies at a URL of any form, of this service or not.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        return self._ask("GET", url, accept="*/*")

    def _below(self, path: str) -> str:
        return f"{self.url}/{path}" if path else self.url

    def _ask(
        self,
        method: str,
        url: str,
        *,
        params: Params | None = None,
        document: Mapping[str, Any] | None = None,
        absent: Sequence[int] = (),
        accept: str = "application/json",
    ) -> Answer:
        import requests
        from urllib3.exceptions import HTTPError

        headers = {"Accept": accept} | self._authorization(url)
        follow = not self._secret or self._header == "Authorization"
        end = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE
        while True:
            try:
                with self._session.request(
                    method, url, params=params, json=document, headers=headers, stream=True,
                    timeout=max(end - time.monotonic(), 0.05), allow_redirects=follow,
                ) as response:  # fmt: skip
                    status = response.status_code
                    said = str(response.headers.get("Retry-After", ""))
                    content = _read(response, end)
                    answer = Answer(url, status, response.headers, content)
            except PortalError:  # Denied is an OSError too
                raise
            except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
                raise Unreadable(
                    f"The address {shown(url)} cannot be asked for",
                    found=type(error).__name__,
                    advice="Check it.",
                ) from error
            except (requests.exceptions.RequestException, HTTPError, OSError) as error:
                raise _down(url, _cause(error)) from error
            if status not in _BUSY:
                break
            wait = float(said) if said.isdigit() else pause
            if time.monotonic() + wait >= end:
                raise _down(url, f"it is busy ({status}) and wants {wait:g} s to pass")
            time.sleep(wait)
            pause *= 2
        if status not in absent:
            self._check(answer)
        return answer

    def _authorization(self, url: str) -> dict[str, str]:
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            return {}
        if self._secret:
            return {self._header: f"{self._scheme} {self._secret.read()}".strip()}
        return {self._header: self._otherwise} if self._otherwise else {}

    def _check(self, answer: Answer) -> None:
        if answer.status in (401, 403):
            raise Denied(
                f"{shown(answer.url)} refuses",
                found=f"the status {answer.status}{answer.hint}",
                advice=self._secret.advice,
            )
        if answer.status >= 500:
            raise _down(answer.url, f"the status {answer.status}{answer.hint}")
        if answer.status >= 300:
            raise Unreadable(
                f"{shown(answer.url)} does not take the question",
                found=f"the status {answer.status}{answer.hint}",
                advice="Check the url and the options of this catalog in the facility file.",
            )


class Answer:
    """What came back: the address asked, the status, the headers, the bytes."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.content = content

    @property
    def hint(self) -> str:
        """The first words of the answer, where it is no page of markup."""
        text = " ".join(self.content[:300].decode("utf-8", "replace").split())
        plain = "".join(c if c.isprintable() else "?" for c in text)
        return f": {plain[:160]}" if plain and not plain.startswith("<") else ""


def _read(response: requests.Response, end: float) -> bytes:
    """Read a body as it comes, to its end, its limit or the deadline."""
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(2**16, decode_content=True):
        size += len(part)
        if size > LARGEST_PAGE:
            raise TooLarge(
                f"The answer of {shown(response.url)} is too long",
                found=f"more than {LARGEST_PAGE:,} bytes",
                advice="Check the address: a page of records is smaller.",
            )
        if time.monotonic() > end:
            raise _down(response.url, "its answer does not end")
        parts.append(part)
    return b"".join(parts)


def _json(content: bytes, url: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        page = content.lstrip()[:1] == b"<"
        raise Unreadable(
            f"{shown(url)} does not answer in JSON",
            found="a web page, perhaps one to sign in" if page else str(error)[:200],
            advice="Check the url of this catalog in the facility file, or try again later.",
        ) from error


def _down(url: str, found: str) -> Unavailable:
    return Unavailable(
        f"{shown(url)} does not answer",
        found=found,
        advice="Try again later, or check the url in the facility file.",
    )


def _cause(error: BaseException) -> str:
    """Say what failed, without the query of the URL."""
    import requests

    if isinstance(error, requests.exceptions.Timeout):
        return "no answer within the timeout"
    if isinstance(error, requests.exceptions.ConnectionError) and "refused" in str(error):
        return "the connection is refused"
    name = type(error).__name__
    return "its answer breaks off" if name in _BROKEN else f"no connection ({name})"


_BROKEN = frozenset({"ProtocolError", "IncompleteRead", "ChunkedEncodingError", "DecodeError"})
