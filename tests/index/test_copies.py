"""Records of one dataset at several facilities are one hit."""

from __future__ import annotations

import pytest

import portal.index.page
from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.query import Query
from portal.index import Index


def item(facility, local, title="Turbidity", doi="", href=""):
    return Item.build(
        facility, local, title=title, created="2020-01-01T00:00:00Z", doi=doi,
        assets={"data": Asset(href)} if href else {},
    )  # fmt: skip


def shown(found):
    return [(hit.item.id, [copy.id for copy in hit.copies]) for hit in found.hits]


@pytest.fixture
def index(tmp_path):
    with Index(tmp_path) as index:
        yield index


def test_a_doi_or_an_address_makes_one_dataset(index):
    index.upsert(
        [item("anl", "a", "Turbidity turbidity", doi="10.1/X"), item("bnl", "b", doi="10.1/x"),
         item("lbnl", "c", "Turbidity far and wide", doi="https://doi.org/10.1/x"),
         item("ornl", "d", "The turbidity", href="https://X.org/t"),
         item("pnnl", "e", "The odd turbidity here", href="https://x.org/t"),
         item("pnnl", "f", "Turbidity, quite another, with a long title")], catalog="c",
    )  # fmt: skip
    found = index.search(Query.of("turbidity"))
    assert {first: set(rest) for first, rest in shown(found)} == {
        "anl:a": {"bnl:b", "lbnl:c"}, "ornl:d": {"pnnl:e"}, "pnnl:f": set(),
    }  # fmt: skip
    assert found.total == 3
    assert sum(n for _, n in found.facets["facility"]) == 6
    only = index.search(Query.of("turbidity", facility="pnnl"))
    assert shown(only) == [("pnnl:e", []), ("pnnl:f", [])]
    assert index.search(Query.of("turbidity"), visible=("bnl", "pnnl")).total == 3


def test_a_doi_of_a_collection_does_not_make_its_records_one(index):
    many = [item("anl", f"{n}", f"T{n}", doi="10.1/x") for n in range(4)]
    index.upsert([*many, item("bnl", "b", "T9", doi="10.1/x")], catalog="c")
    found = index.search(Query())
    assert shown(found) == [("anl:0", ["bnl:b"]), ("anl:1", []), ("anl:2", []), ("anl:3", [])]
    assert found.total == 4


def test_a_copy_that_goes_takes_no_other_with_it(index):
    index.upsert([item("anl", "a", doi="10.1/x"), item("bnl", "b", doi="10.1/x")], catalog="c")
    assert index.search(Query()).total == 1
    index.remove(["anl:a"])
    assert shown(index.search(Query())) == [("bnl:b", [])]


@pytest.mark.parametrize("size", [1, 3, 4, 7])
@pytest.mark.parametrize("sort", ["relevance", "title", "newest"])
def test_pages_are_cut_from_one_list_within_the_window_and_after_it(index, size, sort, monkeypatch):
    monkeypatch.setattr(portal.index.page, "WINDOW", 8)
    monkeypatch.setattr(portal.index.page, "WINDOW_BY_TITLE", 8)
    some = [item("anl", f"{n:02}", f"Turbidity {n:02}", doi=f"10.1/{n}") for n in range(10)]
    copies = [
        item("bnl", f"{n:02}", f"Turbidity {n:02} a", doi=f"10.1/{n}") for n in range(0, 10, 2)
    ]
    index.upsert([*some, *copies], catalog="c")
    whole = index.search(Query.of("turbidity", sort=sort))
    assert whole.total == len(whole.hits) == (12 if sort == "title" else 15)
    parts = []
    for offset in range(0, whole.total + size, size):
        found = index.search(Query.of("turbidity", sort=sort, limit=size, offset=offset))
        assert found.total == whole.total
        parts += shown(found)
    assert parts == shown(whole)
    everything = [first for first, _ in parts] + [c for _, rest in parts for c in rest]
    assert sorted(everything) == sorted(i.id for i in (*some, *copies))
