"""Jobs, policy, events, environments, run ids and statuses."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portal import errors
from portal.core.environment import Environment, local_environment
from portal.core.events import Event
from portal.core.job import JobAttributes, JobSpec, JobState, Resources
from portal.core.policy import Action, Actor, Policy, Resource
from portal.core.run import Progress, RunStatus, is_run_id, key_suffix, new_run_id
from portal.errors import Denied, EnvironmentMismatch, InvalidParameter

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "iri"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_job_is_what_the_iri_facility_api_takes(version: str) -> None:
    path = SPECS / f"facility-api-{version}.yaml"
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail("the IRI Facility API documents are not there")
        pytest.skip("the IRI Facility API documents are not there")
    document = yaml.safe_load(path.read_text())
    schema = {"$ref": "#/components/schemas/JobSpec", "components": document["components"]}
    job = JobSpec(
        "/usr/bin/python3",
        ("-m", "portal.runner"),
        "/scratch/run",
        "run",
        environment={"A": "b"},
        stdout_path="/scratch/run/stdout.log",
        resources=Resources(node_count=2, processes_per_node=4, memory=2**34),
        attributes=JobAttributes(duration=600, queue_name="debug", account="m1"),
    )
    jsonschema.validate(job.to_dict(), schema)
    known = document["components"]["schemas"]
    assert set(job.to_dict()) <= set(known["JobSpec"]["properties"])
    assert set(job.to_dict()["resources"]) <= set(known["ResourceSpec"]["properties"])
    assert [s.value for s in JobState] == known["JobState"]["enum"]


@pytest.mark.parametrize("values", [{"memory": 0}, {"process_count": "two"}, {"node_count": 1.5}])
def test_bad_resources(values: dict) -> None:
    with pytest.raises(InvalidParameter, match="at least 1"):
        Resources(**values)


ME, AGENT, OTHER = Actor("me"), Actor("me", "agent"), Actor("other")
PUBLIC = Resource("item", "lab:x", "public", "owner")
MINE = Resource("item", "lab:y", "owner", "me")


@pytest.mark.parametrize(
    ("actor", "action", "resource", "allowed"),
    [
        (OTHER, Action.OPEN, PUBLIC, True),
        (OTHER, Action.DISCOVER, PUBLIC, True),
        (OTHER, Action.PUBLISH, PUBLIC, False),
        (OTHER, Action.OPEN, MINE, False),
        (ME, Action.OPEN, MINE, True),
        (AGENT, Action.OPEN, MINE, True),
        (AGENT, Action.PUBLISH, MINE, False),
        (AGENT, Action.CANCEL, Resource("run", "r", owner="me"), False),
        (OTHER, Action.RUN, Resource("compute", "lab.debug", "public", "me"), False),
        (Actor(""), Action.OPEN, Resource("item", "lab:z"), False),
    ],
)
def test_default_deny(actor: Actor, action: Action, resource: Resource, allowed: bool) -> None:
    assert Policy().decide(actor, action, resource).allowed is allowed


@given(st.lists(st.sampled_from([True, False, None]), max_size=5))
def test_one_forbid_forbids_and_no_permit_denies(answers: list) -> None:
    rules = tuple(lambda *_, a=answer: a for answer in answers)
    decision = Policy(rules).decide(ME, Action.OPEN, MINE)
    assert decision.allowed == (True in answers and False not in answers)


def test_a_rule_that_fails_forbids() -> None:
    def engine_down(*_: object) -> bool:
        raise ConnectionError("no engine")

    policy = Policy((lambda *_: True, engine_down))
    with pytest.raises(
        Denied, match=r"person 'me' may not open the item 'lab:y'.*engine_down failed"
    ):
        policy.require(ME, Action.OPEN, MINE)


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.text()))
def test_events_read_back(data: dict) -> None:
    data = {k: v for k, v in data.items() if k not in ("v", "time", "kind")}
    event = Event.now("message", data_=1) if not data else Event("message", data, 12.5)
    line = event.to_line()
    assert line.count("\n") == 1
    assert Event.from_line(line).data == event.data
    assert Event.from_line(line[:-3]) is None


def test_environments_that_differ_name_both_sides() -> None:
    here = local_environment()
    here.require_same(Environment.from_dict(here.to_dict()), here="here", there="there")
    other = Environment("3.10", dict(here.packages) | {"dask": "1.0"})
    with pytest.raises(
        EnvironmentMismatch, match=r"Python 3\.\d+ here and 3.10 at lab.*dask .* 1.0 at lab"
    ):
        here.require_same(other, here="here", there="at lab")


def test_run_ids() -> None:
    made = new_run_id("Mean over /land/ & sea", key="k")
    assert is_run_id(made)
    assert made.endswith(key_suffix("k"))
    assert is_run_id(new_run_id("…"))
    assert not is_run_id("../" + made)
    assert not is_run_id(made + "\n")


def test_a_final_state_is_not_left() -> None:
    events = [
        Event("state", {"state": "active"}, 1.0),
        Event("progress", Progress({"sum": {"done": 1, "total": 2, "failed": 0}}).to_dict(), 2.0),
        Event("error", {"type": "E", "message": "m", "traceback": "t"}, 3.0),
        Event("state", {"state": "failed", "message": "m"}, 4.0),
        Event("state", {"state": "active"}, 5.0),
        Event("from the future", {"x": 1}, 6.0),
    ]
    status = RunStatus().follow(events)
    assert (status.state, status.started, status.ended) == (JobState.FAILED, 1.0, 4.0)
    assert (status.progress.done, status.progress.total) == (1, 2)
    assert RunStatus.from_dict(status.to_dict()) == status


def test_every_error_is_drawn_in_the_tree_and_travels() -> None:
    kinds = [
        k
        for k in vars(errors).values()
        if isinstance(k, type) and issubclass(k, errors.PortalError)
    ]
    assert len(kinds) > 15
    for kind in kinds:
        assert kind.__name__ in errors.__doc__
        error = pickle.loads(pickle.dumps(kind("It broke", found="this", advice="Do that")))
        assert type(error) is kind
        assert str(error) == "It broke. Found: this. Do that."
