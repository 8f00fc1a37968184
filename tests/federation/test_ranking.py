"""Records of every source are ranked by one measure, and those of one dataset are one hit."""

from __future__ import annotations

import pytest

from portal.core.asset import Asset
from portal.core.query import Query
from tests.federation.little import Held, Live, Shelf, federation, gives, item, streamed

STORE = {"data": Asset("https://data.example.org/turbidity.zarr", roles=("data",))}


def ids(result):
    return [i.id for i in result]


@pytest.mark.parametrize("best", ["index", "live", "late"])
def test_rank_is_by_relevance_whoever_has_it_and_whoever_answers_first(tmp_path, best):
    strong = ("Linke turbidity", "Turbidity of the air over land")
    weak = ("Clouds over the sea for two years", "Cloud cover and, for a part, Linke turbidity")
    told = {name: strong if name == best else weak for name in ("index", "live", "late")}
    made = {
        name: item(name, "r", told[name][0], description=told[name][1])
        for name in ("index", "live", "late")
    }
    late = Held(made["late"])
    catalogs = {
        ("index", "shelf"): Shelf(made["index"]),
        ("live", "live"): gives(made["live"]),
        ("late", "live"): late,
    }
    with federation(tmp_path, catalogs) as fed:
        early = streamed(fed, Query.of("linke turbidity"), ("late",))
        if best != "late":
            assert ids(early)[0] == f"{best}:r"
        late.release.set()
        result = fed.find(Query.of("linke turbidity"), wait=60)
    assert ids(result)[0] == f"{best}:r"
    assert len(result) == 3
    assert result.scores[0] > 1.2 * result.scores[1]


def test_what_a_record_does_not_show_keeps_its_catalogs_order_after_what_is_seen(tmp_path):
    hidden = [item("bnl", f"b{9 - n}", "A report") for n in range(5)]
    shelf = Shelf(item("anl", "a", "Turbidity"))
    with federation(tmp_path, {("anl", "s"): shelf, ("bnl", "live"): gives(*hidden)}) as fed:
        assert ids(fed.find(Query.of("turbidity"))) == ["anl:a", *(i.id for i in hidden)]


def test_records_of_one_dataset_are_one_hit_with_every_source(tmp_path):
    catalogs = {
        ("anl", "s"): Shelf(item("anl", "a", "Turbidity", doi="10.5072/XYZ")),
        ("bnl", "live"): gives(
            item("bnl", "b", "Turbidity, a copy", doi="10.5072/xyz", assets=STORE)
        ),
        ("ornl", "live"): gives(item("ornl", "o", "Turbidity, another", assets=STORE)),
        ("lbnl", "live"): gives(item("lbnl", "l", "Turbidity of its own", doi="10.5072/other")),
    }
    with federation(tmp_path, catalogs) as fed:
        result = fed.find(Query.of("turbidity"))
        page = fed.find(Query.of("turbidity", limit=1, offset=1))
    assert len(result) == 2
    assert {i.id for i in (result[0], *result.copies[result[0].id])} == {"anl:a", "bnl:b", "ornl:o"}
    assert list(result.copies) == [result[0].id]
    assert result.total == 2
    assert (ids(page), page.total, page.copies) == ([result[1].id], 2, {})


def test_copies_within_the_index_stay_one_hit_when_others_answer(tmp_path):
    catalogs = {
        ("anl", "s"): Shelf(item("anl", "a", doi="10.5072/xyz")),
        ("bnl", "s"): Shelf(item("bnl", "b", doi="10.5072/xyz")),
        ("ornl", "live"): gives(item("ornl", "o")),
    }
    with federation(tmp_path, catalogs) as fed:
        alone = fed.find(Query.of("turbidity", facility=("anl", "bnl")))
        result = fed.find(Query.of("turbidity"))
    assert (len(alone), alone.total, len(alone.copies)) == (1, 1, 1)
    assert (len(result), result.total) == (2, 2)
    assert [len(copies) for copies in result.copies.values()] == [1]


def test_other_orders_sort_the_merged_list(tmp_path):
    old = item("anl", "old", "B turbidity", time="1990/1991")
    new = item("anl", "new", "D turbidity", time="2010/2011")
    mid = item("bnl", "mid", "C turbidity", time="2000/2001")
    none = item("bnl", "none", "A turbidity")
    catalogs = {("anl", "s"): Shelf(old, new), ("bnl", "live"): gives(none, mid)}
    with federation(tmp_path, catalogs) as fed:
        orders = {
            sort: [i.local_id for i in fed.find(Query.of("turbidity", sort=sort))]
            for sort in ("title", "newest", "oldest")
        }
        plain = [i.local_id for i in fed.find(Query())]
    assert orders == {
        "title": ["none", "old", "mid", "new"],
        "newest": ["new", "mid", "old", "none"],
        "oldest": ["old", "mid", "new", "none"],
    }
    assert plain == orders["title"]


def test_hits_that_are_not_quite_it_go_when_a_live_catalog_has_it(tmp_path):
    shelf, live = Shelf(item("anl", "a", "Turbidity")), Held(item("bnl", "b", "Linke turbidity"))
    with federation(tmp_path, {("anl", "s"): shelf, ("bnl", "live"): live}) as fed:
        first = streamed(fed, Query.of("linke turbidity"), ("bnl",))
        live.release.set()
        last = fed.find(Query.of("linke turbidity"), wait=60)
    assert (ids(first), first.relaxed, first.total) == (["anl:a"], True, 1)
    assert (ids(last), last.relaxed, last.total) == (["bnl:b"], False, 1)
    assert dict(last.facets["facility"]) == {"bnl": 1}


def test_a_catalog_with_far_more_than_asked_stands_no_higher_for_it(tmp_path):
    def flood(query):
        return (item("bnl", f"b{n}", "A sea of turbidity and more") for n in range(10_000))

    catalogs = {("anl", "s"): Shelf(item("anl", "a", "Turbidity")), ("bnl", "live"): Live(flood)}
    with federation(tmp_path, catalogs) as fed:
        result = fed.find(Query.of("turbidity"))
    assert ids(result)[0] == "anl:a"
    assert result.total == 101
