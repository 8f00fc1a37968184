"""The viewer and its peers in JupyterLab, on the same store, one after another."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.fts import p95
from tests.benchmarks.report import figure
from tests.benchmarks.view_browser import Notebook, chromium
from tests.benchmarks.view_data import CHUNKS, write
from tests.benchmarks.view_peers import COLD, PEERS, PORTAL, SECOND, Look

STEPS = 40
#: New notebooks of which the median first paint is taken.
TIMES = 3


def steps(notebook: Notebook, count: int) -> list[float]:
    """Press the right arrow again and again; each step's milliseconds."""
    notebook.focus()
    return [notebook.press("ArrowRight", number) for number in range(1, count + 1)]


def compare(store: Path, looks: tuple[Look, ...], count: int = STEPS) -> dict[str, Any]:
    """Return, by name, the first paint and the steps of each; a peer that shows none is left out."""
    from playwright.sync_api import Error

    found: dict[str, Any] = {}
    for look in looks:
        try:
            with opened(store, look) as notebook:
                first = notebook.first()
                taken = steps(notebook, count)
        except (AssertionError, Error) as error:
            if look not in PEERS:
                raise
            print(f"{look.name}: not measured, {str(error).splitlines()[0]}", flush=True)
            continue
        found[look.name] = {"first": first, "steps": taken}
        middle = statistics.median(taken)
        print(f"{look.name}: first {first:,.0f} ms, steps {middle:.1f} ms", flush=True)
    return found


@contextmanager
def opened(store: Path, look: Look) -> Iterator[Notebook]:
    """Open a notebook in a Lab of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as name,
        chromium(Path(name), ahead=look.ahead) as (page, lab),
    ):
        yield Notebook(page, lab, look, "look.ipynb", store)


def firsts(store: Path, look: Look) -> list[float]:
    """Return the milliseconds to the first paint, of `TIMES` new notebooks."""
    taken = []
    for _ in range(TIMES):
        with opened(store, look) as notebook:
            taken.append(notebook.first())
    print(f"first {', '.join(f'{first:,.0f}' for first in taken)} ms")
    return taken


def figures(store: Path) -> list[dict[str, Any]]:
    """Measure all, on one store."""
    found = compare(store, (PORTAL, *PEERS))
    ours = found.pop("Portal")
    name = "cell run to first paint, Lab"
    rows = [
        figure(
            f"{name}, imports counted (notebook was opened: imported ahead), p50",
            statistics.median(firsts(store, PORTAL)),
            "ms",
            goal=1000,
        ),
        figure(
            f"{name}, imports counted, import ahead switched off, p50",
            statistics.median(firsts(store, COLD)),
            "ms",
        ),
        figure(
            f"{name}, imports done (a cell before has viewed another dataset), p50",
            statistics.median(firsts(store, SECOND)),
            "ms",
            goal=400,
        ),
    ]
    for peer, theirs in found.items():
        rows += [
            figure(
                f"{name}, imports counted (Portal's ahead)",
                ours["first"],
                "ms",
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
