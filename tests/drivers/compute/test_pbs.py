"""The PBS compute driver: the conformance suite over slurm-wlm-torque's qsub, and what is its own."""

from __future__ import annotations

import pytest

from portal.drivers.compute.pbs import PbsCompute
from portal.testing.compute import ComputeTests
from tests.site import needs


class TestPbs(ComputeTests):
    @pytest.fixture
    def compute(self, lab_a, tmp_path):
        needs("qsub", "qstat", "qdel")
        return PbsCompute(**lab_a.options, workspace=str(tmp_path / "two words"), style="torque")
