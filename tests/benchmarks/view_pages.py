"""Jumps to far slices where there is no JupyterLab: on a page of Voilà's, in an app of Panel's."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.fts import p95
from tests.benchmarks.report import figure
from tests.benchmarks.view_browser import Shown, browser
from tests.benchmarks.view_moves import jumps
from tests.benchmarks.view_peers import PORTAL
from tests.faces.panel import panel_serve
from tests.faces.voila import Served, write_page

VIEW = "import xarray as xr\nimport portal\n\nview = portal.view(xr.open_zarr({path!r}))\n"


@contextmanager
def voila(folder: Path, store: Path) -> Iterator[str]:
    """Serve the viewer by Voilà; give the page's address."""
    pages = write_page(folder / "pages", VIEW.format(path=str(store)) + "view")
    served = Served(pages, folder / "home")
    try:
        yield served.url
    finally:
        served.end()


@contextmanager
def panel(folder: Path, store: Path) -> Iterator[str]:
    """Serve the viewer by Panel; give the page's address."""
    start = "import panel as pn\n\npn.extension()\n"
    with panel_serve(
        folder, f"{start}{VIEW.format(path=str(store))}view.panel().servable()"
    ) as url:
        yield url


def figures(store: Path) -> list[dict[str, Any]]:
    """Measure both, one after the other."""
    rows = []
    for name, serve in (("Voilà", voila), ("Panel", panel)):
        with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder, browser() as page:  # noqa: SIM117 - the page leaves before its server ends
            with serve(Path(folder), store) as url:
                page.goto(url)
                shown = Shown(page, PORTAL, page.locator("body"))
                shown.output.locator(".portal-viewer[data-portal-frame]").wait_for(timeout=120_000)
                shown.settle()
                shown.focus()
                far = jumps(shown)
                page.goto("about:blank")
        print(f"{name}: jumps {statistics.median(far):.1f} ms")
        rows += [
            figure(f"jump to a far slice, {name}, p50", statistics.median(far), "ms"),
            figure(f"jump to a far slice, {name}, p95", p95(far), "ms", goal=60),
        ]
    return rows
