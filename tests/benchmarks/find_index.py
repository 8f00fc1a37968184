"""The index with a million synthetic records, beside SQLite FTS5 with the same, in one run.

The records are made and written to a file first, which is not counted. What is measured of memory
is measured in processes of their own, above what importing takes: the growth of the resident set,
which counts the pages of the index's files that the kernel maps and may drop, and the part of it
that is the process's own (anonymous). The whole resident set is printed with them.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import portal
from portal.core.item import Item
from portal.core.query import Query
from portal.index import Index
from tests.benchmarks.fts import Fts, make_home, p95, times
from tests.benchmarks.records import queries, records
from tests.benchmarks.report import figure

RECORDS = 1_000_000
QUERIES = 300

_CATALOG = "synthetic"
_SAMPLE_SECONDS = 0.02


def figures(count: int = RECORDS) -> list[dict[str, Any]]:
    """Measure everything, one thing after the other."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        source, home = directory / "records.tsv", directory / "home"
        _say(f"writing {count:,} records")
        with source.open("w") as file:
            file.writelines(f"{item.facility}\t{item.text}\n" for item in records(count))
        make_home(home)
        _say("building the index")
        built = _child("build", home, source)
        _say("building FTS5")
        peer = Fts(directory / "fts5.sqlite")
        peer.add(_items(source))
        source.unlink()
        _say("searching")
        found = _searched(home, peer, count)
        peer.close()
        (directory / "fts5.sqlite").unlink()
        _say("memory while serving")
        served = _child("serve", home)
        _say("upserts, time line, rebuilding")
        rest = _rest(home, count)
    return [
        figure(f"build {count:,} records", built["seconds"], "s", goal=120),
        figure(f"build {count:,} records, CPU of all threads", built["cpu"], "s"),
        *_memory("building", built, goal=300),
        figure("first upsert right after the build visible", built["visible"], "ms", goal=50),
        *found,
        *_memory("serving, after 300 queries", served, goal=60),
        *rest,
    ]


def _searched(home: Path, peer: Fts, count: int) -> list[dict[str, Any]]:
    asked = list(queries(QUERIES))
    with portal.connect(home=home) as fed:
        index = fed.records.index
        through = times(lambda q: fed.search(q.text, bbox=q.bbox, time=q.time), asked)
        gc.collect()
        theirs = times(peer.search, asked)
        alone = times(index.search, asked)
        busy = times(index.search, asked, time.process_time)
        theirs_busy = times(peer.search, asked, time.process_time)
        totals = [(index.search(query).total, peer.total(query)) for query in asked[:40]]
    _say(f"{sum(a != b for a, b in totals if b)} of {len(totals)} totals differ from FTS5's")
    name = f"search {count:,} records, text + bbox + time + 3 facets"
    fts = {"peer": "SQLite FTS5, page and total, no facets"}
    middle = fts | {"peer_value": statistics.median(theirs)}
    high = fts | {"peer_value": p95(theirs)}
    return [
        figure(f"{name}, fed.search p50", statistics.median(through), "ms", goal=10, **middle),
        figure(f"{name}, fed.search p95", p95(through), "ms", goal=30, **high),
        figure(f"{name}, index p50", statistics.median(alone), "ms", **middle),
        figure(f"{name}, index p95", p95(alone), "ms", **high),
        figure(
            f"{name}, index, CPU of both threads p50",
            statistics.median(busy),
            "ms",
            peer=fts["peer"],
            peer_value=statistics.median(theirs_busy),
        ),
        figure(
            f"{name}, index, CPU of both threads p95",
            p95(busy),
            "ms",
            peer=fts["peer"],
            peer_value=p95(theirs_busy),
        ),
    ]


def _rest(home: Path, count: int) -> list[dict[str, Any]]:
    asked = list(queries(60, seed=11))
    with portal.connect(home=home) as fed:
        index = fed.records.index
        lines = times(index.timeline, asked)
        began = time.perf_counter()
        index.search(Query())
        browse = (time.perf_counter() - began) * 1000
        visible = statistics.median(_visible(index, item) for item in records(15, seed=3))
        files = index.directory
    for path in files.glob("terms*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    began = time.perf_counter()
    with Index(files) as index:
        assert index.search(Query()).total
        rebuilt = time.perf_counter() - began
    return [
        figure("time line p50", statistics.median(lines), "ms", goal=50),
        figure("time line p95", p95(lines), "ms"),
        figure("first page of everything, by title, with facets", browse, "ms"),
        figure("upsert of one record visible, median of 15", visible, "ms", goal=50),
        figure(f"search files of {count:,} records deleted, rebuilt", rebuilt, "s"),
    ]  # fmt: skip


def _visible(index: Index, item: Item) -> float:
    """Milliseconds from an upsert until a search has found the record."""
    began = time.perf_counter()
    index.upsert([item], catalog=_CATALOG)
    found = index.search(Query(text=f'"{item.local_id}"', facilities=(item.facility,)))
    taken = (time.perf_counter() - began) * 1000
    assert item.id in {hit.item.id for hit in found.hits}
    return taken


def _memory(what: str, measured: dict[str, float], *, goal: float) -> list[dict[str, Any]]:
    return [
        figure(f"memory {what}: the process's own", measured["own"], "MB", goal=goal),
        figure(
            f"memory {what}: with the pages of files, which can be dropped",
            measured["growth"],
            "MB",
        ),
        figure(f"memory {what}: whole RSS", measured["whole"], "MB"),
    ]


def _items(source: Path) -> Iterator[Item]:
    with source.open() as file:
        for line in file:
            facility, _, text = line.rstrip("\n").partition("\t")
            yield Item(facility, text)


def _child(part: str, *paths: Path) -> dict[str, float]:
    """Do a part in a process of its own, and return what it measured."""
    command = [sys.executable, "-m", "tests.benchmarks.find_index", part, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _build(home: str, source: str) -> dict[str, float]:
    with portal.connect(home=home) as fed:
        index = fed.records.index
        began, busy = time.perf_counter(), time.process_time()
        peak = _peak(lambda: index.upsert(_items(Path(source)), catalog=_CATALOG))
        taken = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
        visible = _visible(index, next(records(1, seed=1)))
    return peak | taken | {"visible": visible}


def _serve(home: str) -> dict[str, float]:
    with portal.connect(home=home) as fed:

        def work() -> None:
            for query in queries(QUERIES):
                fed.search(query.text, bbox=query.bbox, time=query.time)

        return _peak(work)


def _peak(work: Callable[[], None]) -> dict[str, float]:
    """Return the largest sizes of this process while it works, MB."""
    before, largest = _sizes(), _sizes()
    ended = threading.Event()

    def sample() -> None:
        nonlocal largest
        while not ended.wait(_SAMPLE_SECONDS):
            largest = tuple(map(max, largest, _sizes()))

    watch = threading.Thread(target=sample)
    watch.start()
    work()
    ended.set()
    watch.join()
    return {
        "growth": largest[0] - before[0], "own": largest[1] - before[1], "whole": largest[0],
    }  # fmt: skip


def _sizes() -> tuple[float, ...]:
    """Return the resident set and the anonymous part of it, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return tuple(int(told[name].split()[0]) / 1000 for name in ("VmRSS", "RssAnon"))


def _say(what: str) -> None:
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{time.strftime('%H:%M:%S')} {what} (load {load})", file=sys.stderr, flush=True)


if __name__ == "__main__":
    parts = {"build": _build, "serve": _serve}
    if sys.argv[1:] and sys.argv[1] in parts:
        print(json.dumps(parts[sys.argv[1]](*sys.argv[2:])))
    else:
        for row in figures(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS):
            print(row)
