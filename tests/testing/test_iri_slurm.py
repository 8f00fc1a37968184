"""The IRI server over a real Slurm cluster: jobs wait in its queue, and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.core.plugins import COMPUTES, build_driver
from portal.testing.iri import serve
from tests.helpers import wait_until
from tests.testing.iri_client import Client


@pytest.mark.parametrize("version", [1, 2])
def test_jobs_go_through_the_queue(lab_a, tmp_path: Path, version: int) -> None:
    options = {**lab_a.options, "workspace": str(tmp_path / "runs")}
    compute = build_driver(COMPUTES, DriverConfig("slurm", options))
    with serve(compute, directory=tmp_path / "server") as server:
        client = Client(server, version)
        shared = {"node_count": 1, "exclusive_node_use": False}
        spec = {
            "executable": "/bin/sh",
            "arguments": ["-c", 'echo "$SLURM_JOB_ID on $WORD"'],
            "environment": {"WORD": "it's $(here)"},
            "stdout_path": "out",
            "name": "first",
            "resources": shared,
        }
        job = client.submit(spec).json()["id"]
        assert client.ended(job)["exit_code"] == 0
        assert " on it's $(here)\n" in (server.root / "out").read_text()

        sleep = {"executable": "/bin/sleep", "arguments": ["60"]}
        ids = [client.submit(sleep).json()["id"] for _ in range(2)]
        whole = client.submit(sleep | {"resources": {"node_count": 2}}).json()["id"]
        wait_until(lambda: client.job(ids[0])["status"]["state"] == "active")
        assert client.job(ids[0])["status"]["meta_data"]["nodes"]
        wait_until(lambda: client.job(whole)["status"]["message"])
        assert client.job(whole)["status"]["state"] == "queued"
        assert {one["id"] for one in client.jobs()} == {*ids, whole}
        for each in (*ids, whole):
            assert (
                client.ask("DELETE", f"compute/cancel/{client.resource}/{each}").status_code == 204
            )
        assert [client.ended(each)["state"] for each in (*ids, whole)] == ["canceled"] * 3
        assert client.jobs() == []
