"""The time of ``import portal`` over bare Python, beside ``import dask``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.benchmarks.report import figure

ROUNDS = 15
GOAL_S = 0.15


def figures() -> list[dict[str, Any]]:
    """Measure in turns, with compiled files in a cache of their own, as an installation has."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as cache:
        environment = dict(os.environ, PYTHONPYCACHEPREFIX=cache)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        programs = {"bare": "pass", "portal": "import portal", "dask": "import dask"}
        times: dict[str, list[float]] = {name: [] for name in programs}
        for turn in range(ROUNDS + 1):
            for name, code in programs.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=environment)
                if turn:
                    times[name].append(time.perf_counter() - began)
    median = {name: statistics.median(values) for name, values in times.items()}
    return [
        figure(
            "import portal over bare Python, median",
            median["portal"] - median["bare"],
            "s",
            goal=GOAL_S,
            peer="import dask over bare Python",
            peer_value=median["dask"] - median["bare"],
        )
    ]
