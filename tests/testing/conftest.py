from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.contracts import Compute
from portal.core.facility import DriverConfig
from portal.core.plugins import COMPUTES, build_driver
from portal.testing.iri import IriServer, serve
from tests.testing.iri_client import Client


@pytest.fixture
def compute(tmp_path: Path) -> Compute:
    """Return what runs the jobs."""
    options = {"workspace": str(tmp_path / "scratch")}
    made: Compute = build_driver(COMPUTES, DriverConfig(driver="local", options=options))
    return made


@pytest.fixture
def server(compute: Compute, tmp_path: Path) -> Iterator[IriServer]:
    with serve(compute, directory=tmp_path / "server") as running:
        yield running


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def client(server: IriServer, request: pytest.FixtureRequest) -> Client:
    return Client(server, request.param)
