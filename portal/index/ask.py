"""Ask: from a Query to tantivy queries. No query string is parsed: any text is just its words.

``"two words"`` stand side by side, ``word*`` is a beginning, ``-word`` must not be there.
Everything else - colons, brackets, other stars, AND and OR - only separates words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from portal.core.query import BBox, Interval, Query
from portal.index.entry import microseconds, utf8
from portal.index.terms import ALWAYS, BEYOND, EVER, positive_zero

MAX_WORDS = 32
TITLE_BOOST = 2.0

_PHRASE = re.compile(r'"([^"]*)"')
_SMALL_WORDS = (
    "a an and are as at be by for from in is it of on or over that the their this to was were with"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One demand on the text: a word, or several side by side, as the analysis writes them."""

    tokens: tuple[str, ...]
    beginning: bool = False
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A Query in tantivy's terms.

    Parameters
    ----------
    text
        The demand on the text; None where there is none.
    relaxed
        The same with any of the words instead of all; None where that is no different.
    filters
        The other demands, by name; "facility", "variable" and "keyword" are facets.
    ranked
        Whether the text says what is relevant; where it only says what is unwanted, or nothing,
        it does not.
    """

    text: Any | None
    relaxed: Any | None
    filters: dict[str, Any]
    ranked: bool

    def query(self, *, relaxed: bool = False, without: str = "") -> Any:
        """Return the whole query, or that without one of its filters."""
        import tantivy

        text = self.relaxed if relaxed else self.text
        parts = [clause for name, clause in self.filters.items() if name != without]
        if text is None and not parts:
            return tantivy.Query.all_query()
        must = tantivy.Occur.Must
        silent = [(must, tantivy.Query.const_score_query(part, 0.0)) for part in parts]
        return tantivy.Query.boolean_query([(must, text), *silent] if text is not None else silent)


class Asker:
    """Makes tantivy queries for one schema."""

    def __init__(self, schema: Any, analyzer: Any) -> None:
        self._schema = schema
        self._analyze = analyzer.analyze
        self._small = frozenset(self._analyze(_SMALL_WORDS))

    def ask(self, query: Query, visible: Collection[str] | None) -> Asked:
        """Translate a Query, limited to the facilities that may be seen."""
        filters: dict[str, Any] = {}
        if visible is not None:
            filters["visible"] = self._any("facility", visible)
        for name, values in (
            ("facility", query.facilities),
            ("variable", query.variables),
            ("keyword", query.keywords),
        ):
            if values:
                filters[name] = self._any(name, values)
        if query.bbox is not None:
            filters["bbox"] = self._box(query.bbox)
        if query.time is not None:
            filters["time"] = self._time(query.time)
        words = list(self.words(utf8(query.text)))
        if not words and any(character.isalnum() for character in query.text):
            return Asked(_nothing(), None, filters, ranked=True)
        ranked = not all(word.unwanted for word in words)
        return Asked(self._all(words), self._some(words), filters, ranked)

    def words(self, text: str) -> Iterator[Word]:
        """Give the different demands of a text, the first ``MAX_WORDS`` of them."""
        seen: dict[Word, None] = {}
        for word in self._scan(text):
            seen.setdefault(word)
            if len(seen) == MAX_WORDS:
                break
        yield from seen

    def _scan(self, text: str) -> Iterator[Word]:
        for phrase in _PHRASE.findall(text):
            if tokens := tuple(self._analyze(phrase)):
                yield Word(tokens[:MAX_WORDS])
        for chunk in _PHRASE.sub(" ", text).split():
            unwanted = chunk[0] == "-" and chunk[1:2].isalpha()
            tokens = tuple(self._analyze(chunk))
            if unwanted and tokens:
                yield Word(tokens, unwanted=True)
                continue
            last = len(tokens) - 1
            for i, token in enumerate(tokens):
                yield Word((token,), beginning=i == last and chunk.endswith("*"))

    def _all(self, words: list[Word]) -> Any | None:
        """Every word that says something, and the small ones if they happen to be there."""
        from tantivy import Occur

        wanted = [word for word in words if not word.unwanted]
        telling = [word for word in wanted if not self._is_small(word)] or wanted
        clauses = [(Occur.Must, self._clause(word)) for word in telling]
        clauses += [(Occur.Should, self._clause(w)) for w in wanted if w not in telling]
        return self._without(clauses, words)

    def _some(self, words: list[Word]) -> Any | None:
        from tantivy import Occur

        wanted = [word for word in words if not word.unwanted]
        telling = [word for word in wanted if not self._is_small(word)]
        if len(telling) < 2 and not any(len(word.tokens) > 1 for word in telling):
            return None
        tokens = dict.fromkeys(token for word in telling for token in word.tokens)
        loose = [Word((token,)) for token in tokens]
        loose += [word for word in telling if word.beginning]
        return self._without([(Occur.Should, self._clause(word)) for word in loose], words)

    def _without(self, clauses: list[Any], words: list[Word]) -> Any | None:
        """Take the unwanted words off."""
        import tantivy

        unwanted = [
            (tantivy.Occur.MustNot, self._clause(Word(word.tokens)))
            for word in words
            if word.unwanted
        ]
        if not clauses and not unwanted:
            return None
        if not clauses:
            everything = tantivy.Query.const_score_query(tantivy.Query.all_query(), 0.0)
            return tantivy.Query.boolean_query([(tantivy.Occur.Must, everything), *unwanted])
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, tantivy.Query.boolean_query(clauses)), *unwanted]
        )

    def _clause(self, word: Word) -> Any:
        from tantivy import Occur, Query

        if len(word.tokens) > 1:
            return Query.phrase_query(self._schema, "text", list(word.tokens))
        (token,) = word.tokens
        body = Query.term_query(self._schema, "text", token)
        if word.beginning:
            start = Query.phrase_prefix_query(self._schema, "text", [token])
            return Query.boolean_query([(Occur.Should, body), (Occur.Should, start)])
        title = Query.boost_query(Query.term_query(self._schema, "title", token), TITLE_BOOST)
        return Query.boolean_query([(Occur.Must, body), (Occur.Should, title)])

    def _is_small(self, word: Word) -> bool:
        return not word.beginning and len(word.tokens) == 1 and word.tokens[0] in self._small

    def _any(self, name: str, values: Collection[str]) -> Any:
        import tantivy

        return tantivy.Query.term_set_query(self._schema, name, sorted(map(utf8, values)))

    def _box(self, box: BBox) -> Any:
        """Return the boxes that share a point with this one.

        A record's longitudes run from west to east, and where they cross the antimeridian to
        east + BEYOND; a span [a, b] meets them if west <= b and east >= a, or, on the far side of
        the antimeridian, if east >= a + BEYOND.
        """
        spans = [
            self._union(
                self._both(self._range("west", None, b), self._range("east", a, None)),
                self._range("east", a + BEYOND, None),
            )
            for a, b in box.spans
        ]
        return self._both(
            self._range("south", None, box.north),
            self._range("north", box.south, None),
            self._union(*spans),
        )

    def _time(self, time: Interval) -> Any:
        start = ALWAYS if time.start is None else microseconds(time.start)
        end = EVER if time.end is None else microseconds(time.end)
        return self._both(
            self._range("start", None, end, integer=True),
            self._range("end", start, None, integer=True),
        )

    def _range(
        self, name: str, low: float | None, high: float | None, *, integer: bool = False
    ) -> Any:
        from tantivy import FieldType, Query

        if integer:
            return Query.range_query(self._schema, name, FieldType.Integer, low, high)
        low, high = (None if x is None else positive_zero(x) for x in (low, high))
        return Query.range_query(self._schema, name, FieldType.Float, low, high)

    @staticmethod
    def _both(*queries: Any) -> Any:
        from tantivy import Occur, Query

        return Query.boolean_query([(Occur.Must, query) for query in queries])

    @staticmethod
    def _union(*queries: Any) -> Any:
        from tantivy import Occur, Query

        return Query.boolean_query([(Occur.Should, query) for query in queries])


def _nothing() -> Any:
    import tantivy

    return tantivy.Query.empty_query()
