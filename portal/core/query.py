"""What a search asks for: text, place, time and facets."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from portal.errors import InvalidQuery

MAX_TEXT = 10_000
MAX_LIMIT = 1_000

#: Orders of hits: the most relevant first; by title; by the time that the data covers, from the
#: latest end or from the earliest start (records without a time last).
Sort = Literal["relevance", "title", "newest", "oldest"]


@dataclass(frozen=True, slots=True)
class BBox:
    """A box on the globe, in degrees, WGS 84, as GeoJSON orders it.

    A box whose west is greater than its east crosses the antimeridian (RFC 7946, section 5.2).

    Raises
    ------
    InvalidQuery
        A bound is not a finite number of degrees, or south is above north.
    """

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        if not all(abs(x) <= 180 for x in (self.west, self.east)):
            raise InvalidQuery(
                "A box's west and east are longitudes from -180 to 180",
                found=f"west={self.west}, east={self.east}",
                advice="For longitudes from 0 to 360 take 360 off those above 180.",
            )
        if not -90 <= self.south <= self.north <= 90:
            raise InvalidQuery(
                "A box's south and north are latitudes from -90 to 90, south first",
                found=f"south={self.south}, north={self.north}",
                advice="Give (west, south, east, north).",
            )

    @classmethod
    def of(cls, value: BBox | Sequence[float]) -> BBox:
        """Make a box from four numbers (or six, as STAC allows; the heights are dropped)."""
        if isinstance(value, BBox):
            return value
        try:
            numbers = [float(x) for x in value]
        except (TypeError, ValueError) as error:
            raise InvalidQuery(
                "A bbox is four numbers",
                found=repr(value),
                advice="Give (west, south, east, north).",
            ) from error
        if len(numbers) == 6:
            numbers = [*numbers[:2], *numbers[3:5]]
        if len(numbers) != 4:
            raise InvalidQuery(
                "A bbox is four numbers",
                found=f"{len(numbers)} of them",
                advice="Give (west, south, east, north).",
            )
        return cls(*numbers)

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """The one or two ranges of longitude, each with west <= east."""
        if self.west <= self.east:
            return ((self.west, self.east),)
        return ((self.west, 180.0), (-180.0, self.east))

    def intersects(self, other: BBox) -> bool:
        """Whether the two boxes share a point."""
        if self.south > other.north or other.south > self.north:
            return False
        return any(a[0] <= b[1] and b[0] <= a[1] for a in self.spans for b in other.spans)

    def to_list(self) -> list[float]:
        """Return [west, south, east, north]."""
        return [self.west, self.south, self.east, self.north]


_PART = re.compile(
    r"^(?P<year>-?\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:[T ](?P<clock>.+))?)?)?$"
)


def parse_time(text: str, *, end: bool = False) -> datetime:
    """Read a year, month, day or RFC 3339 time; ``end`` gives the last moment of it.

    Raises
    ------
    InvalidQuery
        The text is none of these.
    """
    match = _PART.match(text.strip())
    if match is None:
        raise _bad_time(text)
    try:
        if match["clock"]:
            moment = datetime.fromisoformat(text.strip())
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
        if end and not match["month"]:
            month = 12
        if end and not match["day"]:
            day = calendar.monthrange(year, month)[1]
        moment = datetime(year, month, day, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _bad_time(text) from error
    return moment + timedelta(days=1, microseconds=-1) if end else moment


def _bad_time(text: str) -> InvalidQuery:
    return InvalidQuery(
        "A time is a year, a month, a day or an RFC 3339 time",
        found=repr(text),
        advice='Write "2003", "2003-07", "2003-07-01" or "2003-07-01T12:00:00Z"; ranges with "/".',
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed range of time; None is an open end.

    Raises
    ------
    InvalidQuery
        The start is after the end.
    """

    start: datetime | None
    end: datetime | None

    def __post_init__(self) -> None:
        if self.start and self.end and self.start > self.end:
            raise InvalidQuery(
                "A time range starts before it ends",
                found=f"{self.start.isoformat()} to {self.end.isoformat()}",
                advice="Swap the two.",
            )

    @classmethod
    def of(cls, value: Interval | str | datetime | Sequence[str | datetime | None]) -> Interval:
        """Make a range from "2003/2010", "../2010", "2003-07", a datetime, or a pair of these."""
        if isinstance(value, Interval):
            return value
        if isinstance(value, datetime):
            return cls(_aware(value), _aware(value))
        if isinstance(value, str):
            parts: Sequence[str | datetime | None] = value.split("/")
            if len(parts) == 1:
                parts = [value, value]
        else:
            parts = list(value)
        if len(parts) != 2:
            raise InvalidQuery(
                "A time range has a start and an end",
                found=repr(value),
                advice='Write "2003/2010" or "2003/..".',
            )
        return cls(_end(parts[0], end=False), _end(parts[1], end=True))

    def intersects(self, other: Interval) -> bool:
        """Whether the two ranges share a moment."""
        return _before(self.start, other.end) and _before(other.start, self.end)

    def __str__(self) -> str:
        return "/".join(
            x.isoformat().replace("+00:00", "Z") if x else ".." for x in (self.start, self.end)
        )


def _before(start: datetime | None, end: datetime | None) -> bool:
    return start is None or end is None or start <= end


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end(part: str | datetime | None, *, end: bool) -> datetime | None:
    if part is None or part in ("", ".."):
        return None
    return _aware(part) if isinstance(part, datetime) else parse_time(str(part), end=end)


@dataclass(frozen=True, slots=True)
class Concept:
    """A quantity that a person named, and the variables that mean it.

    A record fits where its text has the words, or where it has a variable of one of the names.

    Parameters
    ----------
    words
        The words as they were typed, such as "rain".
    names
        CF standard names, the likeliest first.
    units
        Units that were asked for, empty where none were; the names are those that have such units.
    """

    words: str
    names: tuple[str, ...]
    units: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """One search over every facility.

    Parameters
    ----------
    text
        Free words; empty matches everything.
    concepts
        Quantities beside the words; a record fits every one of them.
    bbox, time
        Where and when the data lies; records that say nothing of it do not match.
    facilities, variables, keywords
        Each matches when a record has any of the values given.
    limit, offset
        The page of hits wanted.
    """

    text: str = ""
    bbox: BBox | None = None
    time: Interval | None = None
    facilities: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    limit: int = 20
    offset: int = 0
    concepts: tuple[Concept, ...] = ()
    sort: Sort = "relevance"

    def __post_init__(self) -> None:
        if self.sort not in get_args(Sort):
            raise InvalidQuery(
                "Hits are sorted in one of four orders",
                found=repr(self.sort),
                advice=f"Choose {', '.join(get_args(Sort))}.",
            )
        if len(self.text) > MAX_TEXT:
            raise InvalidQuery(
                f"A search text has at most {MAX_TEXT} characters",
                found=f"{len(self.text)}",
                advice="Shorten it.",
            )
        if not 0 <= self.limit <= MAX_LIMIT or self.offset < 0:
            raise InvalidQuery(
                f"A page is 0 to {MAX_LIMIT} hits from an offset of 0 or more",
                found=f"limit={self.limit}, offset={self.offset}",
                advice="Ask for a smaller page.",
            )

    @classmethod
    def of(
        cls,
        text: str = "",
        *,
        bbox: BBox | Sequence[float] | None = None,
        time: Interval | str | datetime | Sequence[str | datetime | None] | None = None,
        facility: str | Iterable[str] = (),
        variable: str | Iterable[str] = (),
        keyword: str | Iterable[str] = (),
        limit: int = 20,
        offset: int = 0,
        sort: Sort = "relevance",
    ) -> Query:
        """Make a Query from the loose values that a person types."""
        return cls(
            text=text.strip(),
            bbox=None if bbox is None else BBox.of(bbox),
            time=None if time is None or time == "" else Interval.of(time),
            facilities=_names(facility),
            variables=_names(variable),
            keywords=_names(keyword),
            limit=limit,
            offset=offset,
            sort=sort,
        )

    @property
    def words(self) -> str:
        """The text with the words of every concept: what a service without concepts is asked."""
        return " ".join(x for x in (self.text, *(c.words for c in self.concepts)) if x)

    @property
    def phrasings(self) -> tuple[str, ...]:
        """The words, then the same with the likeliest names of each concept in place of its words.

        At most four, for services that can be asked for any of several texts.
        """
        found = [self.words]
        for rank in range(3):
            names = [c.names[rank] if rank < len(c.names) else c.words for c in self.concepts]
            found.append(
                " ".join(x for x in (self.text, *(n.replace("_", " ") for n in names)) if x)
            )
        return tuple(dict.fromkeys(x for x in found if x))


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
