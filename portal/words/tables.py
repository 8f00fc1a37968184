"""The shipped tables, read once and held together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from portal.words.chunks import Chunk, keys

_PLAIN_WORDS = frozenset(
    ("age", "area", "institution", "latitude", "longitude", "region", "source", "time")
)


@dataclass(frozen=True, slots=True)
class Words:
    """The shipped tables.

    Parameters
    ----------
    units
        CF standard names and their canonical units.
    former
        CF standard names and the names that they had before.
    synonyms
        Phrases, as :func:`portal.words.chunks.keys` writes them with spaces between, and the
        standard names that they mean. Abbreviations that are other words in lower case stand in
        capitals and are understood only so.
    longest
        Words in the longest phrase or name that begins with a word.
    """

    units: dict[str, str] = field(repr=False)
    former: dict[str, tuple[str, ...]] = field(repr=False)
    synonyms: dict[str, tuple[str, ...]] = field(repr=False)
    longest: dict[str, int] = field(repr=False)

    def names(self, chunks: Sequence[Chunk]) -> tuple[str, ...]:
        """Return the standard names that a phrase means, the likeliest first; none if unknown."""
        found = self.synonyms.get(" ".join(word for chunk in chunks for word in chunk.words))
        if found is None and len(chunks) == 1 and chunks[0].core.isupper():
            found = self.synonyms.get(chunks[0].core)
        if found is None:
            name = "_".join(word for chunk in chunks for word in chunk.plain)
            found = (name,) if name in self.units and name not in _PLAIN_WORDS else ()
        return found + tuple(old for name in found for old in self.former.get(name, ()))


@cache
def load() -> Words:
    """Read the tables that ship with the package."""
    data = files("portal.words") / "data"
    units: dict[str, str] = {}
    former: dict[str, tuple[str, ...]] = {}
    synonyms: dict[str, tuple[str, ...]] = {}
    longest: dict[str, int] = {}
    for line in _lines((data / "standard_names.txt").read_text(encoding="utf-8")):
        name, _, rest = line.partition("\t")
        units[name], _, old = rest.partition("\t")
        if old:
            former[name] = tuple(old.split())
        first, _, tail = name.partition("_")
        count = tail.count("_") + 2 if tail else 1
        if longest.get(first, 0) < count:
            longest[first] = count
    for line in _lines((data / "synonyms.txt").read_text(encoding="utf-8")):
        names, _, phrases = line.partition(":")
        for phrase in phrases.split(","):
            words = keys(phrase)
            key = phrase.strip() if phrase.isupper() else " ".join(words)
            synonyms[key] = tuple(names.split())
            longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return Words(units, former, synonyms, longest)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]
