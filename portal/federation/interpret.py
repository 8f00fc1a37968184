"""Interpret: from the words that a person types to a query, with what was understood of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from portal.core.query import BBox, Interval, Query, Sort
from portal.core.understood import Understanding

if TYPE_CHECKING:
    from portal.words.semantic import Meanings

Box = BBox | Sequence[float]
Time = Interval | str | datetime | Sequence[str | datetime | None]


def interpret(
    text: str = "",
    *,
    bbox: Box | None = None,
    time: Time | None = None,
    facility: str | Iterable[str] = (),
    variable: str | Iterable[str] = (),
    keyword: str | Iterable[str] = (),
    limit: int = 20,
    offset: int = 0,
    sort: Sort = "relevance",
    literal: Collection[str] = (),
    meanings: Meanings | None = None,
) -> tuple[Query, Understanding]:
    """Make a Query of what a person typed and chose, see :meth:`Finding.search`.

    The quantities, the place and the time that the words name become demands of the query, and
    what is left stays as its text. A box or a time that is given stands above one in words, whose
    words are taken off all the same.

    Parameters
    ----------
    literal
        Phrases of the text that are words and mean nothing else.
    meanings
        Finds quantities by meaning, see :func:`portal.words.understand`.

    Raises
    ------
    InvalidQuery
        A value cannot be taken.
    """
    query = Query.of(
        text,
        bbox=bbox,
        time=time,
        facility=facility,
        variable=variable,
        keyword=keyword,
        limit=limit,
        offset=offset,
        sort=sort,
    )
    if not query.text:
        return query, Understanding(text, "")
    from portal.words import understand

    meant = understand(query.text, literal=literal, meanings=meanings)
    place, period = meant.place, meant.time
    return replace(
        query,
        text=meant.text,
        concepts=meant.concepts,
        bbox=query.bbox or (place.bbox if place else None),
        time=query.time or (period.interval if period else None),
    ), meant
