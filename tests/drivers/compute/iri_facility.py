"""The small IRI facility as fixtures and a driver for it; each request is held to the documents."""

from __future__ import annotations

import sys

import pytest
import requests

from portal.drivers.compute._iri_client import Client, Request
from portal.drivers.compute._iri_token import Token
from portal.drivers.compute.iri import IriCompute
from portal.drivers.compute.local import LocalCompute
from portal.testing.iri import serve
from tests.drivers.compute.servers import iri_documents
from tests.drivers.compute.servers.standin import stand_in

VERSIONS = ("v1", "v2")
SECRET = "eyJ-the-secret.of_this-test"
ASK = Request("GET", "/facility", repeat=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("facility")
    with serve(LocalCompute(workspace=str(root))) as server:
        server.write_token(token_of(server))
        yield server


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """Return what is sent, and hold it to the documents, where they are there."""
    there = iri_documents.documents_are_there()
    found = []
    send = requests.adapters.HTTPAdapter.send

    def checked(self, request, *args, **more):
        found.append(request)
        if there and "/api/" in request.url:
            iri_documents.check(request.method, request.url, request.headers, request.body)
        return send(self, request, *args, **more)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", checked)
    return found


def token_of(server):
    """Return the file of the token of a server's user."""
    return server.root.with_name(f"{server.root.name}-token")


def driver(server, version, **options):
    """Return the driver for the server, as its user."""
    options = {
        "token_file": str(token_of(server)),
        "ca_file": str(server.ca_file),
        "python": sys.executable,
        "account": "portal-tests",
        "resource": "debug",
        "workspace": f"{server.root}/{version}-runs",
        **options,
    }
    return IriCompute(f"{server.url}/api/{version}", **options)


@pytest.fixture
def service(tmp_path):
    with stand_in(tmp_path / "service") as found:
        yield found


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "a token"
    path.touch(0o600)
    path.write_text(f"{SECRET}\n")
    return path


@pytest.fixture
def client(service, token_file):
    return Client(
        f"{service.url}/api/v2", token=Token(str(token_file)), ca_file=service.ca_file, timeout=3
    )


@pytest.fixture
def healed(served):
    yield served
    served.faults.clear()
    served.write_token(token_of(served))
