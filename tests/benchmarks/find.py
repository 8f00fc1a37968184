"""``make bench-find``: a million records, ten live catalogs, virtual stores, the finder in a browser."""

from __future__ import annotations

from tests.benchmarks import find_browser, find_index, find_live, find_virtual
from tests.benchmarks.report import report


def main() -> None:
    """Measure one thing after the other, and report."""
    parts = (find_index, find_live, find_virtual, find_browser)
    report("find", [figure for part in parts for figure in part.figures()])


if __name__ == "__main__":
    main()
