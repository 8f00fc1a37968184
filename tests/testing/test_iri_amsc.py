"""The client that ESnet publishes for the IRI Facility API works against the server (version 1)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import amsc_iri
import pytest
from amsc_iri.exceptions import NotFoundException, UnauthorizedException

from portal.testing.iri import IriServer
from tests.helpers import wait_until


@pytest.fixture
def api(server: IriServer) -> Iterator[amsc_iri.ApiClient]:
    configuration = amsc_iri.Configuration(
        host=server.url, access_token=server.tokens.issue(), ssl_ca_cert=str(server.ca_file)
    )
    with amsc_iri.ApiClient(configuration) as client:
        yield client


def test_it_finds_the_facility(api: amsc_iri.ApiClient, server: IriServer) -> None:
    facilities, status = amsc_iri.FacilityApi(api), amsc_iri.StatusApi(api)
    assert facilities.get_facility().name == server.facility.name
    (site,) = facilities.get_sites()
    assert facilities.get_site(site.id) == site
    resources = status.get_resources()
    assert [one.name for one in resources] == ["debug", "scratch"]
    assert status.get_resource(resources[0].id).current_status == amsc_iri.Status.UP
    assert amsc_iri.ComputeApi(api).get_compute_resources() == resources[:1]
    with pytest.raises(NotFoundException) as caught:
        status.get_resource("unknown")
    assert caught.value.status == 404


def test_it_finds_outages_and_allocations(api: amsc_iri.ApiClient, server: IriServer) -> None:
    server.facility.announce("The power was cut.", start=1e9, end=1e9 + 60)
    status, account = amsc_iri.StatusApi(api), amsc_iri.AccountApi(api)
    (incident,) = status.get_incidents()
    assert incident.name == "The power was cut."
    assert len(status.get_events_by_incident(incident_id=incident.id)) == 2
    (project,) = account.get_projects()
    (allocation,) = account.get_project_allocations_by_project(project.id)
    assert allocation.entries[0].allocation == 1000.0
    assert account.get_user_allocations_by_project_allocation(project.id, allocation.id)
    assert account.get_capabilities()[0].units == [amsc_iri.AllocationUnit.NODE_HOURS]


def test_it_runs_a_job(api: amsc_iri.ApiClient, server: IriServer) -> None:
    compute = amsc_iri.ComputeApi(api)
    resource = compute.get_compute_resources()[0].id
    spec = amsc_iri.JobSpec(
        executable="/bin/sh",
        arguments=["-c", "echo $WORD"],
        environment={"WORD": "it's here"},
        stdout_path="out",
        name="amsc",
        attributes=amsc_iri.JobAttributes(duration=60, account="portal-tests"),
        resources=amsc_iri.ResourceSpec(node_count=1, memory=1 << 20),
    )
    job = compute.launch_job(resource, spec)

    def ended() -> bool:
        return compute.get_job(resource, job.id).status.state == amsc_iri.JobState.COMPLETED

    wait_until(ended)
    assert (server.root / "out").read_text() == "it's here\n"
    (found,) = compute.get_jobs(resource, historical=True, include_spec=True)
    assert found.job_spec.name == "amsc"
    compute.cancel_job(resource, job.id)


def test_it_works_on_files(api: amsc_iri.ApiClient) -> None:
    files, tasks = amsc_iri.FilesystemApi(api), amsc_iri.TaskApi(api)
    resource = files.get_filesystem_resources()[0].id

    def output(submitted: Any) -> Any:
        def ended() -> Any:
            task = tasks.get_task(submitted.task_id)
            return task if task.status in ("completed", "failed") else None

        task = wait_until(ended)
        assert task.status == "completed", task
        return task.result["output"]

    made = amsc_iri.PostMakeDirRequest(path="d", parent=True)
    output(files.mkdir(resource, made))
    output(files.upload(resource, path="d/x", file=("x", b"\x00bytes")))
    assert [one["name"] for one in output(files.ls(resource, path="d"))] == ["x"]
    assert output(files.stat(resource, path="d/x"))["size"] == 6
    assert base64.b64decode(output(files.download(resource, path="d/x"))) == b"\x00bytes"
    output(files.rm(resource, path="d"))
    assert tasks.get_tasks()


def test_it_is_not_let_in_without_a_token(api: amsc_iri.ApiClient, server: IriServer) -> None:
    server.tokens.expire()
    with pytest.raises(UnauthorizedException) as caught:
        amsc_iri.TaskApi(api).get_tasks()
    assert "Bearer token is missing or invalid" in caught.value.body
