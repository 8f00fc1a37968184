"""Who is let in to the IRI server, how it fails on request, and what it tells of itself."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from portal.core.contracts import Compute
from portal.core.plugins import COMPUTES, build_driver
from portal.core.standing import Allocation
from portal.errors import InvalidConfig, Unavailable
from portal.federation.config import parse_facility
from portal.testing.iri import Facility, IriServer, routes_about, routes_work, serve
from portal.testing.iri.tokens import Tokens
from tests.helpers import wait_until
from tests.testing.iri_client import Client

OPEN = {
    "/facility", "/facility/sites", "/facility/sites/{}", "/status/resources",
    "/status/resources/{}", "/status/incidents", "/status/incidents/{}", "/status/events",
    "/status/events/{}", "/account/capabilities", "/account/capabilities/{}",
    "/compute/resources", "/filesystem/resources",
}  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic {}", "Bearer {}x"]
)
def test_without_a_good_token_nothing_is_told(
    server: IriServer, version: int, given: str | None
) -> None:
    token = server.tokens.issue()
    headers = {} if given is None else {"Authorization": given.format(token)}
    session = _bare(server)
    for route in (*routes_about.ROUTES, *routes_work.routes(version)):
        path = "/".join("{}" if part.startswith("{") else part for part in route.path.split("/"))
        url = f"{server.api(version)}{path.format(*['x'] * 3)}"
        answer = session.request(route.method, url, headers=headers, timeout=30)
        if path in OPEN:
            assert answer.status_code in (200, 404), path
            continue
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["status"] == 401
        assert token not in answer.text


def _bare(server: IriServer) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(server.ca_file)
    return session


def test_tokens_expire_and_are_renewed(server: IriServer, tmp_path: Path) -> None:
    path = server.write_token(tmp_path / "token", seconds=0.2)
    assert path.stat().st_mode & 0o777 == 0o600
    client = Client(server, 2, path.read_text().strip())
    assert client.get("task").status_code in (200, 401)
    wait_until(lambda: client.get("task").status_code == 401)
    server.write_token(path)
    assert Client(server, 2, path.read_text().strip()).get("task").status_code == 200
    server.tokens.expire()
    assert Client(server, 2, path.read_text().strip()).get("task").status_code == 401


def test_a_token_is_kept_as_its_digest_only() -> None:
    tokens = Tokens()
    token = tokens.issue()
    assert tokens.accepts(token)
    assert token not in repr(vars(tokens))
    assert not tokens.accepts("\udcff")


def test_it_is_encrypted_and_known_by_its_authority(server: IriServer) -> None:
    plain = server.url.replace("https", "http")
    with pytest.raises(requests.ConnectionError):
        _bare(server).get(f"{plain}/api/v1/facility", timeout=30)
    stranger = requests.Session()
    stranger.trust_env = False
    with pytest.raises(requests.exceptions.SSLError):
        stranger.get(f"{server.api(1)}/facility", timeout=30)
    key = server.ca_file.parent / "server.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


def test_it_fails_as_asked(client: Client, server: IriServer) -> None:
    server.faults.answer(500, times=2, path="/facility")
    server.faults.busy(7, path="/task")
    found = [client.get("facility").status_code for _ in range(3)]
    assert found == [500, 500, 200]
    busy = client.get("task")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    assert client.get("task").status_code == 200
    api = f"/api/v{client.version}"
    assert server.faults.met == [
        ("answer 500", "GET", f"{api}/facility"),
        ("answer 500", "GET", f"{api}/facility"),
        ("answer 429", "GET", f"{api}/task"),
    ]


def test_an_answer_is_cut_or_lost_after_the_work(client: Client, server: IriServer) -> None:
    for fault in (server.faults.truncate, server.faults.lose):
        fault(path="/compute/job")
        with pytest.raises(requests.RequestException):
            client.submit({"executable": "true"})
    assert len(client.jobs(historical="true")) == 2
    assert client.submit({"executable": "true"}).status_code == 200


def test_an_answer_comes_late(client: Client, server: IriServer) -> None:
    server.faults.delay(60, path="/facility")
    with pytest.raises(requests.ReadTimeout):
        client.session.get(f"{client.api}/facility", timeout=0.2)
    server.faults.delay(60, path="/facility")
    server.faults.clear()
    assert client.get("facility").status_code == 200


def test_outages_are_told(client: Client, server: IriServer) -> None:
    now = time.time()
    soon = server.facility.announce("Maintenance", start=now + 60, end=now + 120, planned=True)
    resource = f"status/resources/{client.resource}"
    assert client.get(resource).json()["current_status"] == "up"
    (told,) = client.get("status/incidents?type=planned").json()
    assert (told["id"], told["resolution"]) == (soon.id, "pending")
    assert told["resource_uris"] == [f"{client.api}/{resource}"]
    assert client.get("status/incidents", params={"to": _stamp(now)}).json() == []
    cut = server.facility.announce("No power", start=now - 60)
    assert client.get(resource).json()["current_status"] == "down"
    refused = client.submit({"executable": "true"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert client.get("compute/resources").json()[0]["current_status"] == "down"
    server.facility.resolve(cut)
    assert client.get(resource).json()["current_status"] == "up"
    events = client.get(f"status/events?incident_id={cut.id}").json()
    assert [event["status"] for event in events] == ["down", "up"]
    assert client.get(f"status/events/{events[0]['id']}").json() == events[0]
    incident = client.get(f"status/incidents/{cut.id}").json()
    assert len(incident["event_uris"]) == 2
    assert incident["resolution"] == "completed"


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_resources_are_found_by_what_they_are(client: Client) -> None:
    def names(**query: Any) -> list[str]:
        found = client.get("status/resources", params=query)
        assert found.status_code == 200, found.text
        return [one["name"] for one in found.json()]

    first = client.version == 1
    kind = "storage" if first else "urn:doe-iri:resource:storage"
    unit = "node_hours" if first else "urn:doe-iri:allocation:compute:node-hours"
    other = "bytes" if first else "urn:doe-iri:allocation:storage:bytes"
    assert names() == ["debug", "scratch"]
    assert names(resource_type=kind) == ["scratch"]
    assert names(capability=[other, unit]) == ["debug"]
    assert names(name="SCRATCH") == ["scratch"]
    assert names(current_status="down") == []
    assert names(offset=1, limit=1) == ["scratch"]
    assert names(modified_since="2100-01-01T00:00:00Z") == []
    for bad in ({"limit": 1001}, {"resource_type": "x y"}, {"modified_since": "yesterday"}):
        assert client.get("status/resources", params=bad).status_code == 400
    since = {"modified_since": "2100-01-01T00:00:00Z"}
    assert client.get("facility", params=since).status_code == 304


def test_allocations_are_told(compute: Compute, tmp_path: Path) -> None:
    granted = (Allocation("one", granted=100.0, used=40.0), Allocation("two", "bytes", 1e12, 0.0))
    access = ({"id": "s3", "protocol": "s3", "auth_type": "key", "capabilities": ["read"]},)
    facility = Facility(resource="big", allocations=granted, access=access)
    with serve(compute, facility=facility, directory=tmp_path / "server") as server:
        client = Client(server, 2)
        assert [p["id"] for p in client.get("account/projects").json()] == ["one", "two"]
        (told,) = client.get("account/projects/one/project_allocations").json()
        unit = "urn:doe-iri:allocation:compute:node-hours"
        assert told["entries"] == [{"allocation": 100.0, "usage": 40.0, "unit": unit}]
        path = f"account/projects/one/project_allocations/{told['id']}/user_allocations"
        assert client.get(path).json()[0]["entries"] == told["entries"]
        other = f"account/projects/two/project_allocations/{told['id']}"
        assert client.get(other).status_code == 404
        storage = client.get("status/resources").json()[1]["id"]
        path = f"storage/access-endpoints/{storage}"
        assert client.get(path, params={"protocol": "s3"}).json()[0]["resource_id"] == storage
        assert client.get(path, params={"protocol": "globus"}).json() == []


def test_storage_is_found_in_version_2(server: IriServer) -> None:
    client = Client(server, 2)
    path = f"storage/locations/{client.resource}"
    (told,) = client.get(path, params={"intent": "write", "project": "portal-tests"}).json()
    assert told["path"] == str(server.root)
    assert client.get(path, params={"intent": "long-term-storage"}).json() == []
    assert client.get(path, params={"logicalpath": "archive"}).json() == []
    assert client.get(path, params={"project": "unknown"}).status_code == 404
    assert client.get("storage/locations/x").status_code == 404
    assert Client(server, 1).get(path).status_code == 404


def test_a_distant_workspace_is_not_served(tmp_path: Path) -> None:
    class Far:
        @property
        def workspace(self) -> Any:
            import fsspec

            return type("W", (), {"fs": fsspec.filesystem("memory"), "root": "/"})()

    with pytest.raises(InvalidConfig, match="cannot be served"), serve(Far()):  # type: ignore[arg-type]
        pass


def test_a_port_that_is_taken_is_named(compute: Compute, server: IriServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(Unavailable, match=str(port)), serve(compute, port=port):
        pass


@pytest.mark.parametrize("version", [1, 2])
def test_the_command_prints_a_facility_file(tmp_path: Path, version: int) -> None:
    where = tmp_path / "it's a lab"
    command = [sys.executable, "-m", "portal.testing.iri", "--directory", str(where)]
    command += ["--version", str(version), "--lifetime", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while not lines[-1].startswith("python ="):
                assert lines[-1], "".join(lines)
                lines.append(process.stdout.readline())
            text = "".join(lines)
            token = (where / "token").read_text()
            assert (where / "token").stat().st_mode & 0o777 == 0o600
            assert token.strip() not in text
            toml = text.partition("A facility file for it:\n")[2]
            facility = parse_facility(toml, "lab", source="the command")
            compute = build_driver(COMPUTES, facility.computes["debug"])
            compute.workspace.fs.pipe_file(f"{compute.workspace.root}/x", b"x")
            assert (where / "scratch/x").read_bytes() == b"x"
            wait_until(lambda: (where / "token").read_text() != token)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert not (where / "token").exists()


def test_the_documents_code_runs(compute: Compute) -> None:
    text = (Path(__file__).parents[2] / "docs" / "iri-server.md").read_text()
    (code,) = re.findall(r"^```python\n(import.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(code, {"compute": compute})


def test_its_web_framework_is_imported_late() -> None:
    code = "import sys, portal.testing.iri as _; print({'starlette', 'uvicorn'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
