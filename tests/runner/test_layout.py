"""How many workers a run has, of how many threads and bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.job import Resources
from portal.errors import Unavailable
from portal.runner.cluster import Cluster
from portal.runner.crew import Layout
from portal.runner.security import RunSecurity

GIB = 2**30


@pytest.mark.parametrize(
    ("asked", "cores", "workers", "threads"),
    [
        (Resources(), 2, 1, 2),
        (Resources(), 1, 1, 1),
        (Resources(), 64, 16, 4),
        (Resources(process_count=2), 2, 2, 1),
        (Resources(process_count=3), 2, 3, 1),
        (Resources(cpu_cores_per_process=8), 64, 8, 8),
        (Resources(process_count=5, cpu_cores_per_process=2), 2, 5, 2),
    ],
)
def test_what_is_asked_for_is_kept(asked, cores, workers, threads):
    layout = Layout.choose(asked, cores=cores, memory=8 * GIB)
    assert (layout.workers, layout.threads) == (workers, threads)
    assert layout.memory == 8 * GIB // workers


counts = st.none() | st.integers(1, 64)


@given(counts, counts, st.none() | st.integers(GIB, 99 * GIB), st.integers(1, 256))
def test_memory_is_never_promised_twice(processes, cores_each, memory, cores):
    asked = Resources(process_count=processes, cpu_cores_per_process=cores_each, memory=memory)
    layout = Layout.choose(asked, cores=cores, memory=16 * GIB)
    assert layout.workers >= 1
    assert layout.threads >= 1
    assert layout.workers * layout.memory <= min(memory or 16 * GIB, 16 * GIB)


def test_cluster_that_cannot_start_says_why(tmp_path, monkeypatch):
    def refuse():
        raise ImportError("no module named cryptography")

    monkeypatch.setattr(RunSecurity, "for_run", refuse)
    with pytest.raises(Unavailable, match="no module named cryptography"):
        Cluster(Layout(1, 1, 2**30), tmp_path, lambda _: None).client()
