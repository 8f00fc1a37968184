"""STAC over HTTP: checked requests for pystac-client, and clear faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict
from urllib.parse import urljoin

from pystac.errors import STACError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from portal.drivers.catalogs._fetch import check_status, faults
from portal.drivers.catalogs._http import body
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._secret import SecretRef
from portal.errors import PortalError, Unreadable

_MOST_REDIRECTS = 5


class Request(TypedDict):
    """One question: what is sent is the query of a GET, or the JSON body of a POST."""

    href: str
    method: str
    parameters: dict[str, Any]


class CheckedIO(StacApiIO):
    """Requests of pystac-client, each checked: its redirects and the service's own links too.

    The key goes to the endpoints that the facility file names, and nowhere else.
    """

    def __init__(self, reach: Reach, timeout: float, secret: SecretRef, header: str) -> None:
        super().__init__(max_retries=None, timeout=timeout)
        self.session = reach.session(timeout=timeout)
        self._reach, self._secret, self._header = reach, secret, header

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Ask, and return the answer's text.

        Raises
        ------
        Denied, UnknownItem, Unavailable, Unreadable, TooLarge
        """
        method, name = (method or "GET").upper(), "params" if method != "POST" else "json"
        asked: dict[str, Any] = {name: parameters} if parameters else {}
        for _ in range(_MOST_REDIRECTS):
            with faults(href):
                self._reach.check(href)
                sent = {**(headers or {}), **self._key()} if self._reach.trusts(href) else {}
                with self.session.request(
                    method, href, headers=sent, stream=True, allow_redirects=False, **asked
                ) as answer:
                    target = self.session.get_redirect_target(answer)
                    status = answer.status_code
                    if target is None:
                        check_status(href, status, answer.reason or "", self._secret.advice)
                        return body(answer).decode("utf-8", "replace")
            href = urljoin(href, target)
            if status not in (307, 308):
                method, asked = "GET", {}
        raise Unreadable(
            f"{shown(href)} redirects without end",
            found=f"{_MOST_REDIRECTS} redirects",
            advice="Check the url in the facility file.",
        )

    def _key(self) -> dict[str, str]:
        key = self._secret.read()
        if key is None:
            return {}
        return {self._header: f"Bearer {key}" if self._header == "Authorization" else key}


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Name the service in whatever its answers are wrong in.

    Raises
    ------
    Unreadable
        They are not those of a STAC API.
    """
    try:
        yield
    except PortalError:
        raise
    except (STACError, APIError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable(
            f"{shown(url)} does not answer as a STAC API",
            found=f"{type(error).__name__}: {error}"[:200],
            advice="Check the url in the facility file: it is that of the API's landing page.",
        ) from error


def following(page: Mapping[str, Any], asked: Request) -> Request | None:
    """Return the request of the next page; None after the last."""
    link = next((x for x in page.get("links", ()) if x.get("rel") == "next"), None)
    if link is None or not page.get("features"):
        return None
    method = str(link.get("method", "GET")).upper()
    sent = dict(link.get("body") or {})
    if link.get("merge"):
        sent = dict(asked["parameters"] or {}) | sent
    href = urljoin(asked["href"], link["href"])
    return {"href": href, "method": method, "parameters": sent if method == "POST" else {}}
