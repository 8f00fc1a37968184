"""What the faces are told of datasets: JSON values from the federation, and a query from JSON values.

The widgets and the server's routes give the same answers, because both make them here. The shapes
are those of ``extensions/src/components/backend.ts``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from portal.core.found import SearchResult
from portal.core.item import Item
from portal.core.query import Interval
from portal.core.understood import Place, Understanding
from portal.errors import InvalidInput, InvalidQuery, PortalError
from portal.federation.federation import Federation
from portal.federation.interpret import interpret
from portal.federation.lanes import DEADLINE
from portal.ui.details import described, details, or_else
from portal.ui.messages import text

QUERY_LISTS = ("facilities", "variables", "keywords", "literal")
QUERY_KEYS = ("text", "bbox", "time", *QUERY_LISTS, "limit", "offset", "sort", "wait")
#: The longest that a face may ask to wait for live catalogs, seconds.
LONGEST_WAIT = 60.0
MOST_EXPORTED = 1_000


def search(fed: Federation, values: object) -> dict[str, Any]:
    """Answer a query given as JSON values.

    Raises
    ------
    InvalidQuery
        A key is unknown, or a value cannot be taken.
    """
    given = arguments(values)
    return found(fed.search(**given))


def timeline(fed: Federation, values: object) -> dict[str, Any]:
    """Return the density over the years of what a query finds, its own time aside.

    Raises
    ------
    InvalidQuery
        A key is unknown, or a value cannot be taken.
    """
    given = arguments(values)
    del given["wait"]
    bins = fed.timeline(interpret(**given, meanings=fed.meanings)[0])
    return {"bins": [{"start": b.start, "end": b.end, "count": b.records} for b in bins]}


def arguments(values: object) -> dict[str, Any]:
    """Read the keywords of :meth:`Federation.search` from JSON values; what is left out takes its default.

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
    wait = _take(given, "wait", (int, float), "a number of seconds", DEADLINE)
    return {
        "text": _take(given, "text", (str,), "a text", ""),
        "bbox": _take(given, "bbox", (list,), "a list of four numbers", None),
        "time": _take(given, "time", (str,), "a text", None),
        "facility": _names(given, "facilities"),
        "variable": _names(given, "variables"),
        "keyword": _names(given, "keywords"),
        "limit": _take(given, "limit", (int,), "a whole number", 20),
        "offset": _take(given, "offset", (int,), "a whole number", 0),
        "sort": _take(given, "sort", (str,), "a text", "relevance"),
        "literal": _names(given, "literal"),
        "wait": min(max(0.0, float(wait)), LONGEST_WAIT),
    }


def _take(
    values: Mapping[str, Any], key: str, kinds: tuple[type, ...], what: str, default: Any
) -> Any:
    value = values.get(key, default)
    if value is default or (isinstance(value, kinds) and not isinstance(value, bool)):
        return value
    raise InvalidQuery(
        f"The search's {key!r} is {what}", found=repr(value)[:200], advice="Correct it."
    )


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = _take(values, key, (list,), "a list of texts", [])
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
            _hit(item, score, result.copies.get(item.id, ()))
            for item, score in zip(result.items, result.scores, strict=True)
        ],
        "facets": facets,
        "pending": list(result.pending),
        "problems": [{"facility": p.facility, "reason": p.reason} for p in result.problems],
        "understood": _understood(result.understood),
    }


def _hit(item: Item, score: float, copies: tuple[Item, ...]) -> dict[str, Any]:
    return described(item) | {
        "score": score,
        "variables": or_else(lambda: [v.name for v in item.variables], []),
        "sources": _sources(copies),
        "quicklook": or_else(lambda: any("data" in a.roles for a in item.assets.values()), False),
    }


def _sources(copies: tuple[Item, ...]) -> list[dict[str, str]]:
    """Return records of the same dataset elsewhere as a face lists them."""
    return [{"id": c.id, "facility": c.facility, "title": c.title} for c in copies]


def _understood(meant: Understanding | None) -> dict[str, Any] | None:
    if meant is None:
        return None
    return {
        "text": meant.text,
        "concepts": [
            {"words": c.words, "names": list(c.names), "units": c.units} for c in meant.concepts
        ],
        "place": None if meant.place is None else _place(meant.place),
        "time": None
        if meant.time is None
        else {"words": meant.time.words} | _ends(meant.time.interval),
        "offers": [_place(place) for place in meant.offers],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"words": place.words, "name": place.name, "bbox": place.bbox.to_list()}


def _ends(interval: Interval) -> dict[str, str | None]:
    ends = {"start": interval.start, "end": interval.end}
    return {key: None if end is None else end.isoformat() for key, end in ends.items()}


def item(fed: Federation, item_id: object) -> dict[str, Any]:
    """Return a record's details and, where it can be opened, the lazy dataset's representation.

    A dataset that cannot be opened is no error here: ``problem`` says why.

    Raises
    ------
    InvalidInput, UnknownFacility, UnknownItem, Denied
    """
    record = fed.item(text(item_id, "dataset id"))
    html, problem = _representation(fed, record)
    return details(record, fed.facilities[record.facility]) | {
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


def quicklook(fed: Federation, item_id: object) -> dict[str, str | None]:
    """Return a small picture of a dataset as a data URL, or why there is none.

    Raises
    ------
    InvalidInput, UnknownFacility, UnknownItem, Denied
    """
    record = fed.item(text(item_id, "dataset id"))
    try:
        picture = fed.quicklook(record)
    except PortalError as error:
        return {"url": None, "problem": str(error)}
    except Exception as error:  # noqa: BLE001 - a driver is a plug-in: any fault of it is named
        return {"url": None, "problem": f"It cannot be drawn: {type(error).__name__}: {error}"}
    coded = base64.b64encode(picture).decode("ascii")
    return {"url": f"data:image/png;base64,{coded}", "problem": None}


def export(fed: Federation, values: Mapping[str, Any]) -> dict[str, str]:
    """Return records in another format, as the file that a browser saves.

    Raises
    ------
    InvalidInput
        The ids are no list of texts, are too many, or the format is unknown.
    UnknownFacility, UnknownItem, Denied
    """
    ids, name = values.get("ids"), values.get("format")
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids) or not ids:
        raise InvalidInput(
            "An export names its datasets", found=repr(ids)[:200], advice="Give a list of ids."
        )
    if len(ids) > MOST_EXPORTED:
        raise InvalidInput(
            f"At most {MOST_EXPORTED} datasets are exported at once",
            found=f"{len(ids)}",
            advice="Export them in parts.",
        )
    from portal.export import FORMATS

    chosen = text(name, "format")
    written = fed.export(ids, chosen)
    kind = FORMATS[chosen]
    stem = ids[0].replace(":", "-").replace("/", "-") if len(ids) == 1 else "datasets"
    return {"name": f"{stem}{kind.suffix}", "type": kind.media_type, "text": written}


def saved(fed: Federation) -> list[dict[str, Any]]:
    """Return the saved searches."""
    return fed.searches.list()


def save(fed: Federation, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Keep a search under a name, in the place of another of that name; return all of them.

    Raises
    ------
    InvalidInput
        The name is none, or the query cannot be taken.
    """
    query = values.get("query")
    arguments(query)
    assert isinstance(query, Mapping)
    fed.searches.save(text(values.get("name"), "name"), query)
    return fed.searches.list()


def forget(fed: Federation, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Drop a saved search; return those that are left.

    Raises
    ------
    InvalidInput
        The name is none.
    """
    fed.searches.forget(text(values.get("name"), "name"))
    return fed.searches.list()


METHODS: Mapping[str, Callable[[Federation, Any], Any]] = {
    "search": search,
    "timeline": timeline,
    "item": lambda fed, params: item(fed, params.get("id")),
    "quicklook": lambda fed, params: quicklook(fed, params.get("id")),
    "export": export,
    "saved": lambda fed, _: saved(fed),
    "save": save,
    "forget": forget,
}
