"""Jobs of the IRI server really run, in both versions."""

from __future__ import annotations

import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.core.contracts import Compute
from portal.core.job import JobSpec
from portal.testing.iri import IriServer, serve
from tests.helpers import wait_until
from tests.testing.iri_client import Client

HELLO = {"executable": "/bin/sh", "arguments": ["-c", "echo hello $WHO; exit $CODE"]}


def test_a_job_runs(client: Client, server: IriServer) -> None:
    spec = HELLO | {"environment": {"WHO": "you", "CODE": "0"}, "stdout_path": "out"}
    made = client.submit(spec)
    assert made.status_code == 200, made.text
    status = client.ended(made.json()["id"])
    assert status["state"] == "completed"
    assert status["exit_code"] == 0
    assert status["meta_data"]["account"] == "portal-tests"
    assert (server.root / "out").read_text() == "hello you\n"


def test_a_failing_job_has_failed(client: Client) -> None:
    spec = HELLO | {"environment": {"WHO": "you", "CODE": "3"}}
    status = client.ended(client.submit(spec).json()["id"])
    assert (status["state"], status["exit_code"]) == ("failed", 3)
    assert status["message"]


def test_before_after_and_standard_input(client: Client, server: IriServer) -> None:
    (server.root / "a file").write_text("given")
    spec = {
        "executable": "/bin/sh",
        "arguments": ["-c", 'cat; echo " $SET $1"; exit 5', "sh", "it's $(here)"],
        "pre_launch": "export SET=set",
        "post_launch": "echo after",
        "stdin_path": "a file",
        "stdout_path": "out",
    }
    status = client.ended(client.submit(spec).json()["id"])
    assert status["exit_code"] == 5
    assert (server.root / "out").read_text() == "given set it's $(here)\nafter\n"


def test_cancel_ends_it(client: Client) -> None:
    job = client.submit({"executable": "/bin/sleep", "arguments": ["60"]}).json()["id"]
    wait_until(lambda: client.job(job)["status"]["state"] == "active")
    for _ in range(2):
        answer = client.ask("DELETE", f"compute/cancel/{client.resource}/{job}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert client.ended(job)["state"] == "canceled"


def test_lists_what_runs_or_all(client: Client) -> None:
    spec = {"executable": "/bin/sleep", "arguments": ["60"], "name": "long"}
    long, short = (
        client.submit(spec).json()["id"],
        client.submit({"executable": "true"}).json()["id"],
    )
    client.ended(short)
    assert [job["id"] for job in client.jobs()] == [long]
    assert [job["id"] for job in client.jobs(historical="true")] == [short, long]
    assert client.jobs(historical="true", offset=1, limit=1)[0]["id"] == long
    found = client.jobs({"name": "long"}, include_spec="true")
    assert [job["job_spec"]["arguments"] for job in found] == [["60"]]
    assert client.jobs({"state": "failed"}, historical="true") == []
    bad = client.ask("POST", f"compute/status/{client.resource}", json={"colour": "red"})
    assert bad.status_code == 400
    client.ask("DELETE", f"compute/cancel/{client.resource}/{long}")
    assert (
        client.get(f"compute/status/{client.resource}/{short}?historical=false").status_code == 404
    )


def test_the_name_of_a_job_can_be_changed(client: Client) -> None:
    spec = {
        "executable": "/bin/sleep",
        "arguments": ["60"],
        "attributes": {"account": "portal-tests"},
    }
    job = client.submit(spec).json()["id"]
    path = f"compute/job/{client.resource}/{job}"
    assert client.ask("PUT", path, json=spec | {"name": "new"}).status_code == 200
    assert client.job(job, include_spec="true")["job_spec"]["name"] == "new"
    assert client.ask("PUT", path, json=spec | {"arguments": ["1"]}).status_code == 422
    client.ask("DELETE", f"compute/cancel/{client.resource}/{job}")
    client.ended(job)
    assert client.ask("PUT", path, json=spec).status_code == 409


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"executable": "true", "unknown": 1}, 400),
        ({"executable": ""}, 400),
        ({"executable": "true", "arguments": "one"}, 400),
        ({"executable": "true", "resources": {"memory": "1"}}, 400),
        ({"executable": "true", "resources": {"node_count": 0}}, 400),
        ({}, 422),
        ({"executable": "true", "container": {"image": "x"}}, 422),
        ({"executable": "true", "arguments": ["a\0b"]}, 422),
        ({"executable": "/nowhere/program"}, 503),
    ],
)
def test_wrong_jobs_are_refused(client: Client, spec: dict[str, object], status: int) -> None:
    answer = client.submit(spec)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["detail"]
    assert client.jobs(historical="true") == []


def test_one_key_starts_one_job(server: IriServer) -> None:
    client, key = Client(server, 2), str(uuid.uuid4())
    mark = {"executable": "mktemp", "arguments": ["XXXX.mark"]}
    ids = {client.submit(mark, Idempotency_Key=key).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    client.ended(ids.pop())
    assert len(list(server.root.glob("*.mark"))) == 1
    other = client.submit(mark | {"name": "other"}, Idempotency_Key=key)
    assert other.status_code == 422
    assert client.submit(mark, Idempotency_Key=str(uuid.uuid4())).status_code == 200


def test_version_1_knows_no_keys(server: IriServer) -> None:
    client, key = Client(server, 1), str(uuid.uuid4())
    assert len({client.submit({"executable": "true"}, Idempotency_Key=key).text for _ in "ab"}) == 2


def test_version_2_wants_the_account_in_one_place(server: IriServer) -> None:
    client = Client(server, 2)
    none: dict[str, object] = {"executable": "true", "attributes": None}
    named = {"executable": "true", "attributes": {"account": "portal-tests"}}
    assert client.submit(none).status_code == 400
    assert client.submit(named, X_IRI_Facility_Project="portal-tests").status_code == 400
    assert client.submit(none, X_IRI_Facility_Project="portal-tests").status_code == 200
    assert client.submit({"executable": "true", "attributes": {"account": "x"}}).status_code == 403


def test_jobs_and_keys_outlive_the_server(compute: Compute, tmp_path: Path) -> None:
    key, spec = str(uuid.uuid4()), {"executable": sys.executable, "arguments": ["-c", "1"]}
    with serve(compute, directory=tmp_path / "server") as server:
        first = Client(server, 2)
        job = first.submit(spec, Idempotency_Key=key).json()["id"]
        end = first.ended(job)
    with serve(compute, directory=tmp_path / "server") as server:
        second = Client(server, 2)
        assert second.job(job)["status"] == end
        assert second.submit(spec, Idempotency_Key=key).json()["id"] == job


def test_a_job_that_is_being_started_is_not_started_again(compute: Compute, tmp_path: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    class Slow(type(compute)):  # type: ignore[misc]
        def submit(self, job: JobSpec) -> str:
            begun.set()
            assert go.wait(30)
            return super().submit(job)

    slow, key = Slow(workspace=compute.workspace.root), str(uuid.uuid4())
    with serve(slow, directory=tmp_path / "server") as server, ThreadPoolExecutor() as pool:
        client = Client(server, 2)
        first = pool.submit(client.submit, {"executable": "true"}, Idempotency_Key=key)
        assert begun.wait(30)
        second = Client(server, 2).submit({"executable": "true"}, Idempotency_Key=key)
        go.set()
        assert (second.status_code, second.headers["Retry-After"]) == (409, "1")
        assert first.result().status_code == 200
        third = client.submit({"executable": "true"}, Idempotency_Key=key)
        assert third.json()["id"] == first.result().json()["id"]


def test_a_job_that_was_not_started_leaves_its_key_free(server: IriServer) -> None:
    client, key = Client(server, 2), str(uuid.uuid4())
    assert client.submit({"executable": "/nowhere"}, Idempotency_Key=key).status_code == 503
    assert client.submit({"executable": "true"}, Idempotency_Key=key).status_code == 200


def test_one_key_changes_a_job_once(server: IriServer) -> None:
    client, key = Client(server, 2), {"Idempotency-Key": str(uuid.uuid4())}
    spec = {
        "executable": "/bin/sleep",
        "arguments": ["60"],
        "attributes": {"account": "portal-tests"},
    }
    job = client.submit(spec).json()["id"]
    path = f"compute/job/{client.resource}/{job}"
    new = spec | {"name": "new"}
    assert [client.ask("PUT", path, json=new, headers=key).status_code for _ in "ab"] == [200, 200]
    other = spec | {"name": "other"}
    assert client.ask("PUT", path, json=other, headers=key).status_code == 422
    client.ask("DELETE", f"compute/cancel/{client.resource}/{job}")


def test_a_journal_that_was_cut_is_read(compute: Compute, tmp_path: Path) -> None:
    journal = tmp_path / "server" / "jobs.jsonl"
    with serve(compute, directory=tmp_path / "server") as server:
        one = Client(server, 1).submit({"executable": "true"}).json()["id"]
    journal.write_bytes(journal.read_bytes() + b'{"id": "half')
    with serve(compute, directory=tmp_path / "server") as server:
        two = Client(server, 1).submit({"executable": "true"}).json()["id"]
    with serve(compute, directory=tmp_path / "server") as server:
        assert [job["id"] for job in Client(server, 1).jobs(historical="true")] == [two, one]
