"""Relevance: BM25 for records that the index need not have, by the index's own measure.

The formula is tantivy's (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75): the sum over the words
of idf * (k1 + 1) * tf / (tf + k1 * (1 - b + b * length / mean length)). The frequencies are those
of the index and of the records that are scored, together; so an empty index serves too. A word
counts in the text of a record, and ``TITLE_BOOST`` times more in its title.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from portal.core.item import Item
from portal.core.query import Query
from portal.index.ask import idf, variable_score
from portal.index.entry import Worded
from portal.index.words import TITLE_BOOST, Meaning, Reader, Word

_K1, _B = 1.2, 0.75
_MEAN = re.compile(r'"value": ([0-9.e+]+),\s*"description": "avgdl')


@dataclass(frozen=True, slots=True)
class _Text:
    """The tokens of one field of a record."""

    tokens: tuple[str, ...]
    counts: Counter[str]


@dataclass(frozen=True, slots=True)
class _Record:
    title: _Text
    text: _Text
    names: frozenset[str]


class Relevance:
    """Scores records by the words and the concepts of queries."""

    def __init__(self, reader: Reader, schema: Any) -> None:
        self._reader = reader
        self._schema = schema

    def scores(self, query: Query, items: Sequence[Item], searcher: Any) -> list[float]:
        """Return the score of each record; the order of the records says nothing."""
        wanted = self._reader.read(query)
        if not items or not (wanted.wanted or wanted.meanings):
            return [0.0] * len(items)
        records = [self._record(Worded.of(item, [])) for item in items]
        frequencies = _Frequencies(searcher, self._schema, records)
        scores = [0.0] * len(items)
        for word in dict.fromkeys((*wanted.wanted, *(w for m in wanted.meanings for w in m.words))):
            for number, score in enumerate(frequencies.word(word)):
                scores[number] += score
        for meaning in wanted.meanings:
            for number, score in enumerate(frequencies.meaning(meaning)):
                scores[number] += score
        return scores

    def _record(self, words: Worded) -> _Record:
        return _Record(
            title=self._text((words.title,)),
            text=self._text(words.texts),
            names=frozenset(words.names),
        )

    def _text(self, texts: Iterable[str]) -> _Text:
        tokens = tuple(self._reader.analyze(" \0 ".join(texts)))
        return _Text(tokens, Counter(tokens))


class _Frequencies:
    """How many records have a word: those of the index and those that are scored."""

    def __init__(self, searcher: Any, schema: Any, records: Sequence[_Record]) -> None:
        self._searcher = searcher
        self._schema = schema
        self._records = records
        self._known = int(searcher.num_docs)
        self._total = self._known + len(records)
        self._fields = {
            "title": [record.title for record in records],
            "text": [record.text for record in records],
        }
        self._means: dict[str, float] = {}

    def word(self, word: Word) -> list[float]:
        """Return what a word adds to each record."""
        text = self._term("text", word)
        if len(word.tokens) > 1 or word.beginning:
            return text
        return [a + TITLE_BOOST * b for a, b in zip(text, self._term("title", word), strict=True)]

    def meaning(self, meaning: Meaning) -> list[float]:
        """Return what having a variable of a concept adds to each record."""
        has = [not record.names.isdisjoint(meaning.names) for record in self._records]
        having = sum(self._searcher.doc_freq("variable", name) for name in meaning.names)
        score = variable_score(having + sum(has), self._total)
        return [score if one else 0.0 for one in has]

    def _term(self, field: str, word: Word) -> list[float]:
        texts = self._fields[field]
        times = [_times(word, text) for text in texts]
        if not any(times):
            return [0.0] * len(times)
        weight = sum(self._idf(field, token, texts) for token in word.tokens) * (_K1 + 1)
        mean = self._mean(field, word.tokens[0])
        return [
            weight * n / (n + _K1 * (1 - _B + _B * len(text.tokens) / mean)) if n else 0.0
            for n, text in zip(times, texts, strict=True)
        ]

    def _idf(self, field: str, token: str, texts: list[_Text]) -> float:
        having = self._searcher.doc_freq(field, token) + sum(token in t.counts for t in texts)
        return idf(min(having, self._total), self._total)

    def _mean(self, field: str, token: str) -> float:
        """Return the mean length of a field: tantivy tells it where it explains a score."""
        if field not in self._means:
            lengths = [len(text.tokens) for text in self._fields[field]]
            mean = sum(lengths) / len(lengths)
            if told := _told_mean(self._searcher, self._schema, field, token):
                mean = (told * self._known + sum(lengths)) / self._total
            self._means[field] = max(mean, 1.0)
        return self._means[field]


def _times(word: Word, text: _Text) -> int:
    """Return how often a word, or its tokens side by side, are in a text."""
    first, *rest = word.tokens
    if word.beginning:
        return sum(n for token, n in text.counts.items() if token.startswith(first))
    if not rest or first not in text.counts:
        return text.counts[first]
    size, tokens = len(word.tokens), text.tokens
    return sum(tokens[i : i + size] == word.tokens for i in range(len(tokens) - size + 1))


def _told_mean(searcher: Any, schema: Any, field: str, token: str) -> float | None:
    from tantivy import Query

    query = Query.term_query(schema, field, token)
    for _, address in searcher.search(query, limit=1, count=False).hits:
        told = _MEAN.search(query.explain(searcher, address).to_json())
        if told:
            return float(told[1])
    return None
