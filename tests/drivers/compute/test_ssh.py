"""The driver `ssh`: the conformance suite over a real sshd, and what is its own."""

from __future__ import annotations

import uuid

import pytest

from portal.drivers.compute.ssh import SshCompute
from portal.testing.compute import ComputeTests
from tests.drivers.compute.servers.sshd import Sshd
from tests.site import open_directory


@pytest.fixture(scope="module")
def sshd():
    with open_directory("sshd") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture
def compute(sshd, site_users, site_python):
    options = sshd.options(site_users[0])
    compute = SshCompute(**options, workspace=f"~/{uuid.uuid4().hex}/runs", python=site_python)
    yield compute
    compute.transport.close()


class TestSshCompute(ComputeTests):
    @pytest.fixture
    def compute(self, compute):
        return compute
