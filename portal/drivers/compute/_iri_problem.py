"""What an IRI service says is wrong (problem+json, RFC 9457), as errors that show it whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from portal.errors import Denied, InvalidParameter, NotFound, PortalError, TooLarge, Unavailable

_SHOWN: Final = 2000
_FIRST: Final = ("type", "title", "status", "detail", "instance")
_KINDS: Final[Mapping[int, type[PortalError]]] = {
    400: InvalidParameter,
    401: Denied,
    403: Denied,
    404: NotFound,
    409: InvalidParameter,
    413: TooLarge,
    422: InvalidParameter,
}
_ADVICE: Final[Mapping[int, str]] = {
    400: "Correct what it names.",
    403: "Ask the facility for the right to do this, or name another account or resource.",
    404: "Correct the name in the facility file, or see whether it has been removed.",
    409: "Ask again in a while.",
    422: "Correct what it names.",
    429: "Ask again in a while.",
    501: "This facility does not offer it.",
}


class Uncertain(Unavailable):
    """The answer was lost: it is not known whether what was asked for was done."""


def error_of(status: int, body: bytes, what: str) -> PortalError:
    """Return the error that an answer stands for.

    Parameters
    ----------
    what
        What was asked of whom: "POST /compute/job/… of https://…".
    """
    return _KINDS.get(status, Unavailable)(
        f"The IRI service did not do what it was asked: {what}",
        found=told(status, body),
        advice=_ADVICE.get(status, "Ask again later, or ask the facility."),
    )


def told(status: int, body: bytes) -> str:
    """Return in words all that a problem says: title, detail, status, type, instance, and more."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        text = " ".join(body.decode(errors="replace").split())
        return f"HTTP status {status}: {text[:_SHOWN] or 'an empty answer'}"
    words = [str(problem.get("title") or f"HTTP status {status}")]
    if problem.get("detail"):
        words.append(str(problem["detail"]))
    more: dict[str, Any] = {"status": problem.get("status", status)}
    more |= {name: problem[name] for name in ("type", "instance") if problem.get(name)}
    more |= {name: value for name, value in problem.items() if name not in _FIRST and value}
    listed = ", ".join(
        f"{name} {value if isinstance(value, str | int) else json.dumps(value)}"
        for name, value in more.items()
    )
    return f"{': '.join(words)} ({listed})"[:_SHOWN]


def retry_after(value: str | None) -> float | None:
    """Return the seconds that the header Retry-After asks for; None where it asks for nothing."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
