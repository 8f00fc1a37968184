"""``make bench-core``: import, search, what a run costs, memory."""

from __future__ import annotations

from tests.benchmarks import core_import, core_overhead, core_search
from tests.benchmarks.report import report


def main() -> None:
    """Measure one thing after the other, and report."""
    report(
        "core", [f for part in (core_import, core_search, core_overhead) for f in part.figures()]
    )


if __name__ == "__main__":
    main()
