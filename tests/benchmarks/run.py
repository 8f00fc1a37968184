"""``make bench-run``: clusters, what a run costs, a billion cells, the store, progress."""

from __future__ import annotations

from tests.benchmarks import run_cluster, run_mean, run_progress, run_slurm, run_store
from tests.benchmarks.report import report


def main() -> None:
    """Measure one thing after the other, and report."""
    parts = (run_cluster, run_slurm, run_mean, run_store, run_progress)
    report("run", [f for part in parts for f in part.figures()])


if __name__ == "__main__":
    main()
