"""One request to a service, and its faults in Portal's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from portal.drivers.catalogs._http import LARGEST_ANSWER, body
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import Denied, PortalError, Unavailable, UnknownItem, Unreadable


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and from where: redirects may have led elsewhere."""

    url: str
    content: bytes


def fetch(
    reach: Reach,
    url: str,
    *,
    timeout: float,
    params: Mapping[str, str | int] | None = None,
    most: int = LARGEST_ANSWER,
    advice: str = "",
) -> bytes:
    """Ask for a document, redirects checked, and return its bytes: :func:`ask` tells the rest."""
    return ask(reach, url, timeout=timeout, params=params, most=most, advice=advice).content


def ask(
    reach: Reach,
    url: str,
    *,
    timeout: float,
    params: Mapping[str, str | int] | None = None,
    most: int = LARGEST_ANSWER,
    advice: str = "",
) -> Answer:
    """Ask for a document, redirects checked.

    Parameters
    ----------
    timeout
        Seconds without an answer.
    most
        Bytes of the longest answer that is taken.
    advice
        What to do where the service wants a login; a sentence.

    Raises
    ------
    Denied
        The address must not be reached, or the service refuses (401, 403).
    UnknownItem
        The service has no such document (404, 410).
    Unavailable
        It is down, too slow, too busy (429), or at fault (5xx).
    Unreadable, TooLarge
        It does not take the request, or the answer is too long.
    """
    with (
        faults(url),
        reach.session(timeout=timeout) as session,
        session.get(url, params=params, stream=True) as response,
    ):
        check_status(url, response.status_code, response.reason or "", advice)
        return Answer(response.url, body(response, most=most))


def rubbish(url: str, data: bytes, wanted: str) -> Unreadable:
    """Return the error of an answer that is not what was asked for."""
    return Unreadable(
        f"{shown(url)} did not answer with {wanted}",
        found=f"{len(data):,} bytes that start with {data[:60]!r}",
        advice="Check the address in the facility file; else the service is at fault.",
    )


def check_status(url: str, status: int, reason: str, advice: str = "") -> None:
    """Say what an HTTP status means, where it is no success.

    Raises
    ------
    Denied, UnknownItem, Unavailable, Unreadable
        As :func:`fetch` has them.
    """
    if status < 400:
        return
    where, found = shown(url), f"HTTP {status} {reason}".strip()
    if status in (401, 403):
        raise Denied(
            f"{where} refuses the request",
            found=found,
            advice=advice or "It wants a login that this driver does not have.",
        )
    if status in (404, 410):
        raise UnknownItem(
            f"{where} is not there", found=found, advice="Search again, or correct the address."
        )
    if status == 429 or status >= 500:
        raise Unavailable(
            f"{where} is at fault", found=found, advice="Try again later, or tell its operators."
        )
    raise Unreadable(
        f"{where} does not take the request", found=found, advice="Check the address and the query."
    )


@contextmanager
def faults(url: str) -> Iterator[None]:
    """Name the service in what goes wrong on the way to it and back.

    Raises
    ------
    Unavailable
        It is down, or too slow.
    Unreadable
        Its answer is broken, or it redirects without end.
    """
    where = shown(url)
    try:
        yield
    except PortalError:
        raise
    except requests.Timeout as error:
        raise Unavailable(
            f"{where} does not answer in time",
            found=type(error).__name__,
            advice="Try again later, or raise the option timeout in the facility file.",
        ) from error
    except (requests.TooManyRedirects, requests.exceptions.ContentDecodingError) as error:
        raise Unreadable(
            f"{where} cannot be read",
            found=type(error).__name__,
            advice="The service is at fault: tell its operators.",
        ) from error
    except (requests.RequestException, OSError) as error:
        raise Unavailable(
            f"{where} cannot be reached",
            found=type(error).__name__,
            advice="Check the network and the address, or wait until the service is up again.",
        ) from error
