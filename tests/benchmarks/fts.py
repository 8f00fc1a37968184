"""What the benchmarks of search share: SQLite FTS5 as the peer, and times of queries."""

from __future__ import annotations

import gc
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from portal.core.item import Item
from portal.core.query import Query
from tests.benchmarks.records import FACILITIES, queries


def make_home(home: Path) -> None:
    """Write the facilities of the synthetic records, which have no catalogs."""
    for facility in FACILITIES:
        path = home / "facilities" / f"{facility}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'name = "{facility}"\naccess = "public"\n')


def times(
    search: Callable[[Query], object],
    asked: Sequence[Query],
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Milliseconds of each query, by a clock, after some others to warm up."""
    for query in queries(20, seed=99):
        search(query)
    gc.collect()
    taken = []
    for query in asked:
        began = clock()
        search(query)
        taken.append((clock() - began) * 1000)
    return taken


def p95(taken: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(taken, n=20)[-1]


class Fts:
    """The peer: SQLite FTS5 with Porter stemming, the box and the time in columns beside it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(
            "PRAGMA journal_mode = WAL;"
            "CREATE TABLE places (row INTEGER PRIMARY KEY, stac TEXT, west, south, east, north,"
            " start, stop);"
            "CREATE VIRTUAL TABLE words USING fts5 (title, body, content='',"
            " tokenize='porter unicode61');"
        )

    def add(self, items: Iterable[Item]) -> None:
        """Take records in; a box over the antimeridian is kept with its east past 180."""
        for row, item in enumerate(items, 1):
            box, time_ = item.bbox, item.interval
            east = box.east if box.west <= box.east else box.east + 360
            body = [item.description, *item.keywords, item.facility, item.local_id]
            body += [w for v in item.variables for w in (v.name, v.long_name, v.standard_name)]
            self._db.execute(
                "INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (row, item.text, box.west, box.south, east, box.north,
                 time_.start.timestamp(), time_.end.timestamp()),
            )  # fmt: skip
            self._db.execute(
                "INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)",
                (row, item.title, " ".join(body).replace("_", " ")),
            )
        self._db.commit()

    def search(self, query: Query) -> tuple[int, list[Any]]:
        """Return the total and the page, title before body."""
        where, values = self._where(query)
        page = self._db.execute(
            f"SELECT stac {where} ORDER BY bm25(words, 3.0, 1.0) LIMIT 20", values
        ).fetchall()
        return self.total(query), page

    def total(self, query: Query) -> int:
        """Return the number of matches."""
        where, values = self._where(query)
        return int(self._db.execute(f"SELECT count(*) {where}", values).fetchone()[0])

    @staticmethod
    def _where(query: Query) -> tuple[str, tuple[Any, ...]]:
        box, when = query.bbox, query.time
        text = " AND ".join(f'"{word}"' for word in query.text.replace("-", " ").split())
        where = (
            "FROM words JOIN places ON places.row = words.rowid WHERE words MATCH ?"
            " AND south <= ? AND north >= ? AND ((west <= ? AND east >= ?) OR east >= ?)"
            " AND start <= ? AND stop >= ?"
        )
        place = (box.north, box.south, box.east, box.west, box.west + 360)
        return where, (text, *place, when.end.timestamp(), when.start.timestamp())

    def close(self) -> None:
        """Close the database."""
        self._db.close()
