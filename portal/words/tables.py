"""The shipped tables, read once and held together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TypeVar

from portal.core.query import BBox
from portal.words.chunks import Chunk, keys

#: Standard names that are other words too often: they are no quantities that a person looks for.
_PLAIN_WORDS = frozenset(
    ("institution", "latitude", "longitude", "realization", "region", "source", "time")
)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Named:
    """A place of the gazetteer; ``kind`` is state, country, region, sea or lab."""

    kind: str
    name: str
    box: BBox


@dataclass(frozen=True, slots=True)
class Words:
    """The shipped tables.

    Phrases are held as :func:`portal.words.chunks.keys` writes them, with spaces between.
    Abbreviations that are other words in lower case are held in capitals, and found only so.

    Parameters
    ----------
    units
        CF standard names and their canonical units.
    former
        CF standard names and the names that they had before.
    spelled
        Former names, and names that have capitals, all in lower case, and the names of today.
    synonyms
        Phrases and the standard names that they mean, the likeliest first.
    places
        Phrases and the places that they name, the likeliest first.
    longest, longest_place
        Words in the longest phrase that begins with a word.
    """

    units: dict[str, str] = field(default_factory=dict, repr=False)
    former: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    spelled: dict[str, str] = field(default_factory=dict, repr=False)
    synonyms: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    places: dict[str, tuple[Named, ...]] = field(default_factory=dict, repr=False)
    longest: dict[str, int] = field(default_factory=dict, repr=False)
    longest_place: dict[str, int] = field(default_factory=dict, repr=False)

    def names_of(self, chunks: Sequence[Chunk]) -> tuple[str, ...]:
        """Return the standard names that a phrase means, the likeliest first; none if unknown."""
        found = _look_up(self.synonyms, chunks)
        if not found:
            name = "_".join(word for chunk in chunks for word in chunk.plain)
            name = self.spelled.get(name, name)
            found = (name,) if name in self.units and name not in _PLAIN_WORDS else ()
        return found

    def places_of(self, chunks: Sequence[Chunk]) -> tuple[Named, ...]:
        """Return the places that a phrase names, the likeliest first; none if unknown."""
        return _look_up(self.places, chunks)

    def with_former(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names, and after them those they had before: older records have these."""
        return names + tuple(old for name in names for old in self.former.get(name, ()))


def _look_up(table: Mapping[str, tuple[T, ...]], chunks: Sequence[Chunk]) -> tuple[T, ...]:
    found = table.get(" ".join(word for chunk in chunks for word in chunk.words))
    if found is None and chunks[0].core.isupper():
        found = table.get(" ".join(chunk.core for chunk in chunks))
    return found or ()


@cache
def load() -> Words:
    """Read the tables that ship with the package."""
    made = Words()
    _read_names(made)
    _read_places(made)
    return made


def _read_names(made: Words) -> None:
    longest = made.longest
    for line in _lines("standard_names.txt"):
        name, _, rest = line.partition("\t")
        made.units[name], _, old = rest.partition("\t")
        written = [name]
        if old:
            made.former[name] = tuple(old.split())
            written += made.former[name]
        for spelling in written:
            if spelling is not name or not name.islower():
                made.spelled[spelling.casefold()] = name
            first, count = spelling.partition("_")[0].casefold(), spelling.count("_") + 1
            if longest.get(first, 0) < count:
                longest[first] = count
    for line in _lines("synonyms.txt"):
        names, _, phrases = line.partition(":")
        meant = tuple(names.split())
        for phrase in phrases.split(","):
            made.synonyms[_key(phrase, longest)] = meant


def _read_places(made: Words) -> None:
    known: dict[str, Named] = {}
    for source in ("outlines.txt", "regions.txt"):
        for line in _lines(source):
            kind, *box, name = line.split("\t")
            known[name] = Named(kind, name, BBox(*map(float, box)))
            made.places[_key(name, made.longest_place)] = (known[name],)
    for line in _lines("other_names.txt"):
        name, _, phrases = line.partition(":")
        for phrase in phrases.split(","):
            key = _key(phrase, made.longest_place)
            made.places[key] = (*made.places.get(key, ()), known[name])


def _key(phrase: str, longest: dict[str, int]) -> str:
    """Return a phrase as it is held, and note its length."""
    words = keys(phrase)
    longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return phrase.strip() if phrase.isupper() else " ".join(words)


def _lines(name: str) -> Iterator[str]:
    text = (files("portal.words") / "data" / name).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))
