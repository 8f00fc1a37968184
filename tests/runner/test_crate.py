"""Every run directory is a Process Run Crate: by rocrate's reading and by the profile's table."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from rocrate.rocrate import ROCrate

from portal.core.job import JobState
from portal.core.run import CRATE, EVENTS, RESULT, RUN_JSON, RunStatus
from portal.runner.crate import PROFILE, write_crate
from portal.runner.result import Stored
from portal.sample.analyses import turbidity_by_surface
from tests.runner.make_run import make_spec

INPUTS = {"turbidity": "sandia:linke-turbidity", "relief": "sandia:altitude"}
STORED = Stored("ab" * 32, 1234, 5)
STATUS = {
    "active": RunStatus(JobState.ACTIVE, started=1_795_000_000.0),
    "completed": RunStatus(JobState.COMPLETED, started=1_795_000_000.0, ended=1_795_000_009.5),
    "failed": RunStatus(
        JobState.FAILED,
        error={"type": "ValueError", "message": "the station was closed", "traceback": "…"},
        started=1_795_000_000.0,
        ended=1_795_000_009.5,
    ),
    "canceled": RunStatus(
        JobState.CANCELED, "canceled by SIGTERM", started=1_795_000_000.0, ended=1_795_000_001.0
    ),
}


@pytest.fixture(scope="module")
def spec():
    return make_spec(turbidity_by_surface, INPUTS, {"below": 3000.0}, code="reference")


@pytest.fixture(params=list(STATUS))
def crate(request, spec, tmp_path):
    """The crate of a run in one of its states, read by rocrate."""
    status = STATUS[request.param]
    (tmp_path / RUN_JSON).write_text("{}")
    (tmp_path / EVENTS).write_text("")
    (tmp_path / RESULT).mkdir()
    completed = status.state is JobState.COMPLETED
    write_crate(tmp_path, spec, status, STORED if completed else None)
    found = ROCrate(tmp_path)
    found.expected = request.param
    return found


def action(crate):
    (found,) = [e for e in crate.get_entities() if e.type == "CreateAction"]
    return found


def test_root_conforms_to_the_profile(crate):
    root = crate.root_dataset
    assert root["conformsTo"].id == PROFILE
    assert root["conformsTo"].type == "CreativeWork"
    assert root["mentions"] == [action(crate)] or root["mentions"] == action(crate)
    for key in ("name", "description", "datePublished", "license"):
        assert root[key], key


def test_action_has_what_the_profile_asks(crate):
    found = action(crate)
    status = STATUS[crate.expected]
    assert found["instrument"].type == "SoftwareSourceCode"
    assert found["agent"].type == "Person"
    assert found["name"]
    assert found["description"]
    assert datetime.fromisoformat(found["startTime"]).timestamp() == status.started
    expected = {
        "active": "ActiveActionStatus",
        "completed": "CompletedActionStatus",
    }.get(crate.expected, "FailedActionStatus")
    assert found["actionStatus"] == f"http://schema.org/{expected}"
    assert (found.get("error") is not None) == (expected == "FailedActionStatus")
    if status.ended is not None:
        assert datetime.fromisoformat(found["endTime"]).timestamp() == status.ended


def test_error_says_why(crate):
    errors = {"failed": "ValueError: the station was closed", "canceled": "canceled by SIGTERM"}
    assert action(crate).get("error") == errors.get(crate.expected)


def test_instrument_is_the_analysis(crate):
    instrument = action(crate)["instrument"]
    assert instrument["name"] == "turbidity_by_surface"
    assert instrument["version"] == turbidity_by_surface.version
    assert instrument["sha256"] == turbidity_by_surface.digest
    assert instrument["identifier"] == turbidity_by_surface.reference
    assert "def turbidity_by_surface" in instrument["text"]
    software = {e["name"]: e["softwareVersion"] for e in instrument["softwareRequirements"]}
    assert {"python", "dask", "distributed", "xarray", "zarr"} <= set(software)


def test_objects_are_inputs_and_parameters(crate):
    objects = action(crate)["object"]
    inputs = {e["identifier"]: e for e in objects if e.type == "CreativeWork"}
    assert set(inputs) == set(INPUTS.values())
    for entity in inputs.values():
        assert entity["name"]
        assert entity["license"]
        assert entity["citation"]
    values = {e["name"]: e["value"] for e in objects if e.type == "PropertyValue"}
    assert values == {"below": 3000.0}


def test_only_a_completed_run_has_a_result(crate):
    result = action(crate).get("result")
    if crate.expected != "completed":
        assert result is None
        return
    (result,) = result
    assert result.id == f"{RESULT}/"
    assert result["sha256"] == STORED.sha256
    assert result in crate.root_dataset["hasPart"]


def test_every_reference_leads_somewhere(crate):
    document = json.loads((crate.source / CRATE).read_text())
    graph = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(graph) == len(document["@graph"])

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else []
        elif isinstance(value, list):
            for part in value:
                yield from references(part)

    for entity in graph.values():
        assert entity["@type"]
        for value in entity.values():
            for reference in references(value):
                assert reference in graph or reference == "https://w3id.org/ro/crate/1.1"


def test_parameters_of_any_json_kind(spec, tmp_path):
    odd = replace(spec, parameters={"list": [1, 2], "none": None, "text": "ä"})
    write_crate(tmp_path, odd, STATUS["active"])
    values = {
        e["name"]: e["value"] for e in ROCrate(tmp_path).get_entities() if e.type == "PropertyValue"
    }
    assert values == {"list": "[1, 2]", "none": "null", "text": "ä"}
