"""One search over the index and live catalogs, of which some are down, slow or talk rubbish."""

from __future__ import annotations

import threading
import warnings
from html.parser import HTMLParser

import pytest

from portal.core.found import Facet, Problem, SearchResult
from portal.core.item import Item
from portal.core.policy import Policy
from portal.core.query import Query
from portal.core.variable import Variable
from portal.errors import InvalidQuery, Unavailable
from tests.federation.little import Held, Live, Shelf, federation, gives, item

TURBIDITY = Query.of("turbidity")


@pytest.fixture
def shelf():
    return Shelf(*(item("anl", f"a{n}", f"Turbidity {n}", keywords=["sky"]) for n in range(3)))


@pytest.fixture
def among(tmp_path, shelf):
    """Makes a federation of the shelf of three records and of live catalogs, by facility."""
    opened = []

    def make(live, **more):
        catalogs = {("anl", "shelf"): shelf} | {(name, "live"): c for name, c in live.items()}
        context = federation(tmp_path / "home", catalogs, **more)
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def ids(result):
    return [i.id for i in result]


def test_the_index_alone_gives_its_own_order_and_scores(among):
    result = among({}).find(TURBIDITY)
    assert sorted(ids(result)) == ["anl:a0", "anl:a1", "anl:a2"]
    assert result.total == 3
    assert len(result.scores) == 3
    assert result.facets["facility"] == (Facet("anl", 3),)
    assert (result.problems, result.pending) == ((), ())
    assert result.took > 0


def test_all_sources_make_one_list(among):
    fed = among({"bnl": gives(item("bnl", "b0", keywords=["sky"])), "ornl": gives()})
    result = fed.find(TURBIDITY)
    assert set(ids(result)) == {"anl:a0", "anl:a1", "anl:a2", "bnl:b0"}
    assert result.total == 4
    assert dict(result.facets["facility"]) == {"anl": 3, "bnl": 1}
    assert dict(result.facets["keyword"]) == {"sky": 4}
    assert list(result.scores) == sorted(result.scores, reverse=True)


def test_a_record_of_the_index_and_of_a_live_catalog_counts_once_and_the_newer_wins(among):
    newer = item("bnl", "b0", "Turbidity, revised")
    fed = among({"bnl": gives(newer)})
    fed.records.index.upsert([item("bnl", "b0"), item("bnl", "b1")], catalog="live")
    result = fed.find(TURBIDITY)
    assert sorted(ids(result)) == ["anl:a0", "anl:a1", "anl:a2", "bnl:b0", "bnl:b1"]
    assert result.total == 5
    assert next(i for i in result if i.id == "bnl:b0") == newer
    assert dict(result.facets["facility"]) == {"anl": 3, "bnl": 2}


def test_a_record_that_the_index_has_beyond_the_page_counts_once(among):
    fed = among({"bnl": gives(item("bnl", "b199", "Turbidity"))})
    many = [item("bnl", f"b{n}", "Turbidity " * (n < 150) + "of turbidity") for n in range(200)]
    fed.records.index.upsert(many, catalog="live")
    assert fed.find(TURBIDITY).total == 203


def test_pages_are_cut_after_merging_and_nobody_is_asked_again(among):
    live = gives(*(item("bnl", f"b{n}") for n in range(3)))
    fed = among({"bnl": live})
    whole = fed.find(TURBIDITY)
    pages = [fed.find(Query.of("turbidity", limit=2, offset=o)) for o in (0, 2, 4, 6)]
    assert [i for page in pages for i in page] == list(whole)
    assert {page.total for page in pages} == {6}
    assert [(q.offset, q.limit) for q in live.asked] == [(0, 100)]
    fed.find(Query.of("turbidity", offset=90))
    assert [q.limit for q in live.asked] == [100, 200]
    with pytest.raises(InvalidQuery, match="first 1000"):
        fed.find(Query.of(limit=20, offset=990))
    assert len(fed.find(Query.of(limit=20, offset=990), wait=0)) == 0


def test_a_catalog_that_fails_is_named_and_the_rest_answer(among):
    def down(query):
        raise Unavailable("The server does not answer", advice="Try later")

    def bug(query):
        yield item("lbnl", "l0")
        raise ZeroDivisionError("oops")

    def gone(query):
        raise SystemExit(3)

    live = {"bnl": Live(down), "lbnl": Live(bug), "lanl": Live(gone), "pnnl": None}
    fed = among(live | {"ornl": gives(item("ornl", "o0"))})
    result = fed.find(TURBIDITY)
    assert set(ids(result)) == {"anl:a0", "anl:a1", "anl:a2", "ornl:o0"}
    said = {p.facility: (p.catalog, p.reason) for p in result.problems}
    assert set(said) == {"bnl", "lbnl", "lanl", "pnnl"}
    assert said["bnl"] == (
        "live",
        "It could not be searched. The server does not answer. Try later.",
    )
    assert "ZeroDivisionError: oops" in said["lbnl"][1]
    assert "SystemExit: 3" in said["lanl"][1]
    assert "no driver 'no-such-driver'" in said["pnnl"][1]


def test_what_a_catalog_warns_of_is_told_and_a_long_reason_is_cut(among):
    def warns(query):
        for n in range(9):
            warnings.warn(f"record {n} is broken", stacklevel=1)
        return [item("bnl", "b")]

    def talks(query):
        raise Unavailable("<html>" * 10_000)

    result = among({"bnl": Live(warns), "ornl": Live(talks)}).find(TURBIDITY)
    assert "bnl:b" in ids(result)
    said = [p.reason for p in result.problems if p.facility == "bnl"]
    assert said == [f"record {n} is broken" for n in range(5)]
    (long,) = [p.reason for p in result.problems if p.facility == "ornl"]
    assert len(long) == 1_001


def test_a_catalog_that_hangs_is_named_and_not_waited_for(among):
    hung = Held(item("bnl", "late"))
    fed = among({"bnl": hung, "ornl": gives(item("ornl", "o0"))})
    try:
        *_, result = fed.watch(TURBIDITY, deadline=0.5)
        assert "ornl:o0" in ids(result)
        assert result.problems == (Problem("bnl", "It did not answer within 0.5 s.", "live"),)
        assert result.pending == ()
    finally:
        hung.release.set()
    assert "bnl:late" in ids(fed.find(TURBIDITY, wait=60))
    assert hung.asked == 1


def test_catalogs_are_asked_side_by_side(among):
    together = threading.Barrier(3)

    def meet(query):
        together.wait(60)
        return []

    result = among({name: Live(meet) for name in ("bnl", "lbnl", "ornl")}).find(Query(), wait=60)
    assert result.problems == ()


@pytest.mark.parametrize(
    ("rubbish", "reason"),
    [
        ([None, 5], "instead of Item"),
        ([{"type": "Feature"}], "dict instead of Item"),
        ([item("lbnl", "stranger")], "another facility"),
        ([item("bnl", "elsewhere", bbox=(100, 0, 110, 5))], "do not match"),
        ([item("bnl", "nowhere")], "do not match"),
        ([Item("bnl", '{"id": "bad"}')], "cannot be read"),
        ([Item("bnl", "<html>502 Bad Gateway</html>")], "cannot be read"),
        ([Item("bnl", '{"id": "", "properties": {}, "assets": {}}')], "cannot be read"),
        ([Item("bnl", '{"id": "x", "properties": {}, "assets": {"data": 5}}')], "cannot be read"),
        (None, "TypeError"),
        (5, "TypeError"),
    ],
)
def test_rubbish_is_left_out_and_named(among, rubbish, reason):
    good = item("bnl", "good", bbox=(0, 0, 10, 10))
    given = [good, *rubbish] if isinstance(rubbish, list) else rubbish
    result = among({"bnl": Live(lambda query: given)}).find(
        Query.of("turbidity", bbox=(5, 5, 6, 6))
    )
    assert ids(result) == (["bnl:good"] if isinstance(rubbish, list) else [])
    assert any(reason in str(problem) for problem in result.problems)


def test_a_record_with_fields_that_are_none_is_shown_all_the_same(among):
    odd = Item.from_stac(
        item("bnl", "odd").to_stac()
        | {"properties": {"title": 5, "keywords": 7, "cube:variables": [1], "sci:doi": {}}},
        "bnl",
    )
    result = among({"bnl": gives(odd)}).find(TURBIDITY)
    assert "bnl:odd" in ids(result)
    assert result.total == 4


def test_no_more_is_taken_than_was_asked_for(among):
    taken = []

    def endless(query):
        n = 0
        while True:
            taken.append(n)
            yield item("bnl", f"b{n}")
            n += 1

    result = among({"bnl": Live(endless)}).find(Query.of("turbidity", facility="bnl", limit=5))
    assert len(result) == 5
    assert result.total == len(taken) == 100
    assert result.problems == ()


def test_only_those_that_may_be_seen_and_are_wanted_are_asked(among):
    def nobody_sees_lanl(actor, action, resource):
        return resource.id != "lanl"

    live = {name: gives(item(name, "x")) for name in ("bnl", "ornl", "lanl")}
    fed = among(live, policy=Policy((nobody_sees_lanl,)))
    assert ids(fed.find(Query(facilities=("ornl",)))) == ["ornl:x"]
    assert set(ids(fed.find(Query(facilities=("bnl", "lanl"))))) == {"bnl:x"}
    assert [len(catalog.asked) for catalog in live.values()] == [1, 1, 0]
    assert sum(b.records for b in fed.timeline(Query())) == 0


def test_the_index_alone_is_asked_without_waiting(among):
    live = gives(item("bnl", "b0"))
    fed = among({"bnl": live})
    assert set(ids(fed.find(TURBIDITY))) > {"bnl:b0"}
    live.asked.clear()
    result = fed.find(Query.of("turbidity", limit=7), wait=0)
    assert sorted(ids(result)) == ["anl:a0", "anl:a1", "anl:a2"]
    assert (live.asked, result.pending, result.total) == ([], (), 3)


@pytest.mark.parametrize("wait", [-1, float("nan"), float("inf"), 1e9])
def test_a_wait_is_a_number_of_seconds(among, wait):
    with pytest.raises(InvalidQuery, match="waits for 0 to 300 seconds"):
        among({}).find(Query(), wait=wait)


def test_a_result_is_a_sequence_of_items(among):
    result = among({}).find(Query.of("turbidity", limit=2))
    assert isinstance(result[0], Item)
    assert result[-1] == list(result)[-1]
    assert result[:1] == (result[0],)
    assert result[0] in result
    assert len(result) == 2
    with pytest.raises(IndexError, match="has 2 of 3 records"):
        result[2]


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def test_hostile_records_are_shown_as_text():
    evil = '<script>alert(1)</script><img src=x onerror="a()">'
    hit = item("anl", '"><b>x', evil, keywords=[evil], variables=[Variable(evil)], time="2003/2005")
    problem = Problem("bnl", evil)
    result = SearchResult(Query.of(evil), (hit,), (1.0,), 1, {}, (problem,), 0.012)
    shown = Elements(result._repr_html_())
    assert set(shown.tags) <= {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    assert evil in shown.text
    assert "2003-01-01/2005-12-31" in shown.text


def test_the_text_form_is_a_table():
    hits = (item("anl", "a0", "A title\nof two lines", time="2003"), item("bnl", "long-id", "B"))
    result = SearchResult(
        Query.of("tea"), hits, (2.0, 1.0), 7, {}, (Problem("x", "is down"),), 0.012
    )
    lines = repr(result).splitlines()
    assert lines[0] == "2 of 7 records for 'tea' in 12 ms, 1 problems"
    assert lines[1].startswith("  [0] anl:a0       A title of two lines ")
    assert lines[1].endswith("2003-01-01/2003-12-31")
    assert lines[2] == "  [1] bnl:long-id  B"
    assert lines[3] == "  ! x: is down"
    assert repr(SearchResult(Query())) == "No records in 0 ms"
