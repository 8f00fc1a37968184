"""Document: how a record is written into the search files, and how text is analysed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from portal.index.entry import Entry, microseconds

TOKENIZER = "portal_en"
ALWAYS, EVER = -(2**62), 2**62
BEYOND = 361.0
MARKS = ("href", "doi")


def analyzer() -> Any:
    """Return the analysis of text: words in lower case, without accents, stemmed as English."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (Filter.remove_long(64), Filter.lowercase(), Filter.ascii_fold()):
        builder = builder.filter(step)
    return builder.filter(Filter.stemmer("english")).build()


def schema() -> Any:
    """Return the tantivy schema.

    ``first`` and ``last`` are the years of ``start`` and ``end``, without those that are open.
    ``href`` and ``doi`` are hashes of the marks of the record's dataset, ``holder`` of its facility.
    """
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("title", tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_text_field("text", tokenizer_name=TOKENIZER, index_option="position")
    builder.add_text_field("order", tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("facility", "variable", "keyword"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_unsigned_field("row", indexed=True, fast=True)
    for name in ("west", "south", "east", "north"):
        builder.add_float_field(name, fast=True)
    for name in ("start", "end", "first", "last"):
        builder.add_integer_field(name, fast=True)
    for name in (*MARKS, "holder"):
        builder.add_unsigned_field(name, fast=True)
    return builder.build()


def open_index(path: Path) -> Any:
    """Open, or make, the tantivy index of a directory."""
    import tantivy

    index = tantivy.Index(schema(), path=str(path))
    index.register_tokenizer(TOKENIZER, analyzer())
    index.config_reader("manual")
    return index


def positive_zero(degrees: float) -> float:
    """Return the number, 0.0 for -0.0: tantivy puts the one before the other."""
    return float(degrees) + 0.0


def document(row: int, entry: Entry) -> Any:
    """Return the tantivy document of a record.

    A box that crosses the antimeridian ends at its east plus ``BEYOND``, which is past every
    longitude: one range of longitude is enough for any box (see :mod:`portal.index.ask`).
    """
    from tantivy import Document

    made = Document()
    made.add_unsigned("row", row)
    made.add_text("title", entry.title)
    for text in entry.texts:
        made.add_text("text", text)
    made.add_text("order", f"{entry.title.strip().casefold()[:200]}\0{entry.id}")
    made.add_text("facility", entry.facility)
    for name in entry.names:
        made.add_text("variable", name)
    for word in entry.keywords:
        made.add_text("keyword", word)
    if (box := entry.bbox) is not None:
        east = box.east if box.west <= box.east else box.east + BEYOND
        for name, degrees in (
            ("west", box.west),
            ("south", box.south),
            ("east", east),
            ("north", box.north),
        ):
            made.add_float(name, positive_zero(degrees))
    if (interval := entry.interval) is not None:
        start, end = interval.start, interval.end
        made.add_integer("start", ALWAYS if start is None else microseconds(start))
        made.add_integer("end", EVER if end is None else microseconds(end))
        if start is not None:
            made.add_integer("first", start.year)
        if end is not None:
            made.add_integer("last", end.year)
    made.add_unsigned("holder", _hash(entry.facility))
    for mark in entry.marks:
        made.add_unsigned(mark.partition(":")[0], _hash(mark))
    return made


def _hash(mark: str) -> int:
    return int.from_bytes(hashlib.blake2b(mark.encode(), digest_size=8).digest(), "big")
