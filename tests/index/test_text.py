"""How words find records."""

from __future__ import annotations

import pytest

from portal.core.item import Item
from portal.core.query import Query
from portal.core.variable import Variable
from portal.index import Index

MADE = "2020-01-01T00:00:00Z"


def item(local, title, description="", facility="sandia", keywords=(), variables=()):
    return Item.build(facility, local, title=title, description=description, created=MADE,
                      keywords=keywords, variables=variables)  # fmt: skip


RECORDS = [
    item("linke-turbidity", "Linke turbidity", "Monthly climatology of atmospheric turbidity",
         variables=[Variable("turbidity", long_name="Linke turbidity factor")]),
    item("altitude", "Altitude", "Terrain height of the land"),
    item("a1b", "A1B North America", "Air temperatures of a scenario", "metoffice",
         keywords=["climate"],
         variables=[Variable("airTemp", standard_name="air_temperature", long_name="Near surface")]),
    item("sst", "Sea surface temperature", "Analysis of the ocean", "metoffice"),
    item("ocean", "Ocean months", "Salinity, and sea temperature at the surface", "metoffice"),
    item("co2", "Mauna Loa CO₂", "Weekly, by São Paulo's cousin at Ångström", "ornl"),
]  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with Index(tmp_path_factory.mktemp("index")) as index:
        index.upsert(RECORDS, catalog="c")
        yield index


def ids(index, text, **more):
    return [hit.item.id for hit in index.search(Query.of(text, **more)).hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("turbidities", ["sandia:linke-turbidity"]),
        ("TURBIDITY", ["sandia:linke-turbidity"]),
        ("climatological", ["sandia:linke-turbidity"]),
        ("air temperature", ["metoffice:a1b"]),
        ("air_temperature", ["metoffice:a1b"]),
        ("airtemp", ["metoffice:a1b"]),
        ("temp near", ["metoffice:a1b"]),
        ("sandia:linke-turbidity", ["sandia:linke-turbidity"]),
        ("linke turbidity sandia", ["sandia:linke-turbidity"]),
        ("co2", ["ornl:co2"]),
        ("CO₂", ["ornl:co2"]),
        ("sao angstrom", ["ornl:co2"]),
        ('"sea surface"', ["metoffice:sst"]),
        ("turb*", ["sandia:linke-turbidity"]),
        ("temperature -sea", ["metoffice:a1b"]),
        ("ornl", ["ornl:co2"]),
        ("linke (turbidity", ["sandia:linke-turbidity"]),
        ("[climate] AND scenario?", ["metoffice:a1b"]),
        ("a" * 9_999, []),
        ("xyzzy", []),
    ],
)
def test_words_find(index, text, expected):
    assert ids(index, text) == expected


def test_the_title_weighs_more(index):
    assert ids(index, "sea temperature surface") == ["metoffice:sst", "metoffice:ocean"]


def test_all_words_come_before_any(index):
    found = index.search(Query.of("sea temperature salinity"))
    assert [hit.item.id for hit in found.hits] == ["metoffice:ocean"]
    assert not found.relaxed


def test_without_a_record_of_all_words_any_will_do(index):
    found = index.search(Query.of("turbidity xyzzy salinity"))
    assert {hit.item.id for hit in found.hits} == {"sandia:linke-turbidity", "metoffice:ocean"}
    assert found.relaxed
    assert found.total == 2


def test_small_words_are_not_demanded_beside_others(index):
    assert ids(index, "turbidity of the scenario at") == ids(index, "turbidity scenario")
    assert "metoffice:ocean" in ids(index, "and")


def test_an_unwanted_word_alone_leaves_the_rest(index):
    assert ids(index, "-sea -turbidity") == ["metoffice:a1b", "sandia:altitude", "ornl:co2"]


@pytest.mark.parametrize("text", ["", "  ", "***", '""', "()", "🌊"])
def test_without_words_everything_comes_by_title(index, text):
    expected = sorted(RECORDS, key=lambda i: i.title.casefold())
    assert ids(index, text) == [i.id for i in expected]


def test_scores_fall(index):
    scores = [hit.score for hit in index.search(Query.of("sea temperature")).hits]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[1] > 0


def test_no_hit_is_read_where_none_is_wanted(index):
    found = index.search(Query.of("temperature", limit=0))
    assert (found.hits, found.total) == ((), 3)
    assert dict(found.facets["facility"]) == {"metoffice": 3}


def test_a_page_beyond_the_end_is_empty(index):
    found = index.search(Query.of("temperature", offset=50))
    assert (found.hits, found.total) == ((), 3)


def test_filters_do_not_change_the_scores(index):
    free = index.search(Query.of("sea temperature")).hits
    held = index.search(Query.of("sea temperature", facility="metoffice")).hits
    assert [hit.score for hit in held] == pytest.approx([hit.score for hit in free])


def test_nothing_is_visible_to_those_who_may_see_nothing(index):
    found = index.search(Query.of("temperature"), visible=())
    assert (found.total, found.facets["facility"]) == (0, ())


@pytest.mark.parametrize("bbox", [[400, 0, 1, 1], [10**400, 0, 1, 1], "west", [[0]], {"a": 1}, 5])
def test_a_record_of_bad_shape_is_found_by_the_rest_of_it(tmp_path, bbox):
    document = item("bad", "Odd record").to_stac()
    document["bbox"] = bbox
    document["properties"] |= {"keywords": 5, "cube:variables": ["x"], "datetime": "yesterday"}
    with Index(tmp_path) as index:
        index.upsert([Item.from_stac(document, "sandia")], catalog="c")
        assert ids(index, "odd") == ["sandia:bad"]
        assert index.search(Query.of(bbox=(-180, -90, 180, 90))).total == 0


def test_a_record_of_hostile_text_is_held(tmp_path):
    broken = "half a pair \ud800, \0, " + "x" * 100_000
    odd = item("odd", broken, broken, keywords=[broken], variables=[Variable(broken)])
    with Index(tmp_path) as index:
        index.upsert([odd, item("plain", "Plain")], catalog="c")
        assert ids(index, "pair") == ["sandia:odd"]
        assert ids(index, "") == ["sandia:odd", "sandia:plain"]
        found = index.get("sandia:odd")
        assert found == (odd, "c")
        with pytest.warns(UserWarning, match="do not print"):
            index.upsert([item("a\ud800", "Bad id")], catalog="c")
        assert index.count() == 2
