"""Understand a text: which quantities, which place and which time its words name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from portal.core.query import Concept
from portal.core.understood import Period, Place, Understanding
from portal.words.chunks import Chunk, chunks
from portal.words.places import bare_places, find_place
from portal.words.tables import Words, load
from portal.words.times import find_time
from portal.words.units import dimension_of, find_units

if TYPE_CHECKING:
    from portal.words.semantic import Meanings

_SMALL_WORDS = (
    "a above across along an and around as at by during for from in inside near of off on or over"
    " the throughout to with within data dataset datasets what is are was were show me find"
)
_SMALL = frozenset(_SMALL_WORDS.split())
_HIDDEN = "\0"
#: Who writes these means words as they are.
_QUOTED = frozenset('"*-')

#: A quantity as it was found: where its words begin and end, and its standard names.
Phrase = tuple[int, int, tuple[str, ...]]


def understand(
    text: str,
    *,
    literal: Collection[str] = (),
    today: date | None = None,
    meanings: Meanings | None = None,
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
    meanings
        Finds a quantity by meaning where the tables know none of the words.

    Returns
    -------
    portal.core.understood.Understanding
    """
    tables = load()
    found = chunks(text, literal)
    taken: set[int] = set()
    period = _period(found, taken, today or datetime.now(UTC).date())
    place, offered = find_place(found, taken, tables) or (None, [])
    bare = bare_places(found, taken, tables)
    held = taken.union(*(where for where, _ in bare))
    concepts = _concepts(found, taken, held, tables)
    rest = _rest(found, taken) if taken else text.strip()
    if meanings and not concepts and not literal and not _QUOTED.intersection(rest):
        near = meanings.concept(rest)
        concepts, rest = ((near,), "") if near else ((), rest)
    return Understanding(
        original=text,
        text=rest,
        concepts=concepts,
        place=place,
        time=period,
        offers=_different([*offered, *(place for _, place in bare)]),
    )


def _period(found: Sequence[Chunk], taken: set[int], today: date) -> Period | None:
    line = " ".join(chunk.core or _HIDDEN for chunk in found)
    if (hit := find_time(line, today)) is None:
        return None
    begin, end, interval = hit
    first = line.count(" ", 0, begin)
    taken.update(range(first, first + line.count(" ", begin, end) + 1))
    return Period(line[begin:end], interval)


def _concepts(
    found: Sequence[Chunk], taken: set[int], held: set[int], tables: Words
) -> tuple[Concept, ...]:
    """Take the quantities and the units that they are asked for in."""
    phrases = list(_phrases(found, held, tables))
    units: dict[int, str] = {}
    for start, end, _ in phrases:
        taken.update(range(start, end))
    for start, end, said in find_units(found, held | taken):
        before = [i for i, phrase in enumerate(phrases) if phrase[1] <= start]
        which = before[-1] if before else 0
        if not phrases or which in units:
            continue
        begin, stop, names = phrases[which]
        dimension = dimension_of(said)
        kept = tuple(n for n in names if dimension_of(tables.units[n]) == dimension)
        if kept:
            phrases[which] = begin, stop, kept
            units[which] = said
            taken.update(range(start, end))
    made: dict[tuple[tuple[str, ...], str], Concept] = {}
    for which, (begin, stop, names) in enumerate(phrases):
        words = " ".join(chunk.core for chunk in found[begin:stop])
        concept = Concept(words, tables.with_former(names), units.get(which, ""))
        made.setdefault((names, concept.units), concept)
    return tuple(made.values())


def _phrases(found: Sequence[Chunk], held: set[int], tables: Words) -> Iterator[Phrase]:
    """Give the longest phrases of the tables, from left to right."""
    start = 0
    while start < len(found):
        best: Phrase = (start, start + 1, ())
        for end in range(start + 1, min(start + _limit(found[start], tables), len(found)) + 1):
            if end - 1 in held or not found[end - 1].words:
                break
            if names := tables.names_of(found[start:end]):
                best = (start, end, names)
        if best[2]:
            yield best
        start = best[1]


def _limit(first: Chunk, tables: Words) -> int:
    """Return how many words a phrase can have that begins so."""
    if not first.words:
        return 0
    return max(tables.longest.get(word, 0) for word in (first.words[0], first.plain[0]))


def _rest(found: Sequence[Chunk], taken: set[int]) -> str:
    """Return the words that were not taken, without small ones at both ends."""
    left = [chunk for i, chunk in enumerate(found) if i not in taken]
    while left and _is_small(left[0]):
        left.pop(0)
    while left and _is_small(left[-1]):
        left.pop()
    return " ".join(chunk.raw for chunk in left)


def _is_small(chunk: Chunk) -> bool:
    if chunk.core:
        return chunk.core.casefold() in _SMALL or not chunk.words
    return not any(character.isalnum() for character in chunk.raw)


def _different(places: Sequence[Place]) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(places))
