"""Quantities in a query, and one measure for records of every source."""

from __future__ import annotations

import itertools

import pytest

from portal.core.item import Item
from portal.core.query import Concept, Query
from portal.core.variable import Variable
from portal.index import Index

RAIN = Concept("rain", ("precipitation_flux", "rainfall_flux"))
WARMTH = Concept("warmth", ("air_temperature",))


def item(local, title, description="", standard="", facility="anl", name="v"):
    return Item.build(
        facility, local, title=title, description=description, created="2020-01-01T00:00:00Z",
        variables=[Variable(name, standard_name=standard)] if standard else [],
    )  # fmt: skip


RECORDS = [
    item("words", "A book of weather", "Tales of rain and snow"),
    item("titled", "Rain gauges"),
    item("flux", "Water budget", "Monthly", "precipitation_flux"),
    item("own", "Water again", "Monthly", "other", name="rainfall_flux"),
    item("both", "Rain over land", "Rain by gauges", "precipitation_flux"),
    item("warm", "Two of them", "Rain too", "air_temperature"),
    item("none", "Altitude", "Of the land"),
    *(item(f"filler{n}", f"Salinity {n}", "Of the ocean, monthly") for n in range(20)),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with Index(tmp_path_factory.mktemp("index")) as index:
        index.upsert(RECORDS, catalog="c")
        yield index


def found(index, text="", *concepts, **more):
    return [h.item.local_id for h in index.search(Query(text, concepts=concepts, **more)).hits]


def test_a_concept_is_its_words_or_its_variables(index):
    assert set(found(index, "", RAIN)) == {"words", "titled", "flux", "own", "both", "warm"}
    assert set(found(index, "monthly", RAIN)) == {"flux", "own"}
    assert found(index, "", RAIN, WARMTH) == ["warm"]
    assert found(index, "-gauges", RAIN, facilities=("bnl",)) == []
    assert "titled" not in found(index, "-gauges", RAIN)


def test_a_variable_ranks_as_a_title_does(index):
    order = found(index, "", RAIN)
    assert order[0] == "both"
    assert set(order[-2:]) == {"words", "warm"}


def test_where_nothing_fits_everything_any_word_or_concept_will_do(index):
    result = index.search(Query("xyzzy altitude", concepts=(WARMTH,)))
    assert result.relaxed
    assert {hit.item.local_id for hit in result.hits} == {"none", "warm"}
    result = index.search(Query("-monthly", concepts=(Concept("unheard of", ("no_such",)), RAIN)))
    assert result.relaxed
    assert "flux" not in {hit.item.local_id for hit in result.hits}
    assert {hit.item.local_id for hit in result.hits} >= {"words", "both"}


@pytest.mark.parametrize("words", ["", "  ", "🌊", '"', "-x", "*", "a" * 9_000, "rain -snow"])
def test_odd_concepts_are_answered(index, words):
    index.search(Query(concepts=(Concept(words, ()), Concept(words, ("\ud800", "")))))
    assert index.relevance(Query(concepts=(Concept(words, ("x",)),)), RECORDS[:2])


def test_a_concept_without_words_is_its_variables(index):
    assert found(index, "", Concept("", ("air_temperature",))) == ["warm"]


@pytest.mark.parametrize(
    "query",
    [
        Query("rain"),
        Query("water monthly"),
        Query('"of the ocean" salinity'),
        Query(concepts=(RAIN,)),
        Query("monthly", concepts=(RAIN,)),
    ],
)
def test_records_of_the_index_are_scored_as_the_index_does(index, query):
    hits = index.search(query).hits
    scores = index.relevance(query, [hit.item for hit in hits])
    ranked = sorted(zip(scores, hits, strict=True), key=lambda pair: -pair[0])
    for (_, one), (_, two) in itertools.pairwise(ranked):
        assert one.score > two.score - 0.15 * one.score
    for score, hit in zip(scores, hits, strict=True):
        assert 0.4 < score / hit.score < 1.6


def test_scores_do_not_depend_on_the_index_having_the_record(index, tmp_path):
    strangers = [item("x", "Rain", "Rain, rain", facility="bnl"), item("y", "Snow", facility="bnl"),
                 item("z", "Nothing of it", "Some rain", facility="bnl")]  # fmt: skip
    first, none, last = index.relevance(Query("rain"), strangers)
    assert first > last > none == 0
    with Index(tmp_path) as empty:
        first, none, last = empty.relevance(Query("rain"), strangers)
        assert first > last > none == 0
        assert empty.relevance(Query("rain"), []) == []
        assert empty.relevance(Query(), strangers) == [0, 0, 0]
        assert empty.relevance(Query("ra* sn*"), strangers)[1] > 0
