"""What the faces are told: JSON values from the federation, and a query from JSON values.

The widgets and the server's routes give the same answers, because both make them here. The shapes
are those of ``extensions/src/components/backend.ts``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from portal.core.found import SearchResult
from portal.core.item import Item
from portal.core.job import JobState
from portal.core.query import Query
from portal.core.run import EVENTS
from portal.errors import InvalidInput, InvalidQuery, PortalError
from portal.federation.federation import Federation
from portal.federation.runs import Run

T = TypeVar("T")

#: A record's own fields may be anything: what reading one of them can raise.
BAD_FIELD = (PortalError, AttributeError, KeyError, TypeError, ValueError)
LOG_BYTES = 8_192
QUERY_LISTS = ("facilities", "variables", "keywords")
QUERY_KEYS = ("text", "bbox", "time", *QUERY_LISTS, "limit", "offset")


def search(fed: Federation, values: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a Query given as JSON values.

    Raises
    ------
    InvalidQuery
        A key is unknown, or a value cannot be taken.
    """
    return found(fed.find(query(values)))


def query(values: object) -> Query:
    """Read a Query from JSON values; what is left out takes its default.

    Raises
    ------
    InvalidQuery
        A key is unknown, or a value cannot be taken.
    """
    if not isinstance(values, Mapping):
        raise InvalidQuery(
            "A search is a mapping",
            found=f"a {type(values).__name__}",
            advice=f"Its keys are {', '.join(QUERY_KEYS)}; all may be left out.",
        )
    for key in values:
        if key not in QUERY_KEYS:
            raise InvalidQuery(
                f"A search has no {key!r}",
                found=f"keys: {', '.join(map(str, values))}",
                advice=f"Its keys are {', '.join(QUERY_KEYS)}.",
            )
    given = {key: value for key, value in values.items() if value is not None}
    return Query.of(
        _take(given, "text", str, "a text", ""),
        bbox=_take(given, "bbox", list, "a list of four numbers", None),
        time=_take(given, "time", str, "a text", None),
        facility=_names(given, "facilities"),
        variable=_names(given, "variables"),
        keyword=_names(given, "keywords"),
        limit=_take(given, "limit", int, "a whole number", 20),
        offset=_take(given, "offset", int, "a whole number", 0),
    )


def _take(values: Mapping[str, Any], key: str, kind: type[T], what: str, default: Any) -> Any:
    value = values.get(key, default)
    if value is default or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    raise InvalidQuery(
        f"The search's {key!r} is {what}", found=repr(value)[:200], advice="Correct it."
    )


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = _take(values, key, list, "a list of texts", [])
    for name in names:
        if not isinstance(name, str):
            raise InvalidQuery(
                f"The search's {key!r} is a list of texts",
                found=repr(name)[:200],
                advice="Correct it.",
            )
    return tuple(names)


def found(result: SearchResult) -> dict[str, Any]:
    """Return a SearchResult as JSON values; ``took_ms`` is in milliseconds."""
    facets = {
        name: [{"value": f.value, "count": f.records} for f in result.facets.get(name, ())]
        for name in ("facility", "variable", "keyword")
    }
    return {
        "total": result.total,
        "took_ms": round(result.took * 1000, 1),
        "relaxed": result.relaxed,
        "hits": [
            _hit(item, score) for item, score in zip(result.items, result.scores, strict=True)
        ],
        "facets": facets,
        "problems": [{"facility": p.facility, "reason": p.reason} for p in result.problems],
    }


def _hit(item: Item, score: float) -> dict[str, Any]:
    return _described(item) | {
        "score": score,
        "variables": _or(lambda: [v.name for v in item.variables], []),
    }


def _described(item: Item) -> dict[str, Any]:
    """What a hit and an item's details share."""
    box = _or(lambda: item.bbox, None)
    interval = _or(lambda: item.interval, None)
    start, end = (interval.start, interval.end) if interval else (None, None)
    return {
        "id": item.id,
        "title": item.title,
        "description": item.description,
        "facility": item.facility,
        "bbox": None if box is None else box.to_list(),
        "start": None if start is None else start.isoformat(),
        "end": None if end is None else end.isoformat(),
        "keywords": _or(lambda: list(item.keywords), []),
        "license": item.license,
    }


def _or(read: Callable[[], Any], otherwise: Any) -> Any:
    """Read a field of a record; a bad one is as if it were missing."""
    try:
        return read()
    except BAD_FIELD:
        return otherwise


def item(fed: Federation, item_id: object) -> dict[str, Any]:
    """Return a record's details and, where it can be opened, the lazy dataset's representation.

    A dataset that cannot be opened is no error here: ``problem`` says why.

    Raises
    ------
    InvalidInput, UnknownFacility, UnknownItem, Denied
    """
    record = fed.item(_text(item_id, "dataset id"))
    html, problem = _representation(fed, record)
    sizes = _or(lambda: {d.name: d.size for d in record.dimensions}, {})
    return _described(record) | {
        "facility_name": fed.facilities[record.facility].name,
        "providers": _or(
            lambda: [
                {"name": p.name, "roles": list(p.roles), "url": p.url} for p in record.providers
            ],
            [],
        ),
        "citation": record.citation,
        "doi": record.doi or None,
        "variables": _or(
            lambda: [
                {
                    "name": v.name,
                    "long_name": v.long_name,
                    "standard_name": v.standard_name,
                    "units": v.units,
                    "dims": list(v.dims),
                    "shape": [sizes.get(d) for d in v.dims],
                }
                for v in record.variables
            ],
            [],
        ),
        "repr_html": html,
        "problem": problem,
        "code": f'ds = fed.open("{record.id}")\nds',
    }


def _representation(fed: Federation, record: Item) -> tuple[str | None, str | None]:
    try:
        return fed.open(record)._repr_html_(), None
    except PortalError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - a driver is a plug-in: any fault of it is named
        return None, f"The dataset cannot be opened: {type(error).__name__}: {error}"


def runs(fed: Federation, *, limit: int = 100) -> list[dict[str, Any]]:
    """Return the newest runs; one whose directory is damaged is listed as "unreadable"."""
    return [_summary(run) for run in fed.runs()[:limit]]


def _summary(run: Run) -> dict[str, Any]:
    try:
        spec = run.spec
        return {
            "id": run.id,
            "analysis": spec.analysis.name,
            "state": run.state.value,
            "at": run.at,
            "created": spec.created,
            "title": run.title,
        }
    except PortalError as error:
        summary = {"id": run.id, "analysis": "", "state": "unreadable", "at": run.at}
        return summary | {"created": "", "title": str(error)}


def run(fed: Federation, run_id: object) -> dict[str, Any]:
    """Return what is known of a run; see :func:`update`.

    Raises
    ------
    InvalidInput, UnknownRun, Denied
    """
    return update(fed.get_run(_text(run_id, "run id")))


def update(run: Run) -> dict[str, Any]:
    """Return all that is known of a run.

    ``offset`` is the size of its events.jsonl, bytes: what has the same offset and state brings no
    news. ``elapsed`` is in seconds, from the start to the end or to now.
    """
    size = _size(run)
    status = run.status()
    until = status.ended or time.time()
    return {
        "id": run.id,
        "analysis": run.spec.analysis.name,
        "title": run.title,
        "at": run.at,
        "state": status.state.value,
        "created": run.spec.created,
        "elapsed": max(0.0, until - status.started) if status.started else 0.0,
        "offset": size,
        "progress": status.progress.to_dict() if status.progress else None,
        "message": status.message,
        "error": _error(status.error),
        "log": run.log(LOG_BYTES),
        "result_html": _result(run) if status.state is JobState.COMPLETED else None,
        "directory": run.directory.path,
    }


def _size(run: Run) -> int:
    try:
        return int(run.directory.fs.size(run.directory.file(EVENTS)) or 0)
    except FileNotFoundError:
        return 0


def _error(error: Mapping[str, str] | None) -> dict[str, str] | None:
    return (
        None if error is None else {k: error.get(k, "") for k in ("type", "message", "traceback")}
    )


def _result(run: Run) -> str | None:
    try:
        html: str = run.result()._repr_html_()
    except (PortalError, OSError, ValueError, KeyError):
        # The run has completed and says so; a result that has gone since is told when it is read.
        return None
    return html


def cancel(fed: Federation, run_id: object) -> None:
    """End a run.

    Raises
    ------
    InvalidInput, UnknownRun, Denied
    """
    fed.get_run(_text(run_id, "run id")).cancel()


def facilities(fed: Federation) -> list[dict[str, Any]]:
    """Return the facilities configured here; drivers by name, never their options."""
    return [
        {
            "id": facility.id,
            "name": facility.name,
            "description": facility.description,
            "homepage": facility.homepage,
            "access": facility.access,
            "catalogs": {name: c.driver for name, c in facility.catalogs.items()},
            "computes": {name: c.driver for name, c in facility.computes.items()},
            "source": facility.source,
        }
        for facility in fed.facilities.values()
    ]


def failure(error: PortalError) -> dict[str, str]:
    """Return an error as the faces show it."""
    return {"kind": type(error).__name__, "message": str(error)}


def unexpected(reference: str) -> dict[str, str]:
    """Return what is shown of a fault of Portal's own; the log has the rest under the reference."""
    return {
        "kind": "InternalError",
        "message": f"Portal failed on its own side. Its log tells more under {reference}.",
    }


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"A {what} is a text", found=repr(value)[:200], advice="Give one.")
    return value
