"""What a run costs over the same script by hand, and the memory it takes.

The job is the turbidity one of the sample data. Both sides start a process, a Dask cluster of the
same layout, open the same inputs by the same driver, call the same function and write the same
variables with the same codec. They take turns, with compiled files in a cache of their own.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

import portal
from portal.federation.runs import Run
from portal.sample.analyses import turbidity_by_surface
from tests.benchmarks.report import figure

ROUNDS = 3
GOAL_S = 1.0
SHARE = 0.03
GOAL_GB = 2.0
_SAMPLE_SECONDS = 0.05

BY_HAND = """
import sys

import zarr
from dask.distributed import Client

from portal.sample.analyses import turbidity_by_surface
from portal.sample.catalog import SampleCatalog

if __name__ == "__main__":
    client = Client(n_workers=1, threads_per_worker=int(sys.argv[2]), dashboard_address=None)
    catalog = SampleCatalog("sandia", collection="sandia")
    items = {item.local_id: item for item in catalog.items()}
    result = turbidity_by_surface(
        turbidity=catalog.open(items["linke-turbidity"]), relief=catalog.open(items["altitude"])
    ).drop_encoding()
    codec = zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    encoding = {name: {"compressors": codec} for name, v in result.data_vars.items() if v.shape}
    result.to_zarr(sys.argv[1], encoding=encoding)
    client.close()
"""


def figures() -> list[dict[str, Any]]:
    """Measure both in turns; then the memory of one more run."""
    hand: list[float] = []
    ours: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as directory,
        compiled_files(Path(directory, "cache")),
        portal.connect(home=Path(directory) / "home") as fed,
    ):
        script = Path(directory, "by_hand.py")
        script.write_text(BY_HAND)
        for turn in range(ROUNDS + 1):
            times = _by_hand(script, Path(directory, f"{turn}.zarr")), _run(fed)
            print("by hand {:.2f} s, run {:.2f} s{}".format(*times, "" if turn else " (warm-up)"))
            if turn:
                hand.append(times[0])
                ours.append(times[1])
        peak = _peak_memory(fed)
    by_hand, run = statistics.median(hand), statistics.median(ours)
    return [
        figure("turbidity job, run, median", run, "s", peer="by hand", peer_value=by_hand),
        figure("a run over by hand + 3 %", run - by_hand * (1 + SHARE), "s", goal=GOAL_S),
        figure("turbidity job, peak memory of all its processes", peak, "GB", goal=GOAL_GB),
    ]


@contextlib.contextmanager
def compiled_files(cache: Path) -> Iterator[None]:
    """Keep Python's compiled files, as an installation does."""
    before = dict(os.environ)
    os.environ["PYTHONPYCACHEPREFIX"] = str(cache)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _by_hand(script: Path, store: Path) -> float:
    threads = min(4, len(os.sched_getaffinity(0)))
    began = time.perf_counter()
    subprocess.run([sys.executable, script, store, str(threads)], check=True)
    return time.perf_counter() - began


def _start(fed: portal.Federation) -> Run:
    return fed.run(
        turbidity_by_surface, turbidity="sandia:linke-turbidity", relief="sandia:altitude"
    )


def _run(fed: portal.Federation) -> float:
    began = time.perf_counter()
    run = _start(fed).wait()
    taken = time.perf_counter() - began
    assert run.state == "completed", run.log()
    return taken


def _peak_memory(fed: portal.Federation) -> float:
    """Return the largest sum of proportional set sizes over a run's processes, GB."""
    peak = 0
    ended = threading.Event()

    def sample(leader: psutil.Process) -> None:
        nonlocal peak
        while not ended.wait(_SAMPLE_SECONDS):
            total = 0
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (leader, *leader.children(recursive=True)):
                    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        total += process.memory_full_info().pss
            peak = max(peak, total)

    run = _start(fed)
    job = run.directory.job()
    assert job is not None
    leader = psutil.Process(int(job[1].partition("-")[0]))
    watch = threading.Thread(target=sample, args=(leader,))
    watch.start()
    run.wait()
    ended.set()
    watch.join()
    assert run.state == "completed", run.log()
    return peak / 1e9


if __name__ == "__main__":
    for row in figures():
        print(row)
