"""Ask: from a Query to tantivy queries."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from portal.core.query import BBox, Interval, Query
from portal.index.document import FIRST_DAY, LAST_DAY, ceil, floor
from portal.index.entry import microseconds, utf8
from portal.index.words import TITLE_BOOST, Meaning, Reader, Wanted, Word, loose, telling

#: So many values of a field are asked for as terms; a set of them costs more to begin with.
_FEW = 16


@dataclass(frozen=True, slots=True)
class Demand:
    """What the text and the concepts demand, as a query that scores and as one that only finds."""

    scored: Any
    plain: Any

    @classmethod
    def of(cls, scored: Any | None, plain: Any | None) -> Demand | None:
        """Put the two together; None where there is no demand."""
        return None if scored is None else cls(scored, plain)


@dataclass(frozen=True, slots=True)
class Asked:
    """A Query in tantivy's terms.

    Parameters
    ----------
    text
        The demand on the text and the concepts; None where there is none.
    relaxed
        The same with any of the words and concepts instead of all; None where that is no
        different.
    filters
        The other demands, by name, each of one query or more; "facility", "variable" and "keyword"
        are facets.
    off
        What must not be, beside the filters. It stands outside of them because tantivy is several
        times slower with it within.
    ranked
        Whether the text says what is relevant; where it only says what is unwanted, or nothing,
        it does not.
    """

    text: Demand | None
    relaxed: Demand | None
    filters: dict[str, tuple[Any, ...]]
    ranked: bool
    off: tuple[Any, ...] = ()
    filtered: Any | None = None

    @property
    def narrow(self) -> bool:
        """Whether it is likely that few records match."""
        return self.text is not None and bool(self.filters.keys() - {"visible"})

    def query(self, *, relaxed: bool) -> Any:
        """Return the whole query, which scores by the text and the concepts alone."""
        if self.filtered is not None and not relaxed:
            return _every([self.filtered], self.off)
        text = self.relaxed if relaxed else self.text
        parts = [] if text is None else [text.scored]
        if self.filters:
            parts.append(_unscored(_filter(self.filters)))
        return _every(parts, self.off)

    def plain(self, *, relaxed: bool, without: str = "") -> Any:
        """Return the query that finds the same records; or without one of the filters."""
        text = self.relaxed if relaxed else self.text
        parts = [] if text is None else [text.plain]
        if self.filters.keys() - {without}:
            parts.append(_filter(self.filters, without))
        return _every(parts, self.off)


class Asker:
    """Makes tantivy queries for one schema."""

    def __init__(self, schema: Any, reader: Reader) -> None:
        self._schema = schema
        self._reader = reader

    def ask(self, query: Query, visible: Collection[str] | None, searcher: Any) -> Asked:
        """Translate a Query, limited to the facilities that may be seen."""
        filters: dict[str, tuple[Any, ...]] = {}
        off: tuple[Any, ...] = ()
        if visible is not None:
            filters["visible"] = (self._any("facility", visible),)
        for name, values in (
            ("facility", query.facilities),
            ("variable", query.variables),
            ("keyword", query.keywords),
        ):
            if values:
                filters[name] = (self._any(name, values),)
        if query.time is not None:
            filters["time"] = self._time(query.time)
        if query.bbox is not None:
            filters["bbox"], off = self._box(query.bbox)
        wanted = self._reader.read(query)
        if wanted.hopeless and not wanted.meanings:
            return Asked(Demand(_nothing(), _nothing()), None, filters, True, off)
        named = [self._named(meaning, searcher) for meaning in wanted.meanings]
        text, relaxed = (
            Demand.of(make(wanted, named, scored=True), make(wanted, named, scored=False))
            for make in (self._all, self._some)
        )
        filtered = None
        if filters and wanted.wanted and any(m.words and m.names for m in wanted.meanings):
            within = _unscored(_filter(filters))
            filtered = self._all(wanted, named, scored=True, within=within)
        return Asked(text, relaxed, filters, wanted.ranked, off, filtered)

    def _all(
        self, wanted: Wanted, named: list[Any], *, scored: bool, within: Any | None = None
    ) -> Any | None:
        """Every word that says something and every concept; small words if they happen to be.

        A concept is found by its variables or by its words. Each of the two is asked for together
        with the other words, which takes half the time: tantivy goes through far fewer records. So
        it does with filters ``within`` them, of which one concept is enough.
        """
        from tantivy import Occur, Query

        clauses = self._words(wanted.wanted, scored=scored)
        narrow = self._words(wanted.wanted, scored=False)
        if wanted.hopeless:
            clauses.append((Occur.Must, _nothing()))
        for meaning, variable in zip(wanted.meanings, named, strict=True):
            every = self._words(meaning.words, scored=scored)
            either = [x for x in (variable, Query.boolean_query(every) if every else None) if x]
            if narrow and len(either) > 1:
                rest = [_unscored(Query.boolean_query(narrow))]
                if within is not None:
                    rest.append(within)
                    within = None
                either = [_every([*rest, one]) for one in either]
            clauses.append((Occur.Must, _any_of(*either) if either else _nothing()))
        return self._without(clauses, wanted.unwanted)

    def _words(self, words: tuple[Word, ...], *, scored: bool) -> list[Any]:
        from tantivy import Occur

        needed = telling(words)
        clauses = [(Occur.Must, self._clause(word, scored=scored)) for word in needed]
        if scored:
            clauses += [(Occur.Should, self._clause(w)) for w in words if w not in needed]
        return clauses

    def _some(self, wanted: Wanted, named: list[Any], *, scored: bool) -> Any | None:
        from tantivy import Occur

        words = wanted.wanted + tuple(w for m in wanted.meanings for w in m.words)
        any_of = [self._clause(word, scored=scored) for word in loose(words)]
        any_of += [variable for variable in named if variable is not None]
        if len(any_of) < 2 and not wanted.hopeless:
            return None
        return self._without([(Occur.Should, clause) for clause in any_of], wanted.unwanted)

    def _without(self, clauses: list[Any], unwanted: tuple[Word, ...]) -> Any | None:
        """Take the unwanted words off."""
        from tantivy import Occur, Query

        off = [(Occur.MustNot, self._clause(Word(word.tokens))) for word in unwanted]
        if clauses:
            return Query.boolean_query([(Occur.Must, Query.boolean_query(clauses)), *off])
        if off:
            everything = _unscored(Query.all_query())
            return Query.boolean_query([(Occur.Must, everything), *off])
        return None

    def _clause(self, word: Word, *, scored: bool = True) -> Any:
        """Return a word of the text, which counts more where it is in the title too."""
        from tantivy import Occur, Query

        if len(word.tokens) > 1:
            return Query.phrase_query(self._schema, "text", list(word.tokens))
        (token,) = word.tokens
        body = Query.term_query(self._schema, "text", token, "freq" if scored else "basic")
        if word.beginning:
            start = Query.phrase_prefix_query(self._schema, "text", [token])
            return _any_of(body, start)
        if not scored:
            return body
        title = Query.term_query(self._schema, "title", token, "freq")
        title = Query.boost_query(title, TITLE_BOOST)
        return Query.boolean_query([(Occur.Must, body), (Occur.Should, title)])

    def _named(self, meaning: Meaning, searcher: Any) -> Any | None:
        """Return the records that have a variable of a concept, which weighs as a title's word."""
        from tantivy import Query

        if not meaning.names:
            return None
        having = sum(searcher.doc_freq("variable", name) for name in meaning.names)
        score = variable_score(having, searcher.num_docs)
        return Query.const_score_query(self._any("variable", meaning.names), score)

    def _any(self, name: str, values: Collection[str]) -> Any:
        """Return the records that have one of some values; a few are faster as terms than as a set."""
        from tantivy import Query

        known = sorted(map(utf8, values))
        if len(known) > _FEW:
            return Query.term_set_query(self._schema, name, known)
        terms = [Query.term_query(self._schema, name, value, "basic") for value in known]
        return _any_of(*terms)

    def _box(self, box: BBox) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the boxes that share a point with this one, to a millionth of a degree.

        A box over the antimeridian lies from FAR_WEST to FAR_EAST, so that it meets all spans: those
        that a span lies apart from are given beside the ranges, to be taken off again.
        """
        west, east = ceil(box.west), floor(box.east)
        parts = [
            self._range("south", None, floor(box.north)),
            self._range("north", ceil(box.south)),
        ]
        if box.west > box.east:
            either = _any_of(self._range("east", west), self._range("west", None, east))
            return (*parts, either), ()
        parts += [self._range("west", None, east), self._range("east", west)]
        between = _every(
            [self._range("far_west", east + 1), self._range("far_east", None, west - 1)]
        )
        return tuple(parts), (between,)

    def _time(self, interval: Interval) -> tuple[Any, ...]:
        """Return the times that share a moment with this one, exactly."""
        return self._started(interval.end), self._ended(interval.start)

    def _started(self, by: datetime | None) -> Any:
        if by is None:
            return self._range("start_day", None, LAST_DAY)
        day = by.toordinal()
        if by.time() == time.max:
            return self._range("start_day", None, day)
        exact = self._range("start", None, microseconds(by))
        that_day = _every([self._range("start_day", day, day), exact])
        return _any_of(self._range("start_day", None, day - 1), that_day)

    def _ended(self, after: datetime | None) -> Any:
        if after is None:
            return self._range("end_day", FIRST_DAY)
        day = after.toordinal()
        if after.time() == time.min:
            return self._range("end_day", day)
        exact = self._range("end", microseconds(after))
        that_day = _every([self._range("end_day", day, day), exact])
        return _any_of(self._range("end_day", day + 1), that_day)

    def _range(self, name: str, low: int | None, high: int | None = None) -> Any:
        from tantivy import FieldType, Query

        return Query.range_query(self._schema, name, FieldType.Integer, low, high)


def _every(queries: Sequence[Any], off: Sequence[Any] = ()) -> Any:
    """Return what fits all of the queries, everything for none, and none of those that are off."""
    from tantivy import Occur, Query

    if not queries:
        return Query.all_query()
    clauses = [(Occur.Must, query) for query in queries]
    return Query.boolean_query([*clauses, *((Occur.MustNot, query) for query in off)])


def _filter(filters: Mapping[str, Sequence[Any]], without: str = "") -> Any:
    """Return all filters in one: tantivy is faster with ranges side by side than nested."""
    return _every([q for name, qs in filters.items() if name != without for q in qs])


def _unscored(query: Any) -> Any:
    from tantivy import Query

    return Query.const_score_query(query, 0.0)


def _any_of(*queries: Any) -> Any:
    from tantivy import Occur, Query

    return Query.boolean_query([(Occur.Should, query) for query in queries])


def idf(having: float, records: float) -> float:
    """Return the weight of what so many of the records have: BM25's, as tantivy has it."""
    return math.log(1 + (records - having + 0.5) / (having + 0.5))


def variable_score(having: float, records: float) -> float:
    """Return the score of a record that has a variable of a concept, as so many of them have."""
    return (1 + TITLE_BOOST) * idf(min(having, records), records)


def _nothing() -> Any:
    import tantivy

    return tantivy.Query.empty_query()
