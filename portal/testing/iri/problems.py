"""What is wrong with a request, in the form that the IRI Facility API has for it (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from portal.errors import Denied, InvalidInput, NotFound, PortalError, Unavailable

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Problem(Exception):
    """A request that is not answered as asked.

    Parameters
    ----------
    status
        The HTTP status, one of those that the document has.
    detail
        What is wrong, for a person.
    headers
        Sent with the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] = _NONE) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def to_dict(self, instance: str) -> dict[str, Any]:
        """Return the schema Problem; ``instance`` is the path of the request."""
        return {
            "type": "about:blank",
            "status": self.status,
            "title": HTTPStatus(self.status).phrase,
            "detail": self.detail,
            "instance": instance,
        }


def unauthorized() -> Problem:
    """Say that a token is missing, unknown or expired, and not which."""
    return Problem(401, "Bearer token is missing or invalid.", {"WWW-Authenticate": "Bearer"})


def invalid(error: ValidationError) -> Problem:
    """Say which fields of a request do not have the form of the document."""
    faults = (
        f"{'.'.join(str(part) for part in one['loc']) or 'the body'}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return Problem(400, "; ".join(faults))


def refused(error: PortalError) -> Problem:
    """Turn what the executor says of a job into an answer."""
    kinds = ((Denied, 403), (NotFound, 404), (InvalidInput, 422), (Unavailable, 503))
    return Problem(
        next((status for kind, status in kinds if isinstance(error, kind)), 500), str(error)
    )
