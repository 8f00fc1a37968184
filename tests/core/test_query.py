"""Boxes and times: what a person types is read right, or refused with advice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.query import BBox, Interval, Query, parse_time
from portal.errors import InvalidQuery

LON = st.floats(-180, 180)
LAT = st.floats(-90, 90)
BOXES = st.builds(lambda w, e, a, b: BBox(w, min(a, b), e, max(a, b)), LON, LON, LAT, LAT)
MOMENTS = st.none() | st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(
    lambda d: d.replace(tzinfo=UTC)
)
INTERVALS = st.builds(
    lambda a, b: Interval(min(a, b), max(a, b)) if a and b else Interval(a, b), MOMENTS, MOMENTS
)


@given(BOXES, BOXES, LON, LAT)
def test_boxes_that_share_a_point_intersect(a: BBox, b: BBox, lon: float, lat: float) -> None:
    def holds(box: BBox) -> bool:
        return box.south <= lat <= box.north and any(w <= lon <= e for w, e in box.spans)

    assert a.intersects(b) == b.intersects(a)
    assert a.intersects(a)
    if holds(a) and holds(b):
        assert a.intersects(b)


@given(INTERVALS, INTERVALS)
def test_ranges_that_share_a_moment_intersect(a: Interval, b: Interval) -> None:
    assert a.intersects(b) == b.intersects(a)
    floor, ceiling = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    latest = max(a.start or floor, b.start or floor)
    assert a.intersects(b) == (latest <= min(a.end or ceiling, b.end or ceiling))


@given(INTERVALS)
def test_a_range_reads_back_from_its_text(interval: Interval) -> None:
    assert Interval.of(str(interval)) == interval


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2003", "2003-01-01", "2003-12-31"),
        ("2004-02", "2004-02-01", "2004-02-29"),
        ("2003/2010", "2003-01-01", "2010-12-31"),
        ("2003-05-06/..", "2003-05-06", None),
        ("../2010", None, "2010-12-31"),
    ],
)
def test_times_as_people_write_them(text: str, start: str | None, end: str | None) -> None:
    interval = Interval.of(text)
    assert interval.start == (start and datetime.fromisoformat(start).replace(tzinfo=UTC))
    day = end and datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert interval.end == (day and day + timedelta(days=1, microseconds=-1))


def test_a_moment_keeps_its_zone() -> None:
    assert parse_time("2003-07-01T12:00:00+02:00") == datetime(2003, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2003-13", "2003-02-30", "03", "2003/2004/2005"])
def test_bad_times(text: str) -> None:
    with pytest.raises(InvalidQuery, match="2003"):
        Interval.of(text or "x")


def test_a_reversed_range() -> None:
    with pytest.raises(InvalidQuery, match="starts before it ends"):
        Interval.of("2010/2003")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0, 1, 2), "3 of them"),
        ((0, 50, 2, 20), "south first"),
        ((200, 0, 300, 1), "take 360 off"),
        ((float("nan"), 0, 1, 1), "longitudes"),
        ("abcd", "four numbers"),
        (5, "four numbers"),
    ],
)
def test_bad_boxes(box: object, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        BBox.of(box)  # type: ignore[arg-type]


def test_a_query_takes_one_value_or_several() -> None:
    query = Query.of(
        " rain ", facility="lab", variable=["pr", "tas"], time="", bbox=(0, 0, 0, 1, 1, 9)
    )
    assert query == Query("rain", BBox(0, 0, 1, 1), None, ("lab",), ("pr", "tas"))


@pytest.mark.parametrize(
    "values", [{"limit": -1}, {"limit": 1001}, {"offset": -1}, {"text": "x" * 10_001}]
)
def test_bad_pages(values: dict) -> None:
    with pytest.raises(InvalidQuery):
        Query(**values)
