"""What a run on a Slurm cluster costs over the same script under sbatch.

The job is the turbidity one of the sample data, as in ``core_overhead``; both sides wait for a node
that is idle. By hand the script's end is seen in the file that the batch script writes last; a
run's by ``run.wait()``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import portal
from portal.sample.analyses import turbidity_by_surface
from tests.benchmarks.core_overhead import BY_HAND, compiled_files
from tests.benchmarks.facilities import add_facility
from tests.benchmarks.report import figure
from tests.drivers.compute.servers.labs import Lab, lab_here

ROUNDS = 3
GOAL_S = 1.0
SHARE = 0.03
_POLL_SECONDS = 0.05


def figures() -> list[dict[str, Any]]:
    """Measure both in turns."""
    hand: list[float] = []
    ours: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as name,
        compiled_files(Path(name, "cache")),
        lab_here() as lab,
    ):
        directory = Path(name)
        script = directory / "by_hand.py"
        script.write_text(BY_HAND)
        compute = {"driver": "slurm", "workspace": str(directory / "site"), **lab.options}
        add_facility(directory / "home", "laba", compute)
        with portal.connect(home=directory / "home") as fed:
            for turn in range(ROUNDS + 1):
                times = _by_hand(lab, script, directory / f"{turn}.zarr"), _run(lab, fed)
                print("sbatch {:.2f} s, run {:.2f} s".format(*times), "" if turn else "(warm-up)")
                if turn:
                    hand.append(times[0])
                    ours.append(times[1])
    by_hand, run = statistics.median(hand), statistics.median(ours)
    peer = {"peer": "sbatch by hand", "peer_value": by_hand}
    return [
        figure("turbidity job on Slurm, run, median", run, "s", **peer),
        figure(
            "turbidity job on Slurm, a run over by hand + 3 %",
            run - by_hand * (1 + SHARE),
            "s",
            goal=GOAL_S,
        ),
    ]


def _by_hand(lab: Lab, script: Path, store: Path) -> float:
    lab.cluster.wait_idle()
    ended = store.with_suffix(".ended")
    threads = min(4, len(os.sched_getaffinity(0)))
    batch = f"#!/bin/sh\n{sys.executable} {script} {store} {threads} && touch {ended}\n"
    began = time.perf_counter()
    subprocess.run(
        [str(lab.cluster.bin / "sbatch"), f"--chdir={store.parent}", f"--cpus-per-task={threads}"],
        input=batch.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    while not ended.exists():
        time.sleep(_POLL_SECONDS)
    return time.perf_counter() - began


def _run(lab: Lab, fed: portal.Federation) -> float:
    lab.cluster.wait_idle()
    threads = min(4, len(os.sched_getaffinity(0)))
    began = time.perf_counter()
    run = fed.run(
        turbidity_by_surface,
        turbidity="sandia:linke-turbidity",
        relief="sandia:altitude",
        at="laba.debug",
        resources=portal.Resources(process_count=1, cpu_cores_per_process=threads),
    ).wait()
    taken = time.perf_counter() - began
    assert run.state == "completed", run.log()
    return taken


if __name__ == "__main__":
    for row in figures():
        print(row)
