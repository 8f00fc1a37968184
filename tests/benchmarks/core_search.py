"""Search over 100,000 synthetic records through ``fed.search``, beside SQLite FTS5."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import portal
from tests.benchmarks.fts import Fts, make_home, p95, times
from tests.benchmarks.records import queries, records
from tests.benchmarks.report import figure

RECORDS = 100_000
QUERIES = 300
GOAL_MS = 30.0


def figures(count: int = RECORDS) -> list[dict[str, Any]]:
    """Measure both in one run, over the same records and the same queries, warm."""
    asked = list(queries(QUERIES))
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as directory:
        make_home(Path(directory) / "home")
        peer = Fts(Path(directory) / "fts5.sqlite")
        peer.add(records(count))
        with portal.connect(home=Path(directory) / "home") as fed:
            index = fed.records.index
            began = time.perf_counter()
            index.upsert(records(count), catalog="synthetic")
            built = time.perf_counter() - began
            through = times(
                lambda query: fed.search(query.text, bbox=query.bbox, time=query.time), asked
            )
            alone = times(index.search, asked)
            theirs = times(peer.search, asked)
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
    middle, high = (
        fts | {"peer_value": statistics.median(theirs)},
        fts | {"peer_value": p95(theirs)},
    )
    return [
        figure(f"{name}, fed.search p50", statistics.median(through), "ms", **middle),
        figure(f"{name}, fed.search p95", p95(through), "ms", goal=GOAL_MS, **high),
        figure(f"{name}, index p50", statistics.median(alone), "ms", **middle),
        figure(f"{name}, index p95", p95(alone), "ms", **high),
        figure(f"build {count:,} records", built, "s"),
        figure("upsert of one record visible", visible, "ms"),
    ]


if __name__ == "__main__":
    for row in figures(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS):
        print(row)
