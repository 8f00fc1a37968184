"""The IRI driver against the small facility of portal.testing: both versions, jobs that really run."""

from __future__ import annotations

import sys

import pytest

from portal.drivers.compute.iri import IriCompute
from portal.drivers.compute.local import LocalCompute
from portal.testing.compute import ComputeTests
from portal.testing.iri import serve


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("facility")
    with serve(LocalCompute(workspace=str(root))) as server:
        server.write_token(root.parent / "token")
        yield server


def driver(server, version, **options):
    options = {
        "token_file": str(server.root.parent / "token"),
        "ca_file": str(server.ca_file),
        "python": sys.executable,
        "account": "portal-tests",
        "resource": "debug",
        **options,
    }
    return IriCompute(f"{server.url}/api/{version}", **options)


class IriTests(ComputeTests):
    version = ""

    @pytest.fixture
    def compute(self, served):
        return driver(served, self.version, workspace=f"{served.root}/{self.version}-runs")


class TestIri1(IriTests):
    version = "v1"


class TestIri2(IriTests):
    version = "v2"
