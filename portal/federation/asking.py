"""Asking: what a catalog that searches by itself is asked, and what of its answer is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from portal.core.contracts import SupportsGet, SupportsSearch
from portal.core.found import Problem
from portal.core.item import Item, split_id
from portal.core.match import matches
from portal.core.query import Query
from portal.errors import PortalError
from portal.federation.warned import collected

#: Warnings of one answer that are told, and the characters of a reason.
_WARNINGS, _LENGTH = 5, 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one catalog answered.

    Parameters
    ----------
    items
        The records, in the catalog's own order, each once.
    weight
        Their characters.
    """

    facility: str
    catalog: str
    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()
    weight: int = 0

    @property
    def empty(self) -> bool:
        """Whether it has no records, for a fault or because there are none."""
        return not self.items


def search(facility: str, name: str, catalog: SupportsSearch, query: Query) -> Answer:
    """Ask a catalog. Whatever it does is an answer: what is no hit is left out and named."""

    def ask() -> list[Any]:
        return list(islice(catalog.search(query), query.limit))

    given, problems = _careful(facility, name, ask, "It could not be searched.")
    kept: dict[str, Item] = {}
    faults: Counter[str] = Counter()
    for item in given or ():
        fault = _fault(item, facility, query)
        if fault:
            faults[fault] += 1
        else:
            kept.setdefault(item.id, item)
    problems += tuple(
        Problem(
            facility,
            f"{count} of the {len(given or ())} records it gave were left out: {fault}.",
            name,
        )
        for fault, count in faults.items()
    )
    weight = sum(len(item.text) for item in kept.values())
    return Answer(facility, name, tuple(kept.values()), problems, weight)


def get(facility: str, name: str, catalog: SupportsGet, item_id: str) -> Answer:
    """Ask a catalog for one record; no items where it has none of this id."""
    local_id = item_id.partition(":")[2]
    item, problems = _careful(
        facility, name, lambda: catalog.get(local_id), "It could not be asked for a record."
    )
    if item is None:
        return Answer(facility, name, (), problems)
    fault = _fault(item, facility, Query()) or (
        "" if item.id == item_id else f"its id is {item.id!r}"
    )
    if not fault:
        return Answer(facility, name, (item,), weight=len(item.text))
    return Answer(
        facility, name, (), (Problem(facility, f"It gave a wrong record: {fault}.", name),)
    )


def _careful(
    facility: str, name: str, ask: Callable[[], Any], failed: str
) -> tuple[Any, tuple[Problem, ...]]:
    """Return what was given, and what was warned of or went wrong."""

    def problem(said: str) -> Problem:
        return Problem(facility, said if len(said) <= _LENGTH else f"{said[:_LENGTH]}…", name)

    with collected() as texts:
        try:
            given = ask()
        except BaseException as error:  # noqa: BLE001 - a plug-in: any fault, of native parts too, is named
            known = isinstance(error, PortalError)
            said = str(error) if known else f"{type(error).__name__}: {error}"
            return None, (problem(f"{failed} {said}"),)
    return given, tuple(problem(text) for text in list(dict.fromkeys(texts))[:_WARNINGS])


def _fault(item: object, facility: str, query: Query) -> str:
    """Say why something that a catalog gave is no hit; empty for a hit."""
    if not isinstance(item, Item):
        return f"{type(item).__name__} instead of Item"
    try:
        _ = split_id(item.id), item.title, item.assets
        if item.facility != facility:
            return f"records of another facility ({item.facility})"
        return "" if matches(item, query) else "they do not match the place, time or facets"
    except (
        PortalError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        return f"they cannot be read ({type(error).__name__})"
