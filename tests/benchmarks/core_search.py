"""Search over 100,000 synthetic records through ``fed.search``, beside SQLite FTS5."""

from __future__ import annotations

import gc
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import portal
from portal.core.item import Item
from portal.core.query import Query
from tests.benchmarks.records import FACILITIES, queries, records
from tests.benchmarks.report import figure

RECORDS = 100_000
QUERIES = 300
GOAL_MS = 30.0


def figures(count: int = RECORDS) -> list[dict[str, Any]]:
    """Measure both in one run, over the same records and the same queries, warm."""
    asked = list(queries(QUERIES))
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as directory:
        for facility in FACILITIES:
            path = Path(directory, "home", "facilities", f"{facility}.toml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'name = "{facility}"\naccess = "public"\n')
        peer = Fts(Path(directory) / "fts5.sqlite")
        peer.add(records(count))
        with portal.connect(home=Path(directory) / "home") as fed:
            index = fed.records.index
            began = time.perf_counter()
            index.upsert(records(count), catalog="synthetic")
            built = time.perf_counter() - began
            through = _times(
                lambda query: fed.search(query.text, bbox=query.bbox, time=query.time), asked
            )
            alone = _times(index.search, asked)
            theirs = _times(peer.search, asked)
            totals = [(fed.find(query).total, peer.total(query)) for query in asked[:40]]
            began = time.perf_counter()
            index.upsert([next(records(1, seed=1))], catalog="synthetic")
            index.search(asked[0])
            visible = (time.perf_counter() - began) * 1000
        peer.close()
    differ = sum(ours != its for ours, its in totals if its)
    print(f"totals that differ from FTS5's (its stemmer is another): {differ} of {len(totals)}")
    name = f"search {count:,} records, text + bbox + time + 3 facets"
    fts = {"peer": "SQLite FTS5, page and total, no facets"}
    p50, p95 = fts | {"peer_value": statistics.median(theirs)}, fts | {"peer_value": _p95(theirs)}
    return [
        figure(f"{name}, fed.search p50", statistics.median(through), "ms", **p50),
        figure(f"{name}, fed.search p95", _p95(through), "ms", goal=GOAL_MS, **p95),
        figure(f"{name}, index p50", statistics.median(alone), "ms", **p50),
        figure(f"{name}, index p95", _p95(alone), "ms", **p95),
        figure(f"build {count:,} records", built, "s"),
        figure("upsert of one record visible", visible, "ms"),
    ]


def _times(search: Callable[[Query], object], asked: Sequence[Query]) -> list[float]:
    """Milliseconds of each query, after one round to warm up."""
    for query in asked[:20]:
        search(query)
    gc.collect()
    times = []
    for query in asked:
        began = time.perf_counter()
        search(query)
        times.append((time.perf_counter() - began) * 1000)
    return times


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


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


if __name__ == "__main__":
    for row in figures(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS):
        print(row)
