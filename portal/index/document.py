"""Document: how a record is written into the search files, and how text is analysed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from portal.index.entry import Entry, microseconds

TOKENIZER = "portal_en"
#: The analysis of what stands in a column only: as it is there, and in no list of words.
COLUMN = "portal_column"
#: What stands for an open start and an open end: microseconds since 1970, and days as ordinals.
ALWAYS, EVER = -(2**62), 2**62
FIRST_DAY, LAST_DAY = 0, 4_000_000

#: West of every longitude and east of it: between them lies a box over the antimeridian.
FAR_WEST, FAR_EAST = -181_000_000, 181_000_000
MARKS = ("href", "doi")

#: So many of the first values of a facet stand in columns of one value each, in which they are
#: counted several times faster than in a column of many values; the others stand in one of those.
SLOTS = {"variable": 8, "keyword": 4}

#: By facet, the column of a number that stands for all values of a record.
NUMBERS = {"facility": "holder", "variable": "variables", "keyword": "keywords"}


def analyzer() -> Any:
    """Return the analysis of text: words in lower case, without accents, stemmed as English."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (Filter.remove_long(64), Filter.lowercase(), Filter.ascii_fold()):
        builder = builder.filter(step)
    return builder.filter(Filter.stemmer("english")).build()


def schema() -> Any:
    """Return the tantivy schema.

    Places are whole millionths of a degree and times are whole days, because columns of few bits
    are scanned several times faster. ``start`` and ``end`` are exact, for a time within a day.
    ``first`` and ``last`` are years, without those that are open. A box over the antimeridian has
    its bounds in ``far_west`` and ``far_east``, which others do not have. ``href`` and ``doi`` are
    hashes of the marks of the record's dataset, ``holder`` of its facility. The columns of a
    facet's slots have a value in every record, empty where it has none: a column with gaps is
    counted as slowly as one of many values. ``variables`` and ``keywords`` are hashes of all of a
    record's values, see :func:`number`.
    """
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("title", tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_text_field("text", tokenizer_name=TOKENIZER, index_option="position")
    builder.add_text_field("order", tokenizer_name=COLUMN, index_option="basic", fast=True)
    for name in ("facility", "variable", "keyword"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in SLOTS:
        for column in (*slots(name), beyond(name)):
            builder.add_text_field(column, tokenizer_name=COLUMN, index_option="basic", fast=True)
    builder.add_unsigned_field("row", indexed=True, fast=True)
    for name in (
        *("west", "south", "east", "north", "far_west", "far_east"),
        *("start_day", "end_day", "start", "end", "first", "last"),
    ):
        builder.add_integer_field(name, fast=True)
    for name in (*MARKS, *NUMBERS.values()):
        builder.add_unsigned_field(name, fast=True)
    return builder.build()


def open_index(path: Path) -> Any:
    """Open, or make, the tantivy index of a directory."""
    from tantivy import Filter, Index, TextAnalyzerBuilder, Tokenizer

    index = Index(schema(), path=str(path))
    index.register_tokenizer(TOKENIZER, analyzer())
    nothing = Filter.remove_long(0)
    index.register_fast_field_tokenizer(COLUMN, TextAnalyzerBuilder(Tokenizer.raw()).build())
    index.register_tokenizer(COLUMN, TextAnalyzerBuilder(Tokenizer.raw()).filter(nothing).build())
    index.config_reader("manual")
    return index


def slots(name: str) -> tuple[str, ...]:
    """Return the columns of the first values of a facet."""
    return tuple(f"{name}_{number}" for number in range(SLOTS[name]))


def beyond(name: str) -> str:
    """Return the column of the values of a facet that have no slot."""
    return f"{name}_beyond"


def floor(degrees: float) -> int:
    """Return millionths of a degree, rounded to the west and south."""
    return math.floor(degrees * 1e6)


def ceil(degrees: float) -> int:
    """Return millionths of a degree, rounded to the east and north."""
    return math.ceil(degrees * 1e6)


def number(values: Iterable[str]) -> int:
    """Return what stands for some values of a facet, in whatever order: a hash of 64 bits."""
    return _hash(repr(sorted(values)))


def plainly(_: str, values: Sequence[str]) -> int:
    """Return the number of a facet's values, and keep nothing."""
    return number(values)


def document(
    row: int, entry: Entry, numbered: Callable[[str, Sequence[str]], int] = plainly
) -> Any:
    """Return the tantivy document of a record.

    Parameters
    ----------
    numbered
        Gives the values of a facet their number.
    """
    from tantivy import Document

    made = Document()
    text, integer, unsigned = made.add_text, made.add_integer, made.add_unsigned
    unsigned("row", row)
    text("title", entry.title)
    for words in entry.texts:
        text("text", words)
    text("order", f"{entry.title.strip().casefold()[:200]}\0{entry.id}")
    text("facility", entry.facility)
    unsigned(NUMBERS["facility"], numbered("facility", (entry.facility,)))
    for name, values in (("variable", entry.names), ("keyword", entry.keywords)):
        unsigned(NUMBERS[name], numbered(name, values))
        columns = _COLUMNS[name]
        for value in values:
            text(name, value)
        for column, value in zip(columns, values, strict=False):
            text(column, value)
        for column in columns[len(values) :]:
            text(column, "")
        for value in values[len(columns) :]:
            text(_BEYOND[name], value)
    if (box := entry.bbox) is not None:
        west, east = floor(box.west), ceil(box.east)
        if box.west > box.east:
            integer("far_west", west)
            integer("far_east", east)
            west, east = FAR_WEST, FAR_EAST
        integer("west", west)
        integer("south", floor(box.south))
        integer("east", east)
        integer("north", ceil(box.north))
    if (interval := entry.interval) is not None:
        start, end = interval.start, interval.end
        integer("start", ALWAYS if start is None else microseconds(start))
        integer("end", EVER if end is None else microseconds(end))
        integer("start_day", FIRST_DAY if start is None else start.toordinal())
        integer("end_day", LAST_DAY if end is None else end.toordinal())
        if start is not None:
            integer("first", start.year)
        if end is not None:
            integer("last", end.year)
    for mark in entry.marks:
        unsigned(mark.partition(":")[0], _hash(mark))
    return made


def _hash(mark: str) -> int:
    return int.from_bytes(hashlib.blake2b(mark.encode(), digest_size=8).digest(), "big")


_COLUMNS = {name: slots(name) for name in SLOTS}
_BEYOND = {name: beyond(name) for name in SLOTS}
