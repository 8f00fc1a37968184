"""Whole runs at an IRI facility, through the door: progress, result, cancel, an expiring token."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import xarray as xr

import portal
from portal.core.job import JobState
from portal.drivers.compute.local import LocalCompute
from portal.testing.iri import serve
from tests.drivers.compute.iri_facility import VERSIONS, sent, token_of
from tests.helpers import wait_until

__all__ = ["sent"]

CO2 = "ornl:mauna-loa-co2"


@portal.analysis
def waiting(co2: xr.Dataset, *, gate: str) -> xr.Dataset:
    """Wait for a file, then count."""
    import time
    from pathlib import Path

    end = time.monotonic() + 100
    while not Path(gate).exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    return co2.count()


@pytest.fixture(params=VERSIONS)
def laboratory(request, tmp_path, home):
    """A facility file that names an IRI service, and the service."""
    with serve(LocalCompute(workspace=str(tmp_path / "site"))) as server:
        server.write_token(token_of(server))
        options = {
            "driver": "iri",
            "url": f"{server.url}/api/{request.param}",
            "resource": "debug",
            "token_file": str(token_of(server)),
            "ca_file": str(server.ca_file),
            "workspace": f"{server.root}/runs",
            "python": sys.executable,
            "account": "portal-tests",
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        (home / "facilities").mkdir(parents=True)
        text = "\n".join(['name = "A laboratory"', "[compute.debug]", *lines])
        (home / "facilities" / "lab.toml").write_text(text)
        yield server


def test_run_survives_the_end_of_its_token(laboratory, home, tmp_path):
    token = token_of(laboratory).read_text().strip()
    gate = tmp_path / "gate"
    with portal.connect(home=home) as fed:
        run = fed.run(waiting, co2=CO2, gate=str(gate), at="lab.debug")
        wait_until(lambda: run.status().state is JobState.ACTIVE)
        laboratory.tokens.expire()
        laboratory.write_token(token_of(laboratory))
        gate.touch()
        assert int(run.result(timeout=120).co2) > 2000
        found = run.id
    with portal.connect(home=home) as again:
        (same,) = again.runs()
        assert (same.id, same.status().state) == (found, JobState.COMPLETED)
    kept = [p for p in (tmp_path / "site").rglob("*") if p.is_file()]
    assert kept
    for path in [*kept, *(p for p in Path(home).rglob("*") if p.is_file())]:
        assert token.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("laboratory", ["v2"], indirect=True)
def test_run_is_canceled(laboratory, home, tmp_path):
    with portal.connect(home=home) as fed:
        run = fed.run(waiting, co2=CO2, gate=str(tmp_path / "never"), at="lab.debug")
        wait_until(lambda: run.status().state is JobState.ACTIVE)
        run.cancel()
        wait_until(lambda: run.status().state is JobState.CANCELED)
