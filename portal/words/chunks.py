"""Chunks: a text as the words it was typed in, and those of them that may be interpreted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_CHUNK = re.compile(r'[^\s"]+')
_WORD = re.compile(r"[^\W_]+")
_EDGES = ".,;:!?()[]{}'“”‘’«»…"
_SPELLING = {
    "vapour": "vapor",
    "sulphate": "sulfate",
    "sulphur": "sulfur",
    "sulphide": "sulfide",
    "sulphuric": "sulfuric",
    "aluminium": "aluminum",
    "gray": "grey",
    "color": "colour",
    "meter": "metre",
    "center": "centre",
    "harbor": "harbour",
    "vapors": "vapor",
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """What stands between two spaces.

    Parameters
    ----------
    raw
        As it was typed.
    core
        The same without punctuation at its edges; empty where it must not be interpreted.
    words
        The words of the core as tables hold them (see :func:`keys`); empty likewise.
    plain
        The words of the core in lower case, as CF standard names hold them.
    """

    raw: str
    core: str = ""
    words: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()


def chunks(text: str, literal: Collection[str]) -> list[Chunk]:
    """Cut a text into chunks.

    Double quotes, a "-" before a word, a star and the phrases in ``literal`` keep words from being
    interpreted.
    """
    found: list[Chunk] = []
    for i, part in enumerate(_quoted(text)):
        if i % 2:
            found.append(Chunk(f'"{part}"'))
        else:
            found.extend(_chunk(match[0]) for match in _CHUNK.finditer(part))
    return _without(found, literal)


def keys(text: str) -> tuple[str, ...]:
    """Return the words of a text as tables hold them.

    Lower case, without accents, without a plural's s, and in the spelling of the CF conventions.
    """
    return tuple(_singular(word) for word in plain(text))


def plain(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without accents."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    return tuple(_WORD.findall(text.casefold()))


def _singular(word: str) -> str:
    word = _SPELLING.get(word, word)
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]


def _quoted(text: str) -> list[str]:
    """Return the parts of a text that stand outside and inside quotes, in turn."""
    parts = text.split('"')
    if len(parts) % 2 == 0:
        last = parts.pop()
        parts[-1] += " " + last
    return parts


def _chunk(raw: str) -> Chunk:
    unwanted = raw[0] == "-" and len(raw) > 1
    if unwanted or "*" in raw:
        return Chunk(raw)
    core = raw.strip(_EDGES)
    return Chunk(raw, core, keys(core), plain(core)) if core else Chunk(raw)


def _without(found: list[Chunk], literal: Collection[str]) -> list[Chunk]:
    phrases = [phrase for text in literal if (phrase := list(_cores(text)))]
    if not phrases:
        return found
    held = [chunk.core.casefold() for chunk in found]
    kept = list(found)
    for phrase in phrases:
        for start in range(len(held) - len(phrase) + 1):
            if held[start : start + len(phrase)] == phrase:
                for i in range(start, start + len(phrase)):
                    kept[i] = Chunk(found[i].raw)
    return kept


def _cores(text: str) -> Iterator[str]:
    for raw in _CHUNK.findall(text):
        if core := raw.strip(_EDGES):
            yield core.casefold()
