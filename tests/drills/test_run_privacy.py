"""Nobody but the run's own processes reaches its cluster, and its key is nowhere to be found."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import psutil
import pytest

from tests.drills import slow
from tests.helpers import wait_until
from tests.runner.make_run import start


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = start(tmp_path_factory.mktemp("runs"), slow.patient, parameters={"tasks": 3000})
    wait_until(lambda: any(e.kind == "progress" and e.data["done"] for e in run.events))
    yield run
    run.compute.cancel(run.job_id)


@pytest.fixture(scope="module")
def family(run):
    leader = psutil.Process(run.pid)
    return [leader, *leader.children(recursive=True)]


@pytest.fixture(scope="module")
def ports(family):
    listening = [
        c.laddr
        for process in family
        for c in process.net_connections(kind="tcp")
        if c.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    ports = sorted({address.port for address in listening})
    assert len(ports) == 3, "scheduler, nanny, worker; no dashboard, no HTTP"
    return ports


async def ask(address, **how):
    """Ask a Dask node who it is, as its own client would."""
    from distributed.comm import connect

    comm = await connect(address, timeout=3, **how)
    try:
        await comm.write({"op": "identity", "reply": True})
        return await comm.read()
    finally:
        comm.abort()


def refused(address, **how):
    """Whether Dask's own handshake with an address fails."""
    with pytest.raises(OSError):
        asyncio.run(ask(address, **how))
    return True


def test_own_client_is_answered():
    """The question that the others are refused is a right one."""
    from portal.runner.dask_nodes import QuietScheduler
    from portal.runner.security import RunSecurity

    async def own():
        where = {"host": "127.0.0.1", "protocol": "tls://", "dashboard": False}
        security = RunSecurity.for_run()
        async with QuietScheduler(port=0, security=security, **where) as scheduler:
            return await ask(scheduler.address, **security.get_connection_args("client"))

    assert asyncio.run(own())["type"] == "QuietScheduler"


def test_plain_tcp_client_is_refused(ports):
    for port in ports:
        assert refused(f"tcp://127.0.0.1:{port}")


def test_client_of_another_authority_is_refused(ports):
    from distributed.security import Security

    arguments = Security.temporary().get_connection_args("client")
    for port in ports:
        assert refused(f"tls://127.0.0.1:{port}", **arguments)


def test_client_without_certificate_is_refused(ports):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for port in ports:
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        with plain, pytest.raises((ssl.SSLError, ConnectionError)):  # noqa: PT012
            secured = context.wrap_socket(plain)
            with secured:
                secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
                secured.recv(1)


def test_plain_request_gets_no_answer(ports):
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            plain.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            try:
                answer = plain.recv(100)
            except ConnectionError:
                answer = b""
            assert not answer.startswith(b"HTTP")


def test_key_is_in_no_file_argument_or_variable(run, family):
    for process in family:
        assert "PRIVATE KEY" not in " ".join(process.cmdline())
        assert "PRIVATE KEY" not in str(process.environ())
    (scratch,) = Path("/tmp").glob(f"portal-{run.directory.name}-*")
    assert scratch.stat().st_mode & 0o077 == 0
    assert run.directory.stat().st_mode & 0o077 == 0
    for place in (scratch, run.directory):
        for path in place.rglob("*"):
            assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes()


def test_making_the_contexts_writes_no_file(monkeypatch):
    import tempfile

    from portal.runner.security import RunSecurity

    def refuse(*_, **__):
        raise AssertionError("a key would reach a disk")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    security = RunSecurity.for_run()
    for role in ("client", "scheduler", "worker"):
        assert security.get_connection_args(role)["require_encryption"]
        assert security.get_listen_args(role)["require_encryption"]
    assert "PRIVATE" not in repr(security)
