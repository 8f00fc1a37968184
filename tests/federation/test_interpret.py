"""What a person types is understood; what is chosen stands above it; nothing found is no dead end."""

from __future__ import annotations

from itertools import count

import pytest

from portal.core.query import BBox, Interval, Query
from portal.core.variable import Variable
from portal.errors import InvalidQuery
from portal.federation.interpret import interpret
from tests.federation.little import Held, Live, Shelf, federation, item

TEXAS, ALPS = (-104, 28, -96, 34), (6, 44, 14, 48)
RAIN = [Variable("pr", standard_name="precipitation_flux")]


@pytest.fixture
def shelf():
    return Shelf(
        item("anl", "wet", "Gauges", bbox=TEXAS, time="1995/2000", variables=RAIN),
        item("anl", "old", "Gauges", bbox=TEXAS, time="1950/1960", variables=RAIN),
        item("anl", "alps", "Gauges", bbox=ALPS, time="1995/2000", variables=RAIN),
        item("anl", "dry", "Sun over Texas", bbox=TEXAS, time="1995/2000"),
        item("anl", "book", "A report on Nevada in 1066"),
    )


def ids(result):
    return {i.local_id for i in result}


def test_quantities_places_and_times_become_demands():
    query, meant = interpret("monthly rain over Texas since 1990", keyword="gauge", limit=5)
    assert query.text == meant.text == "monthly"
    assert query.concepts == meant.concepts
    assert "precipitation_flux" in query.concepts[0].names
    assert query.bbox == meant.place.bbox
    assert query.bbox.intersects(BBox(*TEXAS))
    assert not query.bbox.intersects(BBox(*ALPS))
    assert (query.time, query.time.end) == (meant.time.interval, None)
    assert (query.keywords, query.limit, meant.original) == (
        ("gauge",),
        5,
        "monthly rain over Texas since 1990",
    )


def test_what_is_chosen_stands_above_the_words_which_are_taken_off_all_the_same():
    query, meant = interpret("rain over Texas since 1990", bbox=ALPS, time="2003/2004")
    assert query.bbox == BBox(*ALPS)
    assert query.time == Interval.of("2003/2004")
    assert query.text == ""
    assert (meant.place.name, meant.time.words) == ("Texas", "since 1990")


def test_words_that_are_literal_stay_words():
    query, meant = interpret("rain over Texas", literal=("over Texas", "rain"))
    assert query == Query.of("rain over Texas")
    assert not meant


@pytest.mark.parametrize(
    "text", ["", "   ", '"', "(((", "\x00", "🌧 χ", "-", "*", "\ud800", "a" * 10_000]
)
def test_no_text_is_an_error(tmp_path, text):
    with federation(tmp_path, {("anl", "s"): Shelf(item("anl", "a"))}) as fed:
        assert fed.search(text, wait=1).problems == ()


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(InvalidQuery, match="at most"):
        interpret("a" * 10_001)


def test_search_understands_and_find_does_not(tmp_path, shelf):
    with federation(tmp_path, {("anl", "s"): shelf}) as fed:
        result = fed.search("rain over Texas since 1990")
        assert ids(result) == {"wet"}
        assert [c.words for c in result.understood.concepts] == ["rain"]
        assert "Texas" in repr(result)
        plain = fed.find(Query.of("rain over Texas since 1990"))
        assert plain.understood is None
        assert ids(fed.search("rain over Texas since 1990", literal=("since 1990",))) >= {"wet"}
        assert ids(fed.search("rain over Texas", time="1950/1960")) == {"old"}
        titles = [i.title for i in fed.search("over Texas", sort="title")]
        assert titles == ["Gauges", "Gauges", "Sun over Texas"]


def test_where_nothing_is_found_as_understood_the_words_are_searched(tmp_path, shelf):
    with federation(tmp_path, {("anl", "s"): shelf}) as fed:
        result = fed.search("report in Nevada")
        assert ids(result) == {"book"}
        assert result.understood is None
        assert result.query == Query.of("report in Nevada")
        part = fed.search("zyxqv in Nevada")
        assert (ids(part), part.relaxed, part.understood) == ({"book"}, True, None)


def test_nothing_at_all_shows_what_was_understood(tmp_path):
    with federation(tmp_path, {("anl", "s"): Shelf()}) as fed:
        result = fed.search("rain over Texas")
        assert (result.total, result.understood.place.name) == (0, "Texas")


def test_live_catalogs_are_asked_as_understood_and_awaited_before_words_are_taken_as_they_are(
    tmp_path,
):
    held = Held(item("bnl", "wet", bbox=TEXAS, variables=RAIN))
    asked = []
    live = Live(lambda query: asked.append(query) or [])
    catalogs = {("bnl", "live"): held, ("ornl", "live"): live}
    with federation(tmp_path, catalogs) as fed:
        found = (fed.search("rain over Texas", wait=0.1) for _ in count())
        first = next(result for result in found if result.pending == ("bnl",))
        assert (first.total, first.understood.place.name) == (0, "Texas")
        assert [(q.text, [c.words for c in q.concepts]) for q in asked] == [("", ["rain"])]
        held.release.set()
        result = fed.search("rain over Texas", wait=60)
        assert ids(result) == {"wet"}
        assert result.understood
        assert len(asked) == 1


def test_words_are_not_taken_as_they_are_while_live_catalogs_have_not_been_asked(tmp_path, shelf):
    catalogs = {("anl", "s"): shelf, ("bnl", "live"): Live(lambda query: [])}
    with federation(tmp_path, catalogs) as fed:
        assert ids(fed.search("report in Nevada")) == {"book"}
        index = fed.search("report in Nevada", wait=0)
        assert (index.total, index.understood.place.name) == (0, "Nevada")
        assert ids(fed.search("report in Nevada", facility="anl", wait=0)) == {"book"}
