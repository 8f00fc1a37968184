"""Analyses that give a drill the time, or the cause, to strike."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dask.array as da
import numpy as np
import xarray as xr

from portal.core.analysis import analysis


@analysis
def patient(data: xr.Dataset, *, tasks: int = 40, seconds: float = 0.2) -> xr.Dataset:
    """Sleeps in many small tasks, then gives their numbers."""

    def nap(block):
        time.sleep(seconds)
        return block + 1

    lazy = da.arange(tasks, chunks=1).map_blocks(nap, dtype=int)
    return xr.Dataset({"x": ("n", lazy)})


@analysis
def stubborn(data: xr.Dataset) -> xr.Dataset:
    """Catches everything and goes on."""
    print("begun", flush=True)
    while True:
        try:
            time.sleep(0.2)
        except BaseException:
            continue


@analysis
def poisonous(data: xr.Dataset) -> xr.Dataset:
    """Has a task that ends every process that runs it."""

    def fatal(block):
        os.kill(os.getpid(), 9)
        return block

    lazy = da.ones(4, chunks=1).map_blocks(fatal, dtype=float, meta=np.ones(0))
    return xr.Dataset({"x": ("n", lazy)})


@analysis
def bulky(data: xr.Dataset, *, megabytes: int = 64) -> xr.Dataset:
    """Gives a result that no codec makes smaller."""
    cells = megabytes * 2**20 // 8
    lazy = da.random.default_rng(1).random(cells, chunks=cells // 4)
    return xr.Dataset({"first": ("m", lazy[:100]), "x": ("n", lazy)})


@analysis
def gated(data: xr.Dataset, *, gate: str, tasks: int = 8) -> xr.Dataset:
    """Does a few tasks, and those that need them once a file is there."""

    def wait(block, before):
        while not Path(gate).exists():
            time.sleep(0.05)
        return block + before

    before = da.ones(4, chunks=1, dtype=int).max()
    lazy = da.arange(tasks, chunks=1).map_blocks(wait, before, meta=np.ones(0, int))
    return xr.Dataset({"x": ("n", lazy)})


@analysis
def hoarding(data: xr.Dataset, *, gate: str, memory: int) -> xr.Dataset:
    """Has a task that holds a number of bytes until a file is there."""

    def hold(block):
        import psutil

        held = np.ones((memory - psutil.Process().memory_info().rss) // 8)
        while held.any() and not Path(gate).exists():
            time.sleep(0.5)
        return block

    lazy = da.ones(2, chunks=1).map_blocks(hold, meta=np.ones(0))
    return xr.Dataset({"x": ("n", lazy)})


@analysis
def hungry(data: xr.Dataset) -> xr.Dataset:
    """Has a task that takes more and more memory."""

    def take(block):
        held = []
        while len(held) < 100:
            held.append(np.ones(2**22))
            time.sleep(0.05)
        return block

    return xr.Dataset({"x": ("n", da.ones(1, chunks=1).map_blocks(take, meta=np.ones(0)))})
