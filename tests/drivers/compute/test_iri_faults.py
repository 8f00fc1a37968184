"""Bad days of an IRI service: faults, lost answers, other hosts, patience."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import uuid

import pytest

from portal.core.job import JobSpec, JobState
from portal.drivers.compute._iri_client import KEY, Client, Request
from portal.drivers.compute._iri_problem import Uncertain, retry_after
from portal.drivers.compute._iri_token import Token
from portal.drivers.compute.iri import IriCompute
from portal.errors import (
    Denied,
    InvalidConfig,
    InvalidParameter,
    NotFound,
    PortalError,
    TooLarge,
    Unavailable,
    Unreadable,
)
from tests.drivers.compute.iri_facility import (
    ASK,
    SECRET,
    client,
    driver,
    healed,
    sent,
    served,
    service,
    token_file,
)
from tests.drivers.compute.servers.standin import stand_in

__all__ = ["client", "healed", "sent", "served", "service", "token_file"]


def test_problem_is_shown_whole(client, service):
    problem = {
        "type": "https://example.org/problems/quota",
        "title": "Quota",
        "status": 422,
        "detail": "Too many nodes.",
        "instance": "/api/v2/facility",
        "errors": [{"name": "node_count", "reason": "9 > 8"}],
    }
    service.answers = [(422, {"Content-Type": "application/problem+json"}, problem)]
    with pytest.raises(InvalidParameter) as caught:
        client.call(ASK)
    told = str(caught.value)
    for part in ("Quota: Too many nodes.", "status 422", problem["type"], problem["instance"]):
        assert part in told
    assert '[{"name": "node_count", "reason": "9 > 8"}]' in told
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidParameter), (403, Denied), (404, NotFound), (413, TooLarge), (501, Unavailable)],
)
def test_refusals_are_not_asked_again(client, service, status, kind):
    service.answers = [(status, {}, "<html>no</html>"), (200, {}, {})]
    with pytest.raises(kind, match="<html>no</html>"):
        client.call(ASK)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "bad",
    [
        (500, {}, {"title": "oops"}),
        (502, {}, ""),
        (200, {"Content-Length": "1000"}, '{"a": '),
        (200, {}, '{"a": '),
        (429, {"Retry-After": "0"}, {}),
        (503, {"Retry-After": "0.1"}, {}),
    ],
)
def test_bad_answers_are_followed_by_another_try(client, service, bad):
    service.answers = [bad, bad, (200, {}, {"id": "x"})]
    assert client.call(ASK) == {"id": "x"}
    assert len(service.asked) == 3


def test_what_must_not_be_done_twice_is_not(client, service):
    once = Request("POST", "/compute/job/r", body={})
    for bad in ((500, {}, ""), (200, {"Content-Length": "9"}, "{"), (200, {}, "{")):
        service.answers, service.asked = [bad, (200, {}, {})], []
        with pytest.raises(Uncertain):
            client.call(once)
        assert len(service.asked) == 1
    service.answers = [(429, {"Retry-After": "0"}, {}), (200, {}, {"id": "1"})]
    assert client.call(once) == {"id": "1"}, "a busy service has not done it"


def test_the_time_that_a_service_asks_for_is_waited_for_or_told(client, service):
    service.answers = [(429, {"Retry-After": "3600"}, {"title": "Too Many Requests"})]
    with pytest.raises(Unavailable, match="Too Many Requests"):
        client.call(ASK)
    assert len(service.asked) == 1
    assert retry_after("7") == 7.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_service_that_is_gone_is_told(tmp_path, token_file):
    with stand_in(tmp_path / "gone") as service:
        pass
    token = Token(str(token_file))
    client = Client(f"{service.url}/api/v1", token=token, ca_file=service.ca_file, timeout=0.5)
    for request in (ASK, Request("POST", "/compute/job/r", body={})):
        with pytest.raises(Unavailable, match="Connection refused") as caught:
            client.call(request)
        assert not isinstance(caught.value, Uncertain)


def test_slow_answer_is_asked_for_again(healed):
    healed.faults.delay(3, path="/compute/status")
    compute = driver(healed, "v1", timeout=1)
    with pytest.raises(Unavailable, match="gave no whole answer"):
        compute.status("1-2")
    assert compute.status("1-2").state is JobState.FAILED


@pytest.mark.parametrize("request_", [ASK, Request("POST", "/compute/job/r", body={})])
@pytest.mark.parametrize("host", ["https://127.0.0.2:1", "https://example.org", "http://127.0.0.1"])
def test_other_hosts_are_not_followed(client, service, request_, host):
    service.answers = [(307, {"Location": f"{host}/api/v2/facility?x=1"}, "")]
    with pytest.raises(Denied, match="does not follow"):
        client.call(request_)


def test_redirects_within_the_service_are_followed(client, service):
    service.answers = [(308, {"Location": "/moved/facility?a=b"}, ""), (200, {}, {"id": "f"})]
    assert client.call(ASK) == {"id": "f"}
    assert service.asked[1][1] == "/moved/facility?a=b"
    service.answers = [(302, {"Location": "/round"}, "")]
    with pytest.raises(Unavailable, match="round and round"):
        client.call(ASK)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/api/v1",
        "http://host",
        "ftp://host",
        "host",
        "",
        f"https://user:{SECRET}@host/api/v1",
        f"https://host/api/v1?token={SECRET}",
        "https:///api/v1",
    ],
)
def test_only_encrypted_urls_without_secrets_are_taken(url):
    with pytest.raises(InvalidConfig) as caught:
        IriCompute(url)
    assert SECRET not in str(caught.value)


def test_versions_that_do_not_fit_are_refused():
    for url, version in (("https://host/api/v1", "v2"), ("https://host", "v3")):
        with pytest.raises(InvalidConfig, match="v1 or v2"):
            IriCompute(url, version=version)


def test_version_that_is_not_there_is_told(service, token_file):
    service.answers = [(404, {}, {})]
    client = Client(service.url, token=Token(str(token_file)), ca_file=service.ca_file)
    with pytest.raises(Unavailable, match="neither v2 nor v1"):
        _ = client.version
    assert [path for _, path, _ in service.asked] == ["/api/v2/facility", "/api/v1/facility"]
    service.asked.clear()
    service.answers = [(404, {}, {}), (200, {}, {"id": "f"})]
    assert client.version == "v1"


def test_strange_certificate_is_refused(service, token_file):
    client = Client(f"{service.url}/api/v1", token=Token(str(token_file)))
    with pytest.raises(Denied, match="not trusted"):
        client.call(ASK)
    assert service.asked == []
    with pytest.raises(InvalidConfig, match="ca_file"):
        Client(f"{service.url}/api/v1", ca_file="/no/such/file").call(ASK)


def test_connection_that_breaks_is_no_strange_certificate(tmp_path, token_file):
    """As when a service is started again: something listens, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening, stand_in(tmp_path / "s") as service:
        listening.settimeout(0.05)
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        stop = threading.Event()

        def hang_up():
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    listening.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            with pytest.raises(Unavailable):
                Client(url, ca_file=service.ca_file, timeout=0.5).call(ASK)
        finally:
            stop.set()
            thread.join()


def test_many_threads_renew_once(service, tmp_path):
    count = tmp_path / "count"
    code = f"f = open({str(count)!r}, 'a'); f.write('x'); f.close(); print(open({str(count)!r}).read())"
    token = Token(command=[sys.executable, "-c", code])
    old = token.get()
    threads = [threading.Thread(target=token.renew, args=(old,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.read_text() == "xx"
    assert token.get() == "xx"


def test_files_are_read_and_written_on_a_bad_day(healed):
    compute = driver(healed, "v2")
    fs, path = compute.workspace.fs, f"{compute.workspace.root}/bad-day"
    healed.faults.answer(500, path="/upload")
    healed.faults.truncate(path="/task")
    healed.faults.lose(path="/upload")
    healed.faults.busy(0.1, path="/download")
    healed.faults.truncate(path="/download")
    fs.pipe_file(path, b"\x00data")
    assert fs.cat_file(path) == b"\x00data"
    assert len(healed.faults.met) >= 5


def test_job_that_cannot_be_looked_for_is_not_submitted(healed):
    """In version 1 nothing else tells whether a job has been started."""
    compute = driver(healed, "v1", timeout=1)
    assert compute._resource_id
    healed.faults.answer(500, times=100, path="/compute/status")
    with pytest.raises(PortalError):
        compute.submit(JobSpec("/bin/true", key=uuid.uuid4().hex))
    assert [met for met in healed.faults.met if "/compute/job" in met[2]] == []


def test_job_that_is_being_started_is_waited_for(client, service):
    service.answers = [(409, {}, {}), (409, {"Retry-After": "0"}, {}), (200, {}, {"id": "1"})]
    request = Request(
        "POST", "/compute/job/r", body={}, headers={KEY: str(uuid.uuid4())}, repeat=True
    )
    assert client.call(request) == {"id": "1"}


def test_no_answer_is_not_taken_for_no_file(healed):
    """Else a run whose result cannot be looked for would be told to have none."""
    compute = driver(healed, "v2")
    fs, root = compute.workspace.fs, compute.workspace.root
    healed.tokens.expire()
    for what in (fs.exists, fs.isdir, fs.isfile):
        with pytest.raises(Denied):
            what(root)


def test_service_that_knows_of_nothing_does_not_end_a_run(service, token_file):
    compute = IriCompute(
        f"{service.url}/api/v2", token_file=str(token_file), ca_file=service.ca_file
    )
    service.answers = [(200, {}, [{"id": "r", "name": "debug"}]), (404, {}, "<html>maintenance")]
    with pytest.raises(NotFound, match="maintenance"):
        compute.status("1-2")


def test_status_is_read_with_care(service, token_file):
    compute = IriCompute(
        f"{service.url}/api/v1", token_file=str(token_file), ca_file=service.ca_file
    )
    service.answers = [(200, {}, [{"id": "r", "name": "debug"}])]
    assert compute._resource_id == "r"

    def status(**told):
        service.answers = [(200, {}, {"id": "1", "status": told})]
        return compute.status("1")

    assert status(state="completed", exit_code=0).state is JobState.COMPLETED
    failed = status(state="completed", exit_code=3)
    assert (failed.state, failed.exit_code, failed.message) == (JobState.FAILED, 3, "exit code 3")
    waits = status(state="queued", message="Priority", meta_data={"position": 4, "start": 5})
    assert (waits.state, waits.message, waits.position, waits.start) == (
        JobState.QUEUED,
        "Priority",
        4,
        5.0,
    )
    assert status(state="queued", meta_data={"position": "4th", "nodes": 3}).nodes == ()
    for wrong in ({"state": "suspended"}, {"state": None}):
        with pytest.raises(Unreadable, match="document"):
            status(**wrong)
