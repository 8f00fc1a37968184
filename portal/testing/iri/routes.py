"""Routes as plain functions: a request in, a value out; they know no web framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.testing.iri.facility import Facility
from portal.testing.iri.files import Files
from portal.testing.iri.jobs import Jobs
from portal.testing.iri.problems import Problem
from portal.testing.iri.records import Records
from portal.testing.iri.tasks import Tasks


@dataclass(frozen=True, slots=True)
class House:
    """What the routes work on."""

    facility: Facility
    jobs: Jobs
    files: Files
    tasks: Tasks


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Parameters
    ----------
    base
        The URL that the paths of this version begin with.
    path, query, headers
        Its parameters; names of headers in small letters.
    upload
        The bytes of the file of a form.
    """

    version: int
    base: str
    path: Mapping[str, str]
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    upload: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than 200 with a value."""

    status: int
    value: Any = None


Handler = Callable[[House, Call], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; ``path`` is that after the version. Open ones need no token."""

    method: str
    path: str
    handler: Handler
    open: bool = False
    form: bool = False


def records(house: House, call: Call) -> Records:
    """Return the records in the form of the request's version."""
    return Records(house.facility, call.version, call.base)


def one(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the record of an id.

    Raises
    ------
    Problem
        There is none (404).
    """
    for record in found:
        if record["id"] == name:
            return record
    raise Problem(404, f"There is nothing here with the id {name!r}.")


def newer(record: dict[str, Any], since: datetime | None) -> bool:
    """Say whether a record has changed since a time."""
    return since is None or datetime.fromisoformat(record["last_modified"]) > since


def has(record: dict[str, Any], key: str, wanted: str | None) -> bool:
    """Say whether a text of a record has a word in it."""
    return wanted is None or wanted.casefold() in str(record.get(key) or "").casefold()
