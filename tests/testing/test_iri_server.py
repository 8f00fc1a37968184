"""The IRI server answers as the documents of the IRI Facility API have it, whatever it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from schemathesis import GenerationMode
from schemathesis.config import ChecksConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from portal.core.contracts import Compute, Workspace
from portal.core.facility import DriverConfig
from portal.core.job import JobSpec, JobStatus
from portal.core.plugins import COMPUTES, build_driver
from portal.testing.iri import IriServer, serve
from tests.testing.iri_client import Client

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "iri"
VERSIONS = (1, 2)
ACCOUNT = "portal-tests"
PATHS = {"type": "string", "enum": ["file.txt", "directory", "directory/new"]}


@cache
def document(version: int) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(
        (SPECS / f"facility-api-v{version}.yaml").read_bytes(), yaml.CSafeLoader
    )
    return found


def operations() -> list[tuple[int, str, str, GenerationMode]]:
    """Each operation of both documents; one that is not there where they are not.

    What can be asked wrongly is asked wrongly too.
    """
    if not SPECS.exists():
        return [(0, "GET", "/", GenerationMode.POSITIVE)]
    return [
        (version, method.upper(), path, mode)
        for version in VERSIONS
        for path, methods in document(version)["paths"].items()
        for method, operation in methods.items()
        for mode in GenerationMode
        if mode.is_positive or "requestBody" in operation or "parameters" in operation
    ]


@dataclass
class Harmless:
    """Runs `true` instead of what it is given: the programs here are invented."""

    real: Compute

    @property
    def workspace(self) -> Workspace:
        return self.real.workspace

    @property
    def python(self) -> str:
        return self.real.python

    def submit(self, job: JobSpec) -> str:
        command = replace(job, executable="/bin/true", arguments=(), directory=None)
        return self.real.submit(
            replace(command, stdout_path=None, stderr_path=None, environment={})
        )

    def status(self, job_id: str) -> JobStatus:
        return self.real.status(job_id)

    def cancel(self, job_id: str) -> None:
        self.real.cancel(job_id)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IriServer]:
    """A server with a job, a task, files and an incident."""
    if not SPECS.exists():
        if os.environ.get("CI"):
            pytest.fail("the IRI Facility API documents are not there")
        pytest.skip("the IRI Facility API documents are not there")
    where = tmp_path_factory.mktemp("iri")
    options = {"workspace": str(where / "scratch")}
    real: Compute = build_driver(COMPUTES, DriverConfig(driver="local", options=options))
    with serve(Harmless(real), directory=where / "server") as server:
        (server.root / "file.txt").write_text("one\ntwo\n")
        (server.root / "directory").mkdir()
        server.facility.announce("The power was cut.", start=1e9, end=1e9 + 60)
        yield server


def ids(server: IriServer, version: int) -> dict[str, Any]:
    """Return values that are there for parameters of paths."""
    client = Client(server, version)
    projects = f"account/projects/{ACCOUNT}/project_allocations"
    allocation = client.get(projects).json()[0]["id"]
    return {
        "resource_id": client.resource,
        "site_id": client.get("facility/sites").json()[0]["id"],
        "capability_id": client.get("account/capabilities").json()[0]["id"],
        "incident_id": client.get("status/incidents").json()[0]["id"],
        "event_id": client.get("status/events").json()[0]["id"],
        "project_id": ACCOUNT,
        "project_allocation_id": allocation,
        "user_allocation_id": client.get(f"{projects}/{allocation}/user_allocations").json()[0][
            "id"
        ],
        "job_id": client.submit({"executable": "true"}).json()["id"],
        "task_id": client.operate("stat", path="file.txt").json()["task_id"],
    }


def narrowed(found: dict[str, Any], known: Mapping[str, Any], mode: GenerationMode) -> Any:
    """Return a document whose parameters name what is there, so that more is reached.

    Where wrong values are wanted, only the ids in paths are narrowed: another one is not found.
    """
    for methods in found["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["schema"] = {"type": "string", "enum": [known[parameter["name"]]]}
                elif parameter["name"] == "path" and mode.is_positive:
                    parameter["schema"] = PATHS
    if mode.is_positive:
        schemas = found["components"]["schemas"]
        for name, schema in schemas.items():
            if name.endswith("Request"):
                properties = schema["properties"]
                properties |= {key: PATHS for key in properties if key.endswith("path")}
                schema["required"] = [*{*schema.get("required", ()), "path"}]
        schemas["PutFileChmodRequest"]["properties"]["mode"] = {"type": "string", "enum": ["755"]}
        schemas["JobAttributes"]["properties"]["account"] = {"type": "string", "enum": [ACCOUNT]}
        schemas["JobSpec"]["required"] = ["executable", "attributes"]
        schemas["JobSpec"]["properties"]["attributes"] = schemas["JobAttributes"]
        schemas["JobAttributes"]["required"] = ["account"]
        for name in ("container", "launcher"):
            del schemas["JobSpec"]["properties"][name]
    return found


def judged(found: dict[str, Any]) -> schemathesis.BaseSchema:
    """Return a document with the checks that are meant.

    What fits the document may be refused for what it means: 400 for a job without an account, 409
    for one that has ended, 422 for a text that no command line can hold.
    """
    checks = ChecksConfig.from_dict(
        {"positive_data_acceptance": {"expected-statuses": ["2xx", 304, 400, 404, 409, 422]}}
    )
    project = ProjectConfig(checks=checks)
    config = SchemathesisConfig(projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_dict(found, config=config)


@pytest.fixture(scope="module")
def schemas(busy: IriServer) -> dict[tuple[int, GenerationMode], schemathesis.BaseSchema]:
    known = {version: ids(busy, version) for version in VERSIONS}
    return {
        (version, mode): judged(narrowed(deepcopy(document(version)), known[version], mode))
        for version in VERSIONS
        for mode in GenerationMode
    }


@pytest.mark.parametrize(("version", "method", "path", "mode"), operations())
def test_conforms(
    busy: IriServer,
    schemas: dict[tuple[int, GenerationMode], schemathesis.BaseSchema],
    version: int,
    method: str,
    path: str,
    mode: GenerationMode,
) -> None:
    operation = schemas[version, mode][path][method]
    headers = {"Authorization": f"Bearer {busy.tokens.issue()}"}
    statuses: list[int] = []
    session = Client(busy, version).session

    @hypothesis.settings(
        max_examples=3,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(
            base_url=busy.url,
            session=session,
            headers=headers,
            verify=str(busy.ca_file),
            timeout=30,
        )
        statuses.append(answer.status_code)

    holds()
    if mode.is_positive and operation.definition.raw["operationId"] != "updateJob":
        assert min(statuses) < 300, statuses
