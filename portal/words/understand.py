"""Understand a text: which quantities, which place and which time its words name."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from portal.core.query import Concept
from portal.core.understood import Understanding
from portal.words.chunks import Chunk, chunks
from portal.words.tables import Words, load

_SMALL_WORDS = (
    "a above across along an and around as at by during for from in inside near of off on or over"
    " the throughout to with within data dataset datasets"
)
_SMALL = frozenset(_SMALL_WORDS.split())


def understand(
    text: str, *, literal: Collection[str] = (), today: date | None = None
) -> Understanding:
    """Tell what a text asks for; nothing is read but the shipped tables.

    Parameters
    ----------
    text
        What a person typed; any text is taken. Words in double quotes, words after a "-" and words
        with a star stay words.
    literal
        Phrases, as an earlier understanding showed them, that shall stay words.
    today
        The day that "last year" counts from; by default the day it is (UTC).

    Returns
    -------
    portal.core.understood.Understanding
    """
    found = chunks(text, literal)
    tables = load()
    taken: set[int] = set()
    concepts = _concepts(found, taken, tables)
    left = " ".join(_rest(found, taken)) if taken else text.strip()
    return Understanding(text, left, tuple(concepts))


def _concepts(found: list[Chunk], taken: set[int], tables: Words) -> list[Concept]:
    """Take the longest phrases of the tables, from left to right."""
    made: dict[tuple[str, ...], Concept] = {}
    start = 0
    while start < len(found):
        end, names = _longest(found, start, taken, tables)
        if names:
            words = " ".join(chunk.core for chunk in found[start:end])
            made.setdefault(names, Concept(words, names))
            taken.update(range(start, end))
        start = max(end, start + 1)
    return list(made.values())


def _longest(
    found: list[Chunk], start: int, taken: set[int], tables: Words
) -> tuple[int, tuple[str, ...]]:
    best: tuple[int, tuple[str, ...]] = (start, ())
    first = found[start]
    if not first.words:
        return best
    limit = max(tables.longest.get(word, 0) for word in (first.words[0], first.plain[0]))
    for end in range(start + 1, min(start + limit, len(found)) + 1):
        if end - 1 in taken or not found[end - 1].words:
            break
        if names := tables.names(found[start:end]):
            best = (end, names)
    return best


def _rest(found: list[Chunk], taken: set[int]) -> list[str]:
    """Return the chunks that were not taken, without small words at both ends."""
    left = [chunk for i, chunk in enumerate(found) if i not in taken]
    while left and _is_small(left[0]):
        left.pop(0)
    while left and _is_small(left[-1]):
        left.pop()
    return [chunk.raw for chunk in left]


def _is_small(chunk: Chunk) -> bool:
    return chunk.core.casefold() in _SMALL if chunk.core else not any(map(str.isalnum, chunk.raw))
