"""Open references (kerchunk, as JSON or Parquet) and classic NetCDF files lazily, as Zarr stores.

Every file that references name is checked before anything of it is read.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from portal.drivers.catalogs._guard import Store, read_document, weigh_documents
from portal.drivers.catalogs._http import LARGEST_PART
from portal.drivers.catalogs._needs import need
from portal.drivers.catalogs._place import Place, place_of
from portal.drivers.catalogs._reach import shown
from portal.drivers.catalogs._watch import Watched
from portal.errors import TooLarge, Unreadable
from portal.virtual.classic import read_header, refer
from portal.virtual.references import (
    LARGEST_DOCUMENT,
    MOST_REFERENCES,
    References,
    absolute,
    collect,
    parse_json,
)
from portal.virtual.store import ReferenceStore


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Reads byte ranges of files near a place, each file checked as it is read."""

    place: Place

    def __call__(self, url: str, offset: int, length: int | None) -> bytes:
        """Read bytes of a file."""
        found = self.find(url)
        if length is None:
            length = int(found.fs.size(found.path) or 0)
        if length > LARGEST_PART:
            raise TooLarge(
                f"A chunk of {shown(url)} is too long",
                found=f"{length:,} bytes",
                advice="Check the references: chunks are smaller.",
            )
        if not length:
            return b""
        data: bytes = found.fs.cat_file(found.path, start=offset, end=offset + length)
        return data

    def find(self, url: str) -> Place:
        """Find a file by its address.

        Raises
        ------
        Denied
            It may not be reached.
        """
        if url == self.place.url:
            return self.place
        return place_of(url, self.place.reach, self.place.storage)


def open_references(place: Place) -> tuple[Any, Store]:
    """Return the Zarr store of a document of references (JSON), and what it says of itself.

    Raises
    ------
    Denied
        They name a file that may not be reached; nothing of it was read.
    TooLarge, Unreadable
        They are too many, damaged, or declare more than they can hold.
    """
    size = int(place.fs.size(place.path) or 0)
    if size > LARGEST_DOCUMENT:
        raise TooLarge(
            f"The references {shown(place.url)} are too long",
            found=f"{size:,} bytes",
            advice="Write them as an Icechunk store: portal virtualize.",
        )
    with _named(place):
        references = parse_json(place.fs.cat_file(place.path), base=_directory(place.url))
    return stored_references(place, references)


def open_table(place: Place) -> tuple[Any, Store]:
    """Return the Zarr store of references in Parquet files, and what it says of itself.

    Raises
    ------
    Denied, TooLarge, Unreadable, MissingDependency
        As :func:`open_references`; or pyarrow is not installed.
    """
    document = read_document(place.fs, f"{place.path}/.zmetadata", 0)
    base = _directory(place.url)
    with _named(place):
        found = collect(_rows(place, document), lambda url: absolute(url, base))
    return stored_references(place, found)


def open_classic(place: Place, size: int) -> tuple[Any, Store]:
    """Return the Zarr store that a classic NetCDF file is, and what it says of itself.

    Raises
    ------
    Unreadable, TooLarge
        It is damaged, cut short, or has too many records.
    """

    def read(start: int, count: int) -> bytes:
        data: bytes = place.fs.cat_file(place.path, start=start, end=start + count)
        return data

    references = refer(read_header(read, size, shown(place.url)), place.url)
    return stored_references(place, references, stored=size)


def stored_references(
    place: Place, references: References, stored: int | None = None
) -> tuple[Any, Store]:
    """Return the Zarr store of references, once every file that they name may be reached."""
    fetch, seen = Fetcher(place), set()
    for url in references.targets:
        parts = urlsplit(url)
        where = (parts.scheme, parts.netloc) if parts.scheme in ("http", "https", "s3") else url
        if where not in seen:
            seen.add(where)
            fetch.find(url)
    stored = references.stored if stored is None else stored
    with _named(place):
        documents = references.documents()
    weighed = weigh_documents(shown(place.url), documents, stored)
    store = ReferenceStore(references, fetch)
    if any(key.endswith("zarr.json") for key in documents):
        return store, weighed
    whole = json.dumps({"metadata": documents, "zarr_consolidated_format": 1}).encode()
    watched = Watched(store, shown(place.url), documents={".zmetadata": whole})
    return watched, replace(weighed, consolidated=True)


@contextmanager
def _named(place: Place) -> Iterator[None]:
    """Put the file's name before what is wrong with its references."""
    try:
        yield
    except Unreadable as error:
        where = shown(place.url)
        if where in error.happened:
            raise
        happened = f"{where}: {error.happened}"
        raise type(error)(happened, found=error.found, advice=error.advice) from error


def _directory(url: str) -> str:
    return f"{url.rpartition('/')[0]}/"


def _rows(place: Place, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give kerchunk's references, from its Parquet files of so many rows each."""
    parquet = need("pyarrow.parquet", "cloud")
    metadata, size = document.get("metadata"), document.get("record_size")
    if not isinstance(metadata, dict) or not isinstance(size, int) or size < 1:
        raise Unreadable(
            f"The references {shown(place.url)} cannot be read",
            found=".zmetadata without metadata and record_size",
            advice="Write them anew, as an Icechunk store for one: portal virtualize.",
        )
    yield from metadata.items()
    for key, node in metadata.items():
        if not key.endswith("/.zarray"):
            continue
        name = key.removesuffix("/.zarray")
        shape, chunks = node["shape"], node["chunks"]
        counts = [-(-n // c) for n, c in zip(shape, chunks, strict=True)]
        total = math.prod(counts)
        if total > MOST_REFERENCES:
            raise TooLarge(
                f"The references {shown(place.url)} are too many to be read at once",
                found=f"{total:,} of {name}",
                advice="Write them as an Icechunk store: portal virtualize.",
            )
        for number in range(-(-total // size)):
            path = f"{place.path}/{name}/refs.{number}.parq"
            try:
                table = parquet.read_table(io.BytesIO(place.fs.cat_file(path)))
            except FileNotFoundError:
                continue
            columns = table.to_pydict()
            rows = range(min(table.num_rows, total - number * size))
            for row in rows:
                value = _row(columns, row)
                if value is not None:
                    place_ = _position(number * size + row, counts)
                    yield f"{name}/{'.'.join(map(str, place_)) or '0'}", value


def _row(columns: Mapping[str, list[Any]], row: int) -> Any:
    raw = columns.get("raw", [None] * (row + 1))[row]
    if raw is not None:
        return raw if isinstance(raw, bytes) else str(raw)
    path = columns["path"][row]
    if path is None:
        return None
    offset, size = columns["offset"][row], columns["size"][row]
    return [path, offset, size] if size else [path]


def _position(number: int, counts: list[int]) -> tuple[int, ...]:
    found = []
    for count in reversed(counts):
        number, rest = divmod(number, count)
        found.append(rest)
    return tuple(reversed(found))
