"""Times in words: "since 1990", "from July 2003 to March 2004", "the 1980s", "last 10 years"."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta

from portal.core.query import Interval, parse_time
from portal.errors import InvalidQuery

_TICK = timedelta(microseconds=1)
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_CENTURIES = {"nineteenth": 19, "twentieth": 20, "twenty-first": 21}
_NUMBERS = "one two three four five six seven eight nine ten"
_COUNTS = {word: number for number, word in enumerate(_NUMBERS.split(), 1)}
_MONTHS = {name[:3].casefold(): n for n, name in enumerate(calendar.month_name) if name}

_YEAR = r"[12]\d{3}"
_UNITS = r"(?! (?:[cmk]?m|[nuµ]m|ft|feet|met(?:re|er)s?|h?pa|mbar|mb|g?hz|k?ev|k|ppmv?|%)(?!\S))"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_NAMED = (
    rf"(?:{_MONTH} {_DAY} {_YEAR}|{_DAY} (?:of )?{_MONTH} {_YEAR}|{_MONTH} (?:of )?{_YEAR}"
    rf"|(?:the )?(?:spring|summer|autumn|fall|winter) (?:of )?{_YEAR}"
    rf"|(?:the )?(?:early |mid |late )?[12]\d\d0'?s"
    rf"|(?:the )?(?:1[0-9]|2[01])(?:st|nd|rd|th) century"
    rf"|(?:the )?(?:{'|'.join(_CENTURIES)}) century"
    r"|(?:last|this) (?:year|month)|today|yesterday)"
)
_ANY = rf"(?:{_NAMED}|{_YEAR}-\d\d-\d\d|{_YEAR}-\d\d|{_YEAR}{_UNITS})"
_NOW = r"(?:now|present|the present|today|date)"
_IN = r"(?:in|during|for|over|of|throughout|within|on)"
_COUNT = rf"(?:\d{{1,3}}|{'|'.join(_COUNTS)})"
_PHRASE = re.compile(
    rf"(?<!\S)(?<!relative to )(?:"
    rf"(?:{_IN} |from |between )?(?P<since1>{_ANY})(?: to |-| - | until ){_NOW}"
    rf"|(?:between|from) (?P<low>{_ANY})"
    rf"(?: and | to | until | till | through |-| - )(?P<high>{_ANY})"
    rf"|(?:{_IN} )?(?P<first>{_ANY})(?: to | until | through |-| - |/)(?P<last>{_ANY})"
    rf"|(?:since|from|starting in|starting from|starting) (?P<since>{_ANY})"
    rf"(?: on| onwards?| and later)?"
    rf"|(?P<since2>{_ANY}) (?:onwards?|and later|and after)"
    rf"|after (?P<after>{_ANY})"
    rf"|(?:before|prior to) (?P<before>{_ANY})"
    rf"|(?:until|till|up to|through) (?P<until>{_ANY})"
    rf"|{_IN} (?P<within>{_ANY})"
    rf"|(?:{_IN} )?(?:the )?(?:last|past) (?:(?P<count>{_COUNT}) )?"
    rf"(?P<step>days?|weeks?|months?|years?|decades?)"
    rf"|(?P<named>{_NAMED})"
    rf")(?!\S)",
    re.IGNORECASE,
)


def find_time(line: str, today: date) -> tuple[int, int, Interval] | None:
    """Find the first time that a text names: where it begins and ends, and what it means.

    Parameters
    ----------
    line
        Words with one space between each two.
    today
        The day that "last year" counts from.
    """
    for match in _PHRASE.finditer(line.replace("–", "-").replace("—", "-")):
        try:
            interval = _meaning(match, today)
        except (InvalidQuery, ValueError, OverflowError):
            continue
        return match.start(), match.end(), interval
    return None


def _meaning(match: re.Match[str], today: date) -> Interval:
    said = {name: text.casefold() for name, text in match.groupdict().items() if text}
    for first, last in (("low", "high"), ("first", "last")):
        if first in said:
            ends = sorted((_span(said[first], today), _span(said[last], today)))
            return Interval(ends[0][0], max(end for _, end in ends))
    if "step" in said:
        return _lately(said["step"].rstrip("s"), said.get("count"), today)
    for name in ("since", "since1", "since2"):
        if name in said:
            return Interval(_span(said[name], today)[0], None)
    if "after" in said:
        return Interval(_span(said["after"], today)[1] + _TICK, None)
    if "before" in said:
        return Interval(None, _span(said["before"], today)[0] - _TICK)
    if "until" in said:
        return Interval(None, _span(said["until"], today)[1])
    return Interval(*_span(said.get("within") or said["named"], today))


def _span(text: str, today: date) -> tuple[datetime, datetime]:
    """Return the first and the last moment of a day, month, season, year, decade or century."""
    words = text.removeprefix("the ").replace(" of ", " ").split()
    if len(words) == 1 and words[0][-1].isdigit():
        return parse_time(words[0]), parse_time(words[0], end=True)
    if words[-1] in ("year", "month", "today", "yesterday"):
        return _relative(words, today)
    if words[-1] == "century":
        century = _CENTURIES.get(words[0]) or int(words[0][:-2])
        return _years(century * 100 - 99, century * 100)
    if words[-1].endswith("s"):
        decade = int(words[-1][:4])
        first, last = {"early": (0, 3), "mid": (3, 6), "late": (6, 9)}.get(words[0], (0, 9))
        return _years(decade + first, decade + last)
    year = int(words[-1])
    if words[0] in _SEASONS:
        first_month = _SEASONS[words[0]]
        start = datetime(year - (first_month == 12), first_month, 1, tzinfo=UTC)
        return start, _later(start, 3) - _TICK
    name = next(word for word in words if word[:3] in _MONTHS)
    written = f"{year}-{_MONTHS[name[:3]]:02}"
    if days := [word for word in words[:-1] if word != name]:
        written += f"-{int(re.sub(r'[a-z]', '', days[0])):02}"
    return parse_time(written), parse_time(written, end=True)


def _relative(words: list[str], today: date) -> tuple[datetime, datetime]:
    if words[-1] in ("today", "yesterday"):
        day = today - timedelta(days=words[-1] == "yesterday")
        return parse_time(str(day)), parse_time(str(day), end=True)
    if words[-1] == "year":
        year = today.year - (words[0] == "last")
        return _years(year, year)
    start = _later(datetime(today.year, today.month, 1, tzinfo=UTC), -(words[0] == "last"))
    return start, _later(start, 1) - _TICK


def _lately(step: str, count: str | None, today: date) -> Interval:
    """Return so many days, weeks, months, years or decades up to the end of today.

    "Last year" and "last month" are those of the calendar.
    """
    if count is None and step in ("year", "month"):
        return Interval(*_relative(["last", step], today))
    number = _COUNTS.get(count or "one") or int(count or 1)
    midnight = datetime.combine(today, time(), tzinfo=UTC)
    if step in ("day", "week"):
        start = midnight - timedelta(days=number * (7 if step == "week" else 1))
    else:
        start = _later(midnight, -number * {"month": 1, "year": 12, "decade": 120}[step])
    return Interval(start, midnight + timedelta(days=1) - _TICK)


def _years(first: int, last: int) -> tuple[datetime, datetime]:
    return datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC) - _TICK


def _later(moment: datetime, months: int) -> datetime:
    """Return the same day so many months later, or the last day of that month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
