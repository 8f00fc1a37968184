"""1,000 runs in the store: finding them all from their directories, and showing the first page.

The directories are copies of one that a real run has left, result and all, under ids of their own.
They are found on the local file system; nothing is kept between two rounds but what the system
itself caches. The peer is the least that anyone could do: list the directory, and read and parse
the two small files of each run on the page.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import portal
from portal.core.run import JOB_JSON, RUN_JSON, STATUS
from portal.federation.listing import PAGE
from portal.sample.analyses import warming
from tests.benchmarks.report import figure

RUNS = 1_000
ROUNDS = 15
GOAL_MS = 100.0


def figures() -> list[dict[str, Any]]:
    """Measure both side by side."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as directory:
        home = Path(directory)
        with portal.connect(home=home) as fed:
            run = fed.run(warming, scenario="metoffice:e1-north-america").wait()
            assert run.state == "completed", run.log()
            fill(Path(run.directory.path), RUNS)
            ours, least = [], []
            for _ in range(ROUNDS):
                ours.append(_milliseconds(lambda: _shown(fed)))
                least.append(_milliseconds(lambda: _by_hand(fed.home.runs)))
    return [
        figure(
            f"{RUNS} runs: fed.runs() and the first page, p50",
            statistics.median(ours),
            "ms",
            goal=GOAL_MS,
            peer="os.listdir, json.load",
            peer_value=statistics.median(least),
        ),
        figure(f"{RUNS} runs: fed.runs() and the first page, slowest", max(ours), "ms"),
    ]


def fill(model: Path, count: int) -> None:
    """Copy a run directory under other ids until there are ``count``."""
    for number in range(count - 1):
        moment = f"2025{1 + number % 12:02}{1 + number % 28:02}T{number % 24:02}0000"
        copied = model.parent / f"{moment}-warming-{number:08x}"
        shutil.copytree(model, copied, copy_function=os.link)
        for name in (RUN_JSON, JOB_JSON):
            text = (copied / name).read_text().replace(model.name, copied.name)
            (copied / name).unlink()
            (copied / name).write_text(text)


def _shown(fed: portal.Federation) -> None:
    runs = fed.runs()
    assert len(runs) == RUNS
    assert repr(runs).count("completed") == PAGE


def _by_hand(root: Path) -> None:
    names = sorted(os.listdir(root), reverse=True)  # noqa: PTH208 - the least there is
    for name in names[:PAGE]:
        for file in (RUN_JSON, STATUS):
            json.loads((root / name / file).read_bytes())


def _milliseconds(what: Callable[[], None]) -> float:
    began = time.perf_counter()
    what()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    for row in figures():
        print(row)
