"""One search over the index and live catalogs, of which some are down, slow or talk rubbish."""

from __future__ import annotations

import threading
import time
from html.parser import HTMLParser

import pytest

from portal.core.found import Facet, Problem, SearchResult
from portal.core.item import Item
from portal.core.query import Query
from portal.core.variable import Variable
from portal.errors import InvalidQuery, Unavailable
from portal.federation.find import find
from portal.index import Index

MADE = "2020-01-01T00:00:00Z"


def item(facility, local, title="Turbidity", **more):
    return Item.build(facility, local, title=title, created=MADE, **more)


class Live:
    """A catalog that searches by itself: it does what it is told to, when it is asked."""

    def __init__(self, act):
        self._act = act
        self.asked: list[Query] = []

    def items(self):
        raise AssertionError("a live catalog is not harvested")

    def open(self, item):
        raise AssertionError("nothing is opened by a search")

    def search(self, query):
        self.asked.append(query)
        return self._act(query)


def gives(*items):
    return Live(lambda query: list(items))


@pytest.fixture
def index(tmp_path):
    with Index(tmp_path / "index") as index:
        index.upsert(
            [item("anl", f"a{n}", f"Turbidity {n}", keywords=["sky"]) for n in range(3)],
            catalog="c",
        )
        yield index


def ids(result):
    return [i.id for i in result]


def test_the_index_alone_gives_its_own_order_and_scores(index):
    result = find(Query.of("turbidity"), index, {})
    assert sorted(ids(result)) == ["anl:a0", "anl:a1", "anl:a2"]
    assert result.total == 3
    assert len(result.scores) == 3
    assert result.facets["facility"] == (Facet("anl", 3),)
    assert result.problems == ()
    assert result.took > 0


def test_sources_take_turns_and_a_record_of_two_counts_once_and_more(index):
    local = ids(find(Query.of("turbidity"), index, {}))
    again = next(i for i in find(Query.of("turbidity"), index, {}) if i.id == local[2])
    other = gives(item("bnl", "b0"), item("bnl", "b1"))
    result = find(Query.of("turbidity"), index, {"bnl": other, "anl": gives(again)})
    assert ids(result) == [local[2], local[0], "bnl:b0", local[1], "bnl:b1"]
    assert result.total == 5
    assert dict(result.facets["facility"]) == {"anl": 3, "bnl": 2}
    assert list(result.scores) == sorted(result.scores, reverse=True)


def test_pages_are_cut_after_merging(index):
    live = {"bnl": gives(*(item("bnl", f"b{n}") for n in range(3)))}
    whole = find(Query.of("turbidity"), index, live)
    pages = [find(Query.of("turbidity", limit=2, offset=o), index, live) for o in (0, 2, 4, 6)]
    assert [i for page in pages for i in page] == list(whole)
    assert {page.total for page in pages} == {6}
    assert (live["bnl"].asked[-1].offset, live["bnl"].asked[-1].limit) == (0, 100)
    with pytest.raises(InvalidQuery, match="first 1000"):
        find(Query.of(limit=20, offset=990), index, live)


def test_a_catalog_that_fails_is_named_and_the_rest_answer(index):
    def down(query):
        raise Unavailable("The server does not answer", advice="Try later")

    def bug(query):
        yield item("lbnl", "l0")
        raise ZeroDivisionError("oops")

    live = {"bnl": Live(down), "lbnl": Live(bug), "ornl": gives(item("ornl", "o0"))}
    result = find(Query.of("turbidity"), index, live, problems=[Problem("pnnl", "no such driver")])
    assert set(ids(result)) == {"anl:a0", "anl:a1", "anl:a2", "ornl:o0"}
    assert [p.facility for p in result.problems] == ["pnnl", "bnl", "lbnl"]
    assert "does not answer. Try later." in result.problems[1].reason
    assert "ZeroDivisionError: oops" in result.problems[2].reason


def test_a_catalog_that_hangs_is_named_and_not_waited_for(index):
    release, entered = threading.Event(), threading.Event()

    def hang(query):
        entered.set()
        release.wait(60)
        return [item("bnl", "late")]

    try:
        live = {"bnl": Live(hang), "ornl": gives(item("ornl", "o0"))}
        began = time.monotonic()
        result = find(Query.of("turbidity"), index, live, deadline=0.5)
        assert time.monotonic() - began < 30
        assert entered.is_set()
        assert not release.is_set()
        assert "ornl:o0" in ids(result)
        assert result.problems == (Problem("bnl", "It did not answer within 0.5 s."),)
    finally:
        release.set()


def test_catalogs_are_asked_side_by_side(index):
    together = threading.Barrier(3)

    def meet(query):
        together.wait(60)
        return []

    result = find(Query(), index, {name: Live(meet) for name in ("bnl", "lbnl", "ornl")})
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
        (None, "TypeError"),
        (5, "TypeError"),
    ],
)
def test_rubbish_is_left_out_and_named(index, rubbish, reason):
    good = item("bnl", "good", bbox=(0, 0, 10, 10))
    given = [good, *rubbish] if isinstance(rubbish, list) else rubbish
    live = {"bnl": Live(lambda query: given)}
    result = find(Query.of("turbidity", bbox=(5, 5, 6, 6)), index, live)
    assert ids(result) == (["bnl:good"] if isinstance(rubbish, list) else [])
    assert any(reason in str(problem) for problem in result.problems)


def test_no_more_is_taken_than_was_asked_for(index):
    def endless(query):
        n = 0
        while True:
            yield item("bnl", f"b{n}")
            n += 1

    result = find(Query.of("turbidity", limit=5), index, {"bnl": Live(endless)})
    assert len(result) == 5
    assert result.problems == ()


def test_only_those_that_may_be_seen_and_are_wanted_are_asked(index):
    live = {"bnl": gives(item("bnl", "b0")), "ornl": gives(item("ornl", "o0"))}
    assert ids(find(Query(), index, live, visible={"bnl"})) == ["bnl:b0"]
    assert ids(find(Query(facilities=("ornl",)), index, live)) == ["ornl:o0"]
    assert [len(catalog.asked) for catalog in live.values()] == [1, 1]


def test_a_result_is_a_sequence_of_items(index):
    result = find(Query.of("turbidity", limit=2), index, {})
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
