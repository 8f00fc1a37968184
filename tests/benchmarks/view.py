"""`make bench-view`: what one waits for when looking at data, beside the peers, in a real browser.

Lab, kernel and notebook are new for each. Needs the peers of the dependency group ``peers``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks import view_kernel, view_lab, view_moves, view_pages
from tests.benchmarks.report import report
from tests.benchmarks.view_data import CHUNKS, write


def main() -> None:
    """Write the stores, measure everything, and report."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        stores = {kind: Path(name) / f"{kind}.zarr" for kind in CHUNKS}
        for kind, chunks in CHUNKS.items():
            write(stores[kind], chunks)
        report(
            "view",
            [
                *view_lab.figures(stores["slices"]),
                *view_moves.slices(stores["slices"]),
                *view_moves.emulated(stores["slices"]),
                *view_moves.blocks(stores["blocks"]),
                *view_moves.in_memory(stores["slices"]),
                *view_pages.figures(stores["slices"]),
                *view_kernel.figures(),
            ],
        )


if __name__ == "__main__":
    main()
