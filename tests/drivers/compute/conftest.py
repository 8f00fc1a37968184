"""Fixtures of the tests over SSH."""

from __future__ import annotations

import pytest

from portal.drivers.compute._ssh import transport_of
from tests.drivers.compute.servers.relay import Relay
from tests.drivers.compute.servers.sshd import Sshd
from tests.site import open_directory


@pytest.fixture
def ssh_home(tmp_path, monkeypatch):
    """A home without keys, known hosts and an agent."""
    path = tmp_path / "home" / ".ssh"
    path.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return path


@pytest.fixture
def sshd():
    with open_directory("sshd") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture
def relay(sshd):
    with Relay(sshd.port) as relay:
        yield relay


@pytest.fixture
def make():
    made = []

    def make(**options):
        made.append(transport_of(**options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()
