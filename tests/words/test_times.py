"""Times in words."""

from __future__ import annotations

from datetime import date

import pytest

from portal.core.query import Interval
from portal.words import understand

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("words", "range_"),
    [
        ("since 1990", "1990/.."),
        ("from 1998", "1998/.."),
        ("1998 onwards", "1998/.."),
        ("1998 to present", "1998/.."),
        ("after 2005", "2006/.."),
        ("after July 2003", "2003-08/.."),
        ("until 2010", "../2010"),
        ("until 2010-06", "../2010-06"),
        ("before 1900", "../1899"),
        ("prior to March 2001", "../2001-02"),
        ("between 1990 and 2000", "1990/2000"),
        ("between 2000 and 1990", "1990/2000"),
        ("from 1990 to 2000", "1990/2000"),
        ("from July 2003 to March 2004", "2003-07/2004-03"),
        ("1990-2000", "1990/2000"),
        ("1990 – 2000", "1990/2000"),
        ("2003/2010", "2003/2010"),
        ("1990 to 2000", "1990/2000"),
        ("in 1998", "1998"),
        ("in 2003-07", "2003-07"),
        ("in July 2003", "2003-07"),
        ("July 2003", "2003-07"),
        ("4 July 2003", "2003-07-04"),
        ("July 4, 2003", "2003-07-04"),
        ("Feb 2000", "2000-02"),
        ("the 1980s", "1980/1989"),
        ("in the late 1980s", "1986/1989"),
        ("20th century", "1901/2000"),
        ("the twentieth century", "1901/2000"),
        ("last 10 years", "2016-03-31/2026-03-31"),
        ("over the past two weeks", "2026-03-17/2026-03-31"),
        ("last 1 month", "2026-02-28/2026-03-31"),
        ("this year", "2026"),
        ("last year", "2025"),
        ("last month", "2026-02"),
        ("since last year", "2025/.."),
        ("yesterday", "2026-03-30"),
        ("summer 2003", "2003-06/2003-08"),
        ("in the winter of 2003", "2002-12/2003-02"),
    ],
)
def test_times_in_words(words: str, range_: str) -> None:
    found = understand(f"zebra {words} stripes", today=TODAY).time
    assert found is not None
    assert found.words == words.replace(",", "")
    assert found.interval == Interval.of(range_)


@pytest.mark.parametrize(
    "text",
    [
        "2003",
        "2003-07",
        "zebra 1990",
        "in 1500 m depth",
        "1500-2000 nm",
        "in 2003-13",
        "31 February 2003",
        "in May",
        "0999 to 1000",
        "A1990-2000",
        "1990-2000x",
        "since then",
        "anomaly relative to 1961-1990",
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert understand(text, today=TODAY).time is None


def test_a_leap_day_ten_years_on() -> None:
    found = understand("last 1 year", today=date(2024, 2, 29)).time
    assert found is not None
    assert found.interval == Interval.of("2023-02-28/2024-02-29")


def test_the_first_time_is_taken_and_the_next_stays_words() -> None:
    found = understand("zebra in 1998 since 1990", today=TODAY)
    assert found.time is not None
    assert found.time.words == "in 1998"
    assert found.text == "zebra since 1990"
