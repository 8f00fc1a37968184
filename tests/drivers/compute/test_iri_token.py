"""Tokens of an IRI service: checked, renewed when they expire, shown to nobody else."""

from __future__ import annotations

import logging
import shlex
import sys
import uuid

import pytest

from portal.core.job import JobSpec, JobState
from portal.drivers.compute._iri_client import Client
from portal.drivers.compute._iri_token import Token
from portal.drivers.compute.iri import IriCompute
from portal.errors import (
    Denied,
    InvalidConfig,
    InvalidParameter,
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
    token_of,
)
from tests.helpers import wait_until

__all__ = ["client", "healed", "sent", "served", "service", "token_file"]


def test_token_is_only_in_its_header(service, client, token_file, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    netrc = token_file.with_name("netrc")
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    service.answers = [(400, {}, {"detail": f"your token {SECRET} is odd"})]
    with pytest.raises(InvalidParameter) as caught:
        client.call(ASK)
    (_, path, headers) = service.asked[0]
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in path
    assert SECRET not in "".join(value for key, value in headers.items() if key != "Authorization")
    assert "your token *** is odd" in str(caught.value)
    compute = IriCompute(service.url, token_file=str(token_file))
    shown = (caplog.text, repr(client), repr(client._token), repr(compute), str(vars(client)))
    assert [text for text in shown if SECRET in text] == []


def test_token_of_a_command(tmp_path, service, token_file):
    command = shlex.join([sys.executable, "-c", f"print({SECRET!r})"])
    for given in (command, shlex.split(command)):
        assert Token(command=given).get() == SECRET
    assert "$(x)" not in Token(command=["echo", "$(x)"]).source


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (f"import sys; print({SECRET!r}); sys.exit(3)", "exit code 3"),
        (f"print({SECRET!r}, {SECRET!r})", "something else"),
        ("pass", "nothing"),
    ],
)
def test_command_that_prints_no_token_is_told_without_what_it_printed(code, found):
    with pytest.raises(InvalidConfig, match=found) as caught:
        Token(command=[sys.executable, "-c", code]).get()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


def test_token_sources_are_checked(token_file, tmp_path):
    with pytest.raises(InvalidConfig, match="both"):
        IriCompute("https://host", token_file=str(token_file), token_command="x")
    token_file.chmod(0o640)
    with pytest.raises(InvalidConfig, match="0640"):
        Token(str(token_file)).get()
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InvalidConfig):
            Token(str(path)).get()
    with pytest.raises(InvalidConfig, match="token_command"):
        Token(command="/no/such/command").get()
    assert Token().get() is None


def test_token_that_expires_in_the_middle_is_renewed(healed):
    compute = driver(healed, "v2")
    assert compute.workspace.root
    healed.tokens.expire()
    healed.write_token(token_of(healed))
    assert compute.status("1-2").state is JobState.FAILED
    compute.workspace.fs.pipe_file(f"{compute.workspace.root}/x", b"x")


def test_token_without_a_successor_is_told(healed, sent):
    compute = driver(healed, "v1")
    assert compute._resource_id
    healed.tokens.expire()
    with pytest.raises(Denied) as caught:
        compute.status("1-2")
    assert "Unauthorized" in str(caught.value)
    assert "token_file" in str(caught.value)
    assert healed.root.with_name(token_of(healed).name).read_text().strip() not in str(caught.value)


def test_no_token_is_told(service):
    service.answers = [(401, {"WWW-Authenticate": "Bearer"}, {"title": "Unauthorized"})]
    client = Client(f"{service.url}/api/v2", ca_file=service.ca_file)
    with pytest.raises(Denied, match="of which there is none"):
        client.call(ASK)
    assert "Authorization" not in service.asked[0][2]


def test_token_is_seen_by_no_job_and_in_no_process_list(healed):
    compute = driver(healed, "v2")
    directory = f"{compute.workspace.root}/{uuid.uuid4().hex}"
    compute.workspace.fs.makedirs(directory)
    script = "env > env; ps -eo args > list; cat /proc/*/environ > all 2>/dev/null; true"
    job_id = compute.submit(JobSpec("/bin/sh", ("-c", script), directory))
    wait_until(lambda: compute.status(job_id).state.final)
    token = token_of(healed).read_bytes().strip()
    for name in compute.workspace.fs.ls(directory, detail=False):
        assert token not in compute.workspace.fs.cat_file(name), name
