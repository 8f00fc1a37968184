"""What a search found, as values: the records, their facets, and the sources that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from portal.core.item import Item
from portal.core.query import Interval, Query
from portal.core.understood import Understanding
from portal.errors import InvalidInput


class Facet(NamedTuple):
    """A value that a facet of the search has, and the number of matching records that have it."""

    value: str
    records: int


class Bin(NamedTuple):
    """A span of years, and the number of matching records whose time touches it.

    ``start`` is the first year, ``end`` the last one.
    """

    start: int
    end: int
    records: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A source that failed, or a record of it, and why; the rest went on without it.

    Parameters
    ----------
    facility
        The id of the facility.
    reason
        What happened, in a sentence or two.
    catalog
        The catalog's name within the facility, where it is known.
    """

    facility: str
    reason: str
    catalog: str = ""

    def __str__(self) -> str:
        where = f"{self.facility} ({self.catalog})" if self.catalog else self.facility
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True, repr=False)
class SearchResult(Sequence[Item]):
    """One page of the records that a search found, best first: a sequence of Items.

    Parameters
    ----------
    items
        The records of the page.
    scores
        The relevance of each, in the order of ``items``; comparable within one result only.
    total
        Number of records that match: exact for the index; of a live catalog, those it gave.
    facets
        For "facility", "variable" and "keyword" the values of the matching records, most
        frequent first. A facet that is filtered by is counted as if it were not.
    problems
        The sources that failed, each with its reason.
    took
        Seconds.
    relaxed
        True where no record has every word, and those that have any of them are given.
    pending
        The facilities that had not answered yet; empty when the search is over.
    copies
        For the id of an item, the records of the same dataset (same DOI or same asset) elsewhere.
    understood
        What the words were taken to mean; None where they were taken as they are.
    """

    query: Query
    items: tuple[Item, ...] = ()
    scores: tuple[float, ...] = ()
    total: int = 0
    facets: Mapping[str, tuple[Facet, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    took: float = 0.0
    relaxed: bool = False
    pending: tuple[str, ...] = ()
    copies: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    understood: Understanding | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        try:
            return self.items[index]
        except IndexError as error:
            raise IndexError(
                f"There is no hit {index}: this page of {self.query.text!r} has {len(self)} of "
                f"{self.total} records. Use other words, or limit= and offset= for another page."
            ) from error

    def __repr__(self) -> str:
        lines = [self._summary()]
        if self.understood:
            lines.append(f"  understood: {_cut(str(self.understood), 140)}")
        if self.items:
            ids = max(len(_cut(item.id, 44)) for item in self.items)
            number = len(str(len(self) - 1))
            lines += [
                f"  [{i:>{number}}] {_cut(item.id, 44):<{ids}}  {_cut(item.title, 48):<48}  {_when(item)}"
                for i, item in enumerate(self.items)
            ]
        lines += [f"  … waiting for {', '.join(self.pending)}"] if self.pending else []
        lines += [f"  ! {problem}" for problem in self.problems]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        from html import escape

        line = "border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.4))"
        cell = f"text-align:left;vertical-align:top;padding:.25em .75em .25em 0;{line}"
        head = "".join(
            f'<th style="{cell}">{name}</th>'
            for name in ("", "Title", "Facility", "Variables", "Time", "Id")
        )
        rows = "".join(
            "<tr>"
            + "".join(f'<td style="{cell}">{escape(text)}</td>' for text in _row(i, item))
            + "</tr>"
            for i, item in enumerate(self.items)
        )
        table = (
            f'<table style="border-collapse:collapse;color:inherit;background:transparent">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            if self.items
            else ""
        )
        warn = "color:var(--jp-warn-color0,#b35900)"
        problems = "".join(
            f'<li style="{warn}">{escape(str(problem))}</li>' for problem in self.problems
        )
        understood = f"<p>Understood: {escape(str(self.understood))}</p>" if self.understood else ""
        waiting = f"<p>Waiting for {escape(', '.join(self.pending))}.</p>" if self.pending else ""
        return (
            f'<div class="portal-search"><p>{escape(self._summary())}</p>{understood}{table}{waiting}'
            f"{f'<ul>{problems}</ul>' if problems else ''}</div>"
        )

    def _summary(self) -> str:
        shown = f"{len(self)} of {self.total} records" if self.total else "No records"
        words = f" for {_cut(self.query.text, 60)!r}" if self.query.text else ""
        relaxed = " (none has every word)" if self.relaxed and self.total else ""
        failed = f", {len(self.problems)} problems" if self.problems else ""
        return f"{shown}{words}{relaxed} in {self.took * 1000:.0f} ms{failed}"


def _row(number: int, item: Item) -> tuple[str, ...]:
    variables = ", ".join(variable.name for variable in item.variables[:6])
    return (str(number), item.title, item.facility, _cut(variables, 80), _when(item), item.id)


def _when(item: Item) -> str:
    try:
        interval = item.interval
    except InvalidInput:
        return "unreadable time"
    return "" if interval is None else _days(interval)


def _days(interval: Interval) -> str:
    start, end = (x.date().isoformat() if x else ".." for x in (interval.start, interval.end))
    return start if start == end else f"{start}/{end}"


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
