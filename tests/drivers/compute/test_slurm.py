"""The Slurm compute driver, on real clusters: the conformance suite, and what is its own."""

from __future__ import annotations

import pytest

from portal.drivers.compute.slurm import SlurmCompute
from portal.testing.compute import ComputeTests


class TestSlurmHere(ComputeTests):
    @pytest.fixture
    def compute(self, lab_a, tmp_path):
        return SlurmCompute(**lab_a.options, workspace=str(tmp_path / "runs"))


class TestSlurmOverSsh(ComputeTests):
    @pytest.fixture
    def compute(self, lab_b):
        compute = SlurmCompute(**lab_b.options)
        yield compute
        compute.transport.close()
