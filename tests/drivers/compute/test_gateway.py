"""The gateway compute driver, against a real dask-gateway-server over a real Slurm."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.job import JobState
from portal.drivers.compute.gateway import GatewayCompute
from portal.testing.compute import ComputeTests
from tests.drivers.compute.servers.gateway import Gateway
from tests.site import open_directory


@pytest.fixture(scope="module")
def gateway(lab_a) -> Iterator[Gateway]:
    with open_directory("gateway") as directory, Gateway(directory, lab_a.cluster) as server:
        yield server


class TestGatewayCompute(ComputeTests):
    deadline = 120.0

    @pytest.fixture
    def compute(self, gateway, tmp_path):
        return GatewayCompute(**gateway.options, workspace=str(tmp_path / "runs"))

    def test_job_survives_its_submitter(self, compute, gateway, tmp_path):
        directory = self.directory(compute)
        options = {**gateway.options, "workspace": compute.workspace.root}
        program = f"""
import os, signal
from portal.core.job import JobSpec
from portal.drivers.compute.gateway import GatewayCompute
code = "import os, time\\nwhile not os.path.exists('go'): time.sleep(0.05)\\nopen('done', 'w')"
job = JobSpec({sys.executable!r}, ("-c", code), directory={directory!r})
print(GatewayCompute(**{options!r}).submit(job), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == -9, done.stderr
        job_id = done.stdout.strip()
        self.until(lambda: compute.status(job_id).state is JobState.ACTIVE)
        assert compute.status(job_id).nodes
        assert job_id in [job.id for job in compute.jobs()]
        Path(directory, "go").touch()
        assert self.ended(compute, job_id).state is JobState.COMPLETED
        assert Path(directory, "done").exists()
