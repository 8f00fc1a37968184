"""What a picture costs the kernel, stage by stage, beside plain xarray and numpy.

Processor time of the whole process, which other work on the machine does not disturb; the floor is
what xarray alone takes to read the same slice. Memory is that of a process of its own that looks at
every slice in turn.
"""

from __future__ import annotations

import gzip
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from portal.ui.widgets.bundle import bundle
from portal.viewer import Frame, Viewer, tools_methods
from portal.viewer.cache import CAP
from portal.viewer.call import Unheard
from portal.viewer.planes import Reader
from tests.benchmarks.report import figure, report
from tests.benchmarks.view_data import CHUNKS, SIZE, write

SCREEN = {"width": 800, "height": 520}
ROUNDS = 20
SLICES = 200
ROW_BYTES = {"slices": 4 * SIZE * SIZE, "blocks": 80 * SIZE * SIZE}

DRAG = """
import sys
import psutil, xarray as xr
from portal.viewer import Viewer
viewer = Viewer(xr.open_zarr(sys.argv[1]))
process = psutil.Process()
viewer.frame("cells", {"time": 0}, width=800, height=520)
before = most = process.memory_info().rss
for time in range(viewer.ds.sizes["time"]):
    viewer.frame("cells", {"time": time}, width=800, height=520, quality="moving")
    most = max(most, process.memory_info().rss)
print(most - before)
"""

FIRST = """
import sys, time
import xarray as xr
ds = xr.open_zarr(sys.argv[1])
began = time.process_time()
from portal.viewer import Viewer
imported = time.process_time()
Viewer(ds).frame("cells", {"time": 0}, width=800, height=520)
print(imported - began, time.process_time() - imported)
"""


def processor_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median processor time of a call, ms."""
    work()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began))
    return statistics.median(taken)


def _slices() -> Iterator[int]:
    """Slices far from one another, each only once in a round: nothing of them is cached."""
    return itertools.cycle(i * 61 % SLICES for i in range(SLICES))


def stored(kind: str, store: Path) -> list[dict[str, Any]]:
    """Measure slices of an array on disk: the next one, and one that has to be read."""
    ds = xr.open_zarr(store)
    kept, unkept = Viewer(ds, reader=Reader()), Viewer(ds, reader=Reader(0))
    first = kept.frame("cells", {"time": 0}, **SCREEN)
    unkept.frame("cells", {"time": 0}, **SCREEN)
    have = [first.header["geometry"]]

    def ask(viewer: Viewer, number: int, quality: str) -> Frame:
        return viewer.frame("cells", {"time": number}, **SCREEN, quality=quality, have=have)

    near, far, floor = itertools.cycle(range(10)), _slices(), _slices()
    for number in range(10):
        ask(kept, number, "moving")
    plain = xr.open_zarr(store, chunks=None)["cells"].variable
    read = processor_ms(lambda: plain.isel(time=next(floor)).values)
    rows = []
    for quality in ("moving", "still"):
        cached = processor_ms(lambda q=quality: ask(kept, next(near), q))
        fresh = processor_ms(lambda q=quality: ask(unkept, next(far), q))
        rows += [
            figure(f"{kind}: slice whose chunks are kept, {quality}", cached, "ms", goal=16),
            figure(
                f"{kind}: slice to be read, {quality}, above reading it",
                fresh - read,
                "ms",
                goal=25,
                peer="xarray, reading alone",
                peer_value=read,
            ),
        ]
    return [*rows, at_a_point(kind, kept, plain)]


def at_a_point(kind: str, viewer: Viewer, plain: xr.Variable) -> dict[str, Any]:
    """Measure a series through all slices, each time at another point."""
    ask = tools_methods(viewer)["series"]
    points, others = itertools.count(1), itertools.count(1)

    def series() -> None:
        at = {"y": next(points) * 37 % SIZE, "x": SIZE // 2}
        ask({"variable": "cells", "at": at, "along": "time"}, Unheard())

    read = processor_ms(lambda: plain.isel(y=next(others) * 37 % SIZE, x=SIZE // 2).values, 5)
    return figure(
        f"{kind}: series of {SLICES} slices at a point",
        processor_ms(series, 5),
        "ms",
        peer="xarray, reading alone",
        peer_value=read,
    )


def in_memory() -> list[dict[str, Any]]:
    """Measure pictures of an array with far more cells than pixels."""
    random = np.random.default_rng(20261121)
    field = random.random((12, 2160, 4320), dtype="float32")
    holes = field[:2].copy()
    holes[:, ::3, ::5] = np.nan
    rows = []
    for name, values in (("in memory", field), ("in memory, with holes", holes)):
        viewer = Viewer(xr.Dataset({"cells": (("time", "y", "x"), values)}))
        have = [viewer.frame("cells", {}, **SCREEN).header["geometry"]]
        steps = itertools.cycle(range(len(values)))
        for quality in ("moving", "still"):
            taken = processor_ms(
                lambda q=quality, v=viewer, s=steps, h=have: v.frame(
                    "cells", {"time": next(s)}, **SCREEN, quality=q, have=h
                )
            )
            goal = 60 if quality == "moving" else None
            rows.append(figure(f"2160 × 4320 {name}, {quality}", taken, "ms", goal=goal))
    return rows


def run(script: str, store: Path) -> list[float]:
    """Run a script in a Python of its own, and return the numbers that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(store)], check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.split()]


def figures() -> list[dict[str, Any]]:
    """Measure one thing after another."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        for kind, chunks in CHUNKS.items():
            store = Path(name, f"{kind}.zarr")
            write(store, chunks, SLICES)
            rows += stored(kind, store)
            imported, first = run(FIRST, store)
            rows += [
                figure(f"{kind}: importing the viewer, after xarray", 1000 * imported, "ms"),
                figure(f"{kind}: first picture, limits included", 1000 * first, "ms", goal=400),
            ]
            (grown,) = run(DRAG, store)
            bound = (CAP + 2 * ROW_BYTES[kind]) / 1e6
            rows.append(
                figure(f"{kind}: memory of seeing every slice", grown / 1e6, "MB", goal=bound)
            )
    size = sum(len(gzip.compress(bundle(f"viewer.{kind}").read_bytes())) for kind in ("js", "css"))
    return [*rows, *in_memory(), figure("front-end bundle, compressed", size / 1e3, "kB", goal=150)]


if __name__ == "__main__":
    report("view-kernel", figures())
