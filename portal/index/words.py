"""Words: what a text demands. No query string is parsed: any text is just its words.

``"two words"`` stand side by side, ``word*`` is a beginning, ``-word`` must not be there.
Everything else - colons, brackets, other stars, AND and OR - only separates words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portal.core.query import Query
from portal.index.entry import utf8

MAX_WORDS = 32
MAX_CONCEPTS = 8
TITLE_BOOST = 2.0

_PHRASE = re.compile(r'"([^"]*)"')
_SMALL_WORDS = (
    "a an and are as at be by for from in is it of on or over that the their this to was were with"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One demand on the text: a word, or several side by side, as the analysis writes them.

    Parameters
    ----------
    small
        Whether it is a word such as "of", which is not demanded beside others.
    """

    tokens: tuple[str, ...]
    beginning: bool = False
    unwanted: bool = False
    small: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """A concept as the index knows it: the words, or any of the variables."""

    words: tuple[Word, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the words and the concepts of a query demand.

    Parameters
    ----------
    wanted
        The words that make a record relevant.
    unwanted
        Those that must not be there.
    meanings
        The concepts.
    hopeless
        Whether there is a text and no word in it that any record could have.
    """

    wanted: tuple[Word, ...]
    unwanted: tuple[Word, ...]
    meanings: tuple[Meaning, ...]
    hopeless: bool

    @property
    def ranked(self) -> bool:
        """Whether there is anything to be relevant to."""
        return bool(self.wanted or self.meanings or self.hopeless)


class Reader:
    """Reads the words of queries, and the tokens of records, by one analysis of text."""

    def __init__(self, analyzer: Any) -> None:
        self.analyze = analyzer.analyze
        self._small = frozenset(self.analyze(_SMALL_WORDS))

    def read(self, query: Query) -> Wanted:
        """Read the words and the concepts of a query."""
        words = self.words(query.text)
        return Wanted(
            wanted=tuple(word for word in words if not word.unwanted),
            unwanted=tuple(word for word in words if word.unwanted),
            meanings=tuple(
                Meaning(
                    tuple(w for w in self.words(concept.words) if not w.unwanted),
                    tuple(dict.fromkeys(map(utf8, concept.names))),
                )
                for concept in query.concepts[:MAX_CONCEPTS]
            ),
            hopeless=not words and any(character.isalnum() for character in query.text),
        )

    def words(self, text: str) -> tuple[Word, ...]:
        """Return the different demands of a text, the first ``MAX_WORDS`` of them."""
        seen: dict[Word, None] = {}
        for word in self._scan(utf8(text)):
            seen.setdefault(word)
            if len(seen) == MAX_WORDS:
                break
        return tuple(seen)

    def _scan(self, text: str) -> Iterator[Word]:
        for phrase in _PHRASE.findall(text):
            if tokens := tuple(self.analyze(phrase)):
                small = len(tokens) == 1 and tokens[0] in self._small
                yield Word(tokens[:MAX_WORDS], small=small)
        for chunk in _PHRASE.sub(" ", text).split():
            unwanted = chunk[0] == "-" and chunk[1:2].isalpha()
            tokens = tuple(self.analyze(chunk))
            if unwanted and tokens:
                yield Word(tokens, unwanted=True)
                continue
            last = len(tokens) - 1
            for i, token in enumerate(tokens):
                beginning = i == last and chunk.endswith("*")
                yield Word((token,), beginning, small=not beginning and token in self._small)


def telling(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return the words that say something; the small ones where there are no others."""
    return tuple(word for word in words if not word.small) or words


def loose(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return every token of the words that say something, as a word of its own."""
    found = [word for word in words if not word.small]
    tokens = dict.fromkeys(token for word in found for token in word.tokens)
    return (*(Word((token,)) for token in tokens), *(word for word in found if word.beginning))
