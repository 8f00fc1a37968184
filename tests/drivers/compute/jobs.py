"""Small jobs for the tests of compute drivers, and a Slurm cluster to run them."""

from __future__ import annotations

from typing import Any

import pytest

from portal.core.contracts import Compute
from portal.core.job import JobSpec, JobState, JobStatus
from portal.drivers.compute.slurm import SlurmCompute
from tests.helpers import wait_until


def spec(*command: str, key: str | None = None, name: str | None = None, **more: Any) -> JobSpec:
    return JobSpec(command[0], command[1:], name=name, key=key, **more)


def sleeping(seconds: int = 300, **more: Any) -> JobSpec:
    return spec("sleep", str(seconds), **more)


def until(compute: Compute, job_id: str, *states: JobState) -> JobStatus:
    """Wait for one of some states; fail at once where another one is final."""

    def reached() -> JobStatus | None:
        status = compute.status(job_id)
        assert status.state in states or not status.state.final, status
        return status if status.state in states else None

    return wait_until(reached)


@pytest.fixture
def cluster(lab_a):
    """A cluster whose jobs are ended after each test."""
    yield lab_a.cluster
    lab_a.cluster.cancel_all()


@pytest.fixture
def compute(lab_a, cluster, tmp_path):
    """The driver of that cluster, with a workspace of the test's own."""
    return SlurmCompute(**lab_a.options, workspace=str(tmp_path / "runs"))
