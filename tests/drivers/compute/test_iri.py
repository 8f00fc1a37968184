"""The IRI driver against the small facility of portal.testing: both versions, jobs that really run."""

from __future__ import annotations

import time
import uuid

import pytest

from portal.core.check import Verdict
from portal.core.contracts import (
    SupportsChecks,
    SupportsEnvironment,
    SupportsJobs,
    SupportsStanding,
)
from portal.core.job import JobSpec, JobState
from portal.errors import Denied, InvalidConfig, InvalidParameter
from portal.testing.compute import ComputeTests
from tests.drivers.compute.iri_facility import VERSIONS, driver, sent, served, token_of
from tests.drivers.compute.servers import iri_documents
from tests.helpers import wait_until

__all__ = ["sent", "served"]


class IriTests(ComputeTests):
    version = ""

    @pytest.fixture
    def compute(self, served):
        return driver(served, self.version)


class TestIri1(IriTests):
    version = "v1"


class TestIri2(IriTests):
    version = "v2"


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def compute(served, version):
    yield driver(served, version)
    served.faults.clear()


def marks(compute, directory):
    names = compute.workspace.fs.ls(directory, detail=False)
    return [name for name in names if name.endswith(".mark")]


def marking(compute, **more):
    """Return a job that leaves one mark for each time that it is run."""
    directory = f"{compute.workspace.root}/{uuid.uuid4().hex}"
    compute.workspace.fs.makedirs(directory)
    code = "import uuid; open(uuid.uuid4().hex + '.mark', 'w').close()"
    return JobSpec(compute.python, ("-c", code), directory, **more)


def ended(compute, job_id):
    return wait_until(lambda: (s := compute.status(job_id)).state.final and s)


def test_the_documents_refuse_what_they_do_not_have(version):
    if not iri_documents.documents_are_there():
        pytest.skip("the IRI Facility API documents are not there")
    token = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    where = f"https://host/api/{version}/compute"
    iri_documents.check("POST", f"{where}/job/r", token, b'{"executable": "/bin/true"}')
    wrong = [
        ("POST", f"{where}/job/r", token, b'{"command": "/bin/true"}'),
        ("POST", f"{where}/job/r?dry=1", token, b"{}"),
        ("POST", f"{where}/job/r", {"Content-Type": "application/json"}, b"{}"),
        ("POST", f"{where}/status/r?limit=1001", token, b"{}"),
        ("DELETE", f"{where}/job/r", token, None),
    ]
    for request in wrong:
        with pytest.raises((AssertionError, iri_documents.jsonschema.ValidationError)):
            iri_documents.check(*request)


@pytest.mark.parametrize("fault", ["lose", "truncate"])
def test_one_job_though_the_answer_was_lost(served, compute, fault):
    job = marking(compute, key=uuid.uuid4().hex)
    getattr(served.faults, fault)(path="/compute/job")
    job_id = compute.submit(job)
    assert ended(compute, job_id).state is JobState.COMPLETED
    assert compute.submit(job) == job_id
    assert len(marks(compute, job.directory)) == 1


def test_one_job_though_the_service_fails_and_is_busy(served, compute):
    job = marking(compute, key=f"a key\n of any kind, {uuid.uuid4()}")
    served.faults.answer(500, path="/compute/job")
    served.faults.busy(0.1, path="/compute/job")
    assert ended(compute, compute.submit(job)).state is JobState.COMPLETED
    assert len(marks(compute, job.directory)) == 1
    assert len(served.faults.met) >= 2


def test_the_key_travels_in_the_header_or_in_the_name(compute, version, sent):
    compute.submit(marking(compute, key=f"{version}/key", name="a name"))
    (posted,) = [one for one in sent if "/compute/job/" in one.url]
    assert ("Idempotency-Key" in posted.headers) == (version == "v2")
    if version == "v2":
        uuid.UUID(posted.headers["Idempotency-Key"])
    assert b'"name": "a name-' in posted.body


def test_refused_job_shows_all_that_was_said(served, compute, version):
    with pytest.raises(InvalidParameter) as caught:
        compute.submit(JobSpec("/bin/true", environment={"a=b": ""}))
    told = str(caught.value)
    assert "NUL character in a command, or = in a variable's name" in told
    assert "Unprocessable Entity" in told
    assert "status 422" in told
    assert "type about:blank" in told
    assert f"instance /api/{version}/compute/job/" in told


def test_account_is_wanted_in_version_2(served):
    with pytest.raises(InvalidParameter, match=r"attributes\.account"):
        driver(served, "v2", account=None).submit(JobSpec("/bin/true"))
    with pytest.raises(Denied, match="cannot charge"):
        driver(served, "v2", account="another").submit(JobSpec("/bin/true"))


def test_setup_runs_before_the_job(served, version):
    setup = "export PORTAL_TEST='set \"up\"'\numask 027"
    compute = driver(served, version, setup=setup)
    job = marking(compute)
    code = "import os, sys; open('told', 'w').write(os.environ['PORTAL_TEST'] + sys.argv[1])"
    job = JobSpec(compute.python, ("-c", code, " $(x)"), job.directory)
    assert ended(compute, compute.submit(job)).state is JobState.COMPLETED
    assert compute.workspace.fs.cat_file(f"{job.directory}/told") == b'set "up" $(x)'


def test_own_jobs_are_listed_while_they_live(compute):
    assert isinstance(compute, SupportsJobs)
    name = uuid.uuid4().hex
    job_id = compute.submit(JobSpec("/bin/sleep", ("60",), name=name, key=name))
    (job,) = [job for job in compute.jobs() if job.name == name]
    assert (job.id, job.state) == (job_id, JobState.ACTIVE)
    compute.cancel(job_id)
    assert ended(compute, job_id).state is JobState.CANCELED
    assert [job for job in compute.jobs() if job.name == name] == []


def test_standing(served, compute, version):
    assert isinstance(compute, SupportsStanding)
    standing = compute.standing()
    assert standing.up
    assert "debug of portal" in standing.text
    (allocation,) = standing.allocations
    assert (allocation.account, allocation.unit) == ("portal-tests", "node_hours")
    assert allocation.left == 1000.0
    now = time.time()
    planned = served.facility.announce(
        "the floor is painted", start=now + 3600, end=now + 7200, planned=True
    )
    sudden = served.facility.announce("a pipe burst", start=now - 60)
    try:
        standing = compute.standing()
        assert standing.up is False
        assert "down" in standing.text
        outages = {one.planned: one for one in standing.outages}
        assert len(standing.outages) == 2
        assert outages[True].text == "the floor is painted"
        assert outages[True].start == pytest.approx(now + 3600, abs=1)
        assert outages[True].end == pytest.approx(now + 7200, abs=1)
        assert (outages[False].text, outages[False].end, outages[False].down) == (
            "a pipe burst",
            None,
            True,
        )
    finally:
        for one in (planned, sudden):
            served.facility.resolve(one)
    assert compute.standing().up


def test_version_and_resources_are_found(served):
    found = driver(served, "v2")
    found = type(found)(
        served.url,
        token_file=str(token_of(served)),
        ca_file=str(served.ca_file),
    )
    assert found._client.version == "v2"
    assert found.workspace.root == f"{served.root}/.portal/runs"
    assert found.access_endpoints() == []
    assert isinstance(found, SupportsEnvironment)
    for options in ({"resource": "nowhere"}, {"storage": "nowhere"}):
        with pytest.raises(InvalidConfig, match="debug"):
            _ = driver(served, "v1", **options).workspace
    with pytest.raises(InvalidConfig, match="workspace"):
        _ = driver(served, "v1", workspace=None).workspace


def test_doctor_finds_all_well_or_says_what_is_not(served, tmp_path, version):
    compute = driver(served, version)
    assert isinstance(compute, SupportsChecks)
    assert [(check.name, check.verdict) for check in compute.checks()] == [
        ("service", Verdict.OK),
        ("resource", Verdict.OK),
        ("scheduler", Verdict.OK),
    ]
    stale = tmp_path / "token"
    stale.touch(0o600)
    stale.write_text("no-token-any-more")
    for options, name in (({"token_file": str(stale)}, "login"), ({"resource": "x"}, "resource")):
        last = [*driver(served, version, **options).checks()][-1]
        assert (last.name, last.verdict, last.blocks) == (name, Verdict.FAIL, True)
        assert last.advice
