"""What a billion cells cost: their mean over time, by a run at Portal's defaults and by hand.

The data are 10**9 float32 cells, (time 1000, y 1000, x 1000), in Zarr chunks of (10, 1000, 1000),
blosc-zstd with shuffle: smooth waves with noise, rounded to a thousandth. By hand is xarray on a
``distributed.Client()`` at its defaults. CPU-seconds are those of every process below this one, the
kernel's share included. What is computed is compared too.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import portal
from portal.core.job import JobState
from tests.benchmarks.facilities import add_facility
from tests.benchmarks.report import figure

SIZES = (1000, 1000, 1000)
CHUNK = 10
ROUNDS = 3
SHARE = 0.8
_SUBREAPER = 36

BY_HAND = """
import sys

import xarray as xr
from dask.distributed import Client

if __name__ == "__main__":
    client = Client(dashboard_address=None)
    result = xr.open_zarr(sys.argv[1]).mean("time")
    result.drop_encoding().to_zarr(sys.argv[2])
    client.close()
"""


@portal.analysis
def mean_over_time(cells: xr.Dataset) -> xr.Dataset:
    """Mean over time."""
    return cells.mean("time")


def figures() -> list[dict[str, Any]]:
    """Write the data, then measure both in turns."""
    _adopt()
    hand: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        write(directory / "data" / "cells.zarr")
        script = directory / "by_hand.py"
        script.write_text(BY_HAND)
        add_facility(directory / "home", "bench", {"driver": "local"}, data=directory / "data")
        with portal.connect(home=directory / "home") as fed:
            for turn in range(ROUNDS + 1):
                target = directory / f"{turn}.zarr"
                by_hand = _measured(lambda to=target: _by_hand(script, directory, to))
                results: list[xr.Dataset] = []
                run = _measured(lambda into=results: into.append(_run(fed)))
                xr.testing.assert_allclose(xr.open_zarr(target), results[0])
                print("by hand {:.1f} s, {:.1f} CPU-s;".format(*by_hand), end=" ")
                print("run {:.1f} s, {:.1f} CPU-s".format(*run), "" if turn else "(warm-up)")
                if turn:
                    hand.append(by_hand)
                    ours.append(run)
    mine, theirs = (
        [statistics.median(times) for times in zip(*side, strict=True)] for side in (ours, hand)
    )
    peer = "xarray + distributed at its defaults"
    return [
        figure("mean of 1e9 cells, run", mine[0], "s", peer=peer, peer_value=theirs[0]),
        figure(
            "mean of 1e9 cells, run, CPU",
            mine[1],
            "CPU-s",
            goal=SHARE * theirs[1],
            peer=peer,
            peer_value=theirs[1],
        ),
    ]


def write(path: Path) -> None:
    """Write the store, one chunk in memory at a time."""
    import zarr

    group = zarr.open_group(path, mode="w")
    array = group.create_array(
        "cells",
        shape=SIZES,
        chunks=(CHUNK, *SIZES[1:]),
        dtype="float32",
        compressors=zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
        dimension_names=("time", "y", "x"),
    )
    random = np.random.default_rng(20261121)
    y, x = np.meshgrid(*(np.linspace(0, 9, n, dtype="float32") for n in SIZES[1:]), indexing="ij")
    for first in range(0, SIZES[0], CHUNK):
        times = np.arange(first, first + CHUNK, dtype="float32")[:, None, None]
        waves = 10 * np.sin(y + times / 40) * np.cos(x - times / 60)
        noise = random.standard_normal((CHUNK, *SIZES[1:]), dtype="float32")
        array[first : first + CHUNK] = np.round(waves + noise / 2, 3)
    zarr.consolidate_metadata(path)


def _run(fed: Any) -> xr.Dataset:
    (item,) = fed.search(facility="bench", limit=1)
    run = fed.run(mean_over_time, cells=item, at="bench.debug").wait(600)
    assert run.state is JobState.COMPLETED, run.log()
    found: xr.Dataset = run.result()
    return found


def _by_hand(script: Path, directory: Path, target: Path) -> None:
    store = directory / "data" / "cells.zarr"
    subprocess.run([sys.executable, str(script), str(store), str(target)], check=True)


def _adopt() -> None:
    """Let orphans below this process become its children, so that none is left out of the count."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "orphans cannot be adopted here")


def _measured(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds, and the CPU-seconds of the processes that were started and have ended."""
    before, began = _busy(), time.perf_counter()
    work()
    taken = time.perf_counter() - began
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    return taken, _busy() - before


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    for row in figures():
        print(row)
