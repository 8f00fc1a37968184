"""The viewer and its peers in JupyterLab, on the same store, one after another."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.fts import p95
from tests.benchmarks.report import figure
from tests.benchmarks.view_browser import Notebook, chromium
from tests.benchmarks.view_data import CHUNKS, write
from tests.benchmarks.view_peers import PEERS, PORTAL, Look

STEPS = 40


def steps(notebook: Notebook, count: int) -> list[float]:
    """Press the right arrow again and again; each step's milliseconds."""
    notebook.focus()
    return [notebook.press("ArrowRight", number) for number in range(1, count + 1)]


def compare(store: Path, looks: tuple[Look, ...], count: int = STEPS) -> dict[str, Any]:
    """Return, by name, the first paint and the steps of each."""
    found: dict[str, Any] = {}
    for look in looks:
        with (
            tempfile.TemporaryDirectory(prefix="portal-bench-") as name,
            chromium(Path(name)) as (page, lab),
        ):
            notebook = Notebook(page, lab, look, "look.ipynb", store)
            first = notebook.first()
            taken = steps(notebook, count)
            found[look.name] = {"first": first, "steps": taken}
            print(f"{look.name}: first {first:,.0f} ms, steps {statistics.median(taken):.1f} ms")
    return found


def figures(store: Path) -> list[dict[str, Any]]:
    """Measure all, on one store."""
    found = compare(store, (PORTAL, *PEERS))
    ours = found.pop("Portal")
    rows = []
    for peer, theirs in found.items():
        rows += [
            figure(
                "cell run to first paint, Lab",
                ours["first"],
                "ms",
                goal=1000,
                peer=peer,
                peer_value=theirs["first"],
            ),
            figure(
                "slider to pixels, fetched ahead, Lab, p50",
                statistics.median(ours["steps"]),
                "ms",
                peer=peer,
                peer_value=statistics.median(theirs["steps"]),
            ),
            figure(
                "slider to pixels, fetched ahead, Lab, p95",
                p95(ours["steps"]),
                "ms",
                goal=16,
                peer=peer,
                peer_value=p95(theirs["steps"]),
            ),
        ]
    return rows


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if not path.exists():
        write(path, CHUNKS["slices"])
    looks = {look.name.split()[0]: look for look in (PORTAL, *PEERS)}
    compare(path, tuple(looks[name] for name in sys.argv[2:]), 10)
