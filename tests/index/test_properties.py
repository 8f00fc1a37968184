"""What the index finds is what a look at every record finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.item import Item
from portal.core.query import BBox, Interval, Query
from portal.core.variable import Variable
from portal.index import Index

FACILITIES = ("anl", "bnl", "ornl")
NAMES = ("tas", "pr", "Turbidity", "air_temperature")
KEYWORDS = ("climate", "ocean", 'O\'Neil "quoted"', "été")
EDGES = st.sampled_from([-180.0, -179.5, -90.0, -0.0, 0.0, 45.25, 179.5, 180.0])
STEP = 1e-6


def degrees(low, high):
    """Degrees that the index tells apart."""
    return st.floats(low, high).map(lambda x: round(x, 5))


LONGITUDES = st.one_of(EDGES, degrees(-180, 180))
LATITUDES = st.one_of(st.sampled_from([-90.0, 0.0, 90.0]), degrees(-90, 90))
MOMENTS = st.one_of(
    st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC),
                     datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]),
    st.datetimes(timezones=st.just(UTC)),
)  # fmt: skip

boxes = st.builds(
    lambda w, e, lats: BBox(w, min(lats), e, max(lats)),
    LONGITUDES, LONGITUDES, st.tuples(LATITUDES, LATITUDES),
)  # fmt: skip
spans = st.tuples(MOMENTS, MOMENTS).map(lambda pair: Interval(min(pair), max(pair)))
open_spans = st.one_of(
    spans,
    MOMENTS.map(lambda m: Interval(m, None)),
    MOMENTS.map(lambda m: Interval(None, m)),
    st.just(Interval(None, None)),
)


@st.composite
def collections(draw):
    def record(number):
        time = draw(st.none() | spans)
        names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
        return Item.build(
            draw(st.sampled_from(FACILITIES)),
            f"r{number}",
            title=draw(st.sampled_from(["Alpha", "beta", "Gamma"])),
            bbox=draw(st.none() | boxes),
            time=time,
            created="2020-01-01T00:00:00Z",
            keywords=draw(st.lists(st.sampled_from(KEYWORDS), unique=True, max_size=2)),
            variables=[
                Variable(n, standard_name=draw(st.sampled_from(["", *NAMES]))) for n in names
            ],
        )

    return [record(n) for n in range(draw(st.integers(0, 12)))]


def facet(values):
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


asked = st.builds(
    Query,
    bbox=st.none() | boxes,
    time=st.none() | open_spans,
    facilities=facet((*FACILITIES, "nowhere")),
    variables=facet((*NAMES, "none")),
    keywords=facet((*KEYWORDS, "none")),
    limit=st.just(1000),
)


def names_of(item):
    return {n for v in item.variables for n in (v.name, v.standard_name) if n}


def fits(item, query, *, without=""):
    """The demands of a query, one after the other, by the core's own geometry."""
    return (
        (query.bbox is None or (item.bbox is not None and item.bbox.intersects(query.bbox)))
        and (query.time is None
             or (item.interval is not None and item.interval.intersects(query.time)))
        and (without == "facility" or not query.facilities or item.facility in query.facilities)
        and (without == "variable" or not query.variables
             or bool(names_of(item) & set(query.variables)))
        and (without == "keyword" or not query.keywords
             or bool(set(item.keywords) & set(query.keywords)))
    )  # fmt: skip


def counted(items, values):
    counts = {}
    for item in items:
        for value in values(item):
            counts[value] = counts.get(value, 0) + 1
    return counts


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Index(tmp_path_factory.mktemp("index")) as index:
        yield index


def fill(index, items):
    for facility in FACILITIES:
        mine = [item for item in items if item.facility == facility]
        index.replace(facility, "c", mine, None)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(items=collections(), queries=st.lists(asked, min_size=3, max_size=8),
       visible=st.none() | st.sets(st.sampled_from(FACILITIES)))  # fmt: skip
def test_filters_and_facets_are_those_of_brute_force(shared, items, queries, visible):
    fill(shared, items)
    for query in queries:
        seen = [i for i in items if visible is None or i.facility in visible]
        found = shared.search(query, visible=visible)
        expected = [i for i in seen if fits(i, query)]
        order = sorted(expected, key=lambda i: (i.title.casefold(), i.id))
        assert [hit.item.id for hit in found.hits] == [i.id for i in order]
        assert [hit.item for hit in found.hits] == order
        assert found.total == len(expected)
        for name, values in (
            ("facility", lambda i: {i.facility}),
            ("variable", names_of),
            ("keyword", lambda i: set(i.keywords)),
        ):
            free = [i for i in seen if fits(i, query, without=name)]
            assert dict(found.facets[name]) == counted(free, values), name


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(held=st.floats(-88, 88), east=st.booleans(), shift=st.floats(-3 * STEP, 3 * STEP))
def test_boxes_are_told_apart_to_a_millionth_of_a_degree(shared, held, east, shift):
    box = BBox(held - 1, held - 1, held, held) if east else BBox(held, held, held + 1, held + 1)
    fill(shared, [Item.build("anl", "one", title="One", bbox=box, created="2020-01-01T00:00:00Z")])
    edge = held + shift
    wanted = BBox(edge, edge, edge + 1, edge + 1) if east else BBox(edge - 1, edge - 1, edge, edge)
    apart = max(0.0, shift if east else -shift)
    found = shared.search(Query(bbox=wanted)).total
    assert found == 1 if wanted.intersects(box) else apart <= STEP * 1.01 or found == 0


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(items=collections(), query=asked, size=st.integers(1, 5))
def test_pages_put_together_are_the_whole(shared, items, query, size):
    fill(shared, items)
    whole = shared.search(query)
    parts = []
    for offset in range(0, whole.total + size, size):
        page = Query(query.text, query.bbox, query.time, query.facilities, query.variables,
                     query.keywords, size, offset)  # fmt: skip
        found = shared.search(page)
        assert found.total == whole.total
        parts += found.hits
    assert tuple(parts) == whole.hits


HELL = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="\"'()[]{}*?:\\/+-^~!&|<>= \t\n\0aZ", max_size=300),
    st.lists(st.sampled_from(["title:", "AND", "OR", "NOT", '"', "*", "tur*", "-alpha", "--", "(",
                              "alpha", "^2", "~", "[* TO *]", "🌊", "ﬁ", "\u202e"]), max_size=40)
    .map(" ".join),
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(text=HELL)
def test_no_text_is_an_error(shared, text):
    shared.upsert([Item.build("anl", "one", title="Alpha", created="2020-01-01T00:00:00Z")],
                  catalog="c") if shared.get("anl:one") is None else None  # fmt: skip
    found = shared.search(Query.of(text))
    assert found.total >= len(found.hits)


@pytest.mark.parametrize(
    "text",
    ["a" * 10_000, "alpha " * 1_600, '"' * 10_000, "(" * 10_000, "*" * 10_000, "-" * 10_000,
     '"' + "alpha " * 1_600 + '"', "x* " * 3_000, "é" * 10_000, "\ud800", "\0", "a:b:" * 2_500],
)  # fmt: skip
def test_long_and_broken_texts_are_answered(shared, text):
    shared.search(Query.of(text))
