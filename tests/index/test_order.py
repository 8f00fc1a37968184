"""Orders of hits, and the time line."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.item import Item
from portal.core.query import Interval, Query
from portal.index import Index
from portal.index.count import MAX_BINS

MADE = "2020-01-01T00:00:00Z"
YEARS = st.one_of(st.integers(1, 9999), st.integers(1940, 2030))


def item(local, title="Turbidity", time=None, facility="anl"):
    made = Item.build(facility, local, title=title, created=MADE)
    if time is None:
        return made
    document = made.to_stac()
    interval = Interval.of(time)
    properties = document["properties"]
    del properties["portal:timeless"]
    properties |= {"datetime": None}
    for name, moment in (("start_datetime", interval.start), ("end_datetime", interval.end)):
        if moment is not None:
            properties[name] = moment.isoformat()
    return Item.from_stac(document, facility)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Index(tmp_path_factory.mktemp("index")) as index:
        yield index


RECORDS = [
    item("never", "Beta"),
    item("old", "Delta", "1950/1960"),
    item("new", "alpha turbidity of turbidity", "2001-02/2010"),
    item("long", "Gamma turbidity", "1990/2005"),
    item("ongoing", "Epsilon turbidity once", "2002/.."),
    item("always", "Zeta", "../1955"),
]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("relevance", ["new", "never", "old", "ongoing", "long", "always"]),
        ("title", ["new", "never", "old", "ongoing", "long", "always"]),
        ("newest", ["ongoing", "new", "long", "old", "always", "never"]),
        ("oldest", ["always", "old", "long", "new", "ongoing", "never"]),
    ],
)
def test_orders(shared, sort, expected):
    shared.replace("anl", "c", RECORDS, None)
    assert [h.item.local_id for h in shared.search(Query.of(sort=sort)).hits] == expected


def test_an_order_is_kept_whatever_is_relevant(shared):
    shared.replace("anl", "c", RECORDS, None)
    found = shared.search(Query.of("turbidity", sort="oldest")).hits
    assert [h.item.local_id for h in found] == ["long", "new", "ongoing"]
    assert {h.score for h in found} == {0.0}
    assert shared.search(Query.of("turbidity")).hits[0].score > 0


spans = st.tuples(YEARS, YEARS, st.sampled_from(["both", "start", "end"]))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(held=st.lists(st.none() | spans, max_size=10), time=st.none() | st.just("1990/2000"))
def test_the_time_line_counts_as_a_look_at_every_record(shared, held, time):
    items, intervals = [], []
    for number, span in enumerate(held):
        interval = None
        if span is not None:
            first, last, known = min(span[:2]), max(span[:2]), span[2]
            interval = Interval(
                datetime(first, 1, 1, tzinfo=UTC) if known in ("both", "start") else None,
                datetime(last, 12, 31, 23, tzinfo=UTC) if known in ("both", "end") else None,
            )
            intervals.append(interval)
        items.append(item(f"r{number}", time=interval))
    shared.replace("anl", "c", items, None)
    bins = shared.timeline(Query.of("turbidity", time=time))
    years = {m.year for i in intervals for m in (i.start, i.end) if m is not None}
    assert bool(bins) == bool(years)
    if not bins:
        return
    assert len(bins) <= MAX_BINS
    assert bins[0].start <= min(years) <= bins[0].end
    assert bins[-1].start <= max(years) <= bins[-1].end
    assert {b.end - b.start for b in bins} == {bins[0].end - bins[0].start}
    assert all(a.end + 1 == b.start for a, b in itertools.pairwise(bins))
    for one in bins:
        touching = [
            i for i in intervals
            if (i.start is None or i.start.year <= one.end)
            and (i.end is None or i.end.year >= one.start)
        ]  # fmt: skip
        assert one.records == len(touching), one


def test_the_time_line_is_of_what_matches_and_may_be_seen(shared):
    shared.replace("anl", "c", RECORDS, None)
    shared.replace("bnl", "c", [item("b", "Turbidity", "1850", "bnl")], None)
    bins = shared.timeline(Query.of("turbidity", time="1700"))
    assert (bins[0].start, bins[-1].end) == (1850, 2011)
    assert sum(b.records for b in bins if b.start <= 1850 <= b.end) == 1
    bins = shared.timeline(Query.of("turbidity"), visible=("anl",))
    assert (bins[0].start, bins[-1].start, bins[-1].records) == (1990, 2010, 2)
    assert shared.timeline(Query.of("xyzzy")) == ()
    assert shared.timeline(Query.of("turbidity"), visible=()) == ()
    shared.replace("bnl", "c", [], None)
