"""SshTransport against a real sshd: commands, ports, cuts."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from portal.drivers.compute import _ssh_open
from portal.drivers.compute._ssh import SshTransport, transport_of
from portal.drivers.compute._transport import Here
from portal.errors import InvalidConfig, MissingDependency, Unavailable
from portal.testing.compute import AWKWARD
from tests.drivers.compute.servers.sshd import Sshd, free_port
from tests.helpers import wait_until
from tests.site import open_directory

USER = "root"


pytestmark = pytest.mark.usefixtures("ssh_home")


def says(transport, *argv, **more):
    done = transport.run(argv, **more)
    assert done.code == 0, done
    return done.stdout


# Commands


def test_arguments_and_standard_input_arrive_as_they_are(sshd, make):
    transport = make(**sshd.options(USER))
    words = [word for word in AWKWARD if "\0" not in word]
    assert says(transport, "printf", "%s\\0", *words).split("\0")[:-1] == words
    assert says(transport, "cat") == "", "an empty input ends"
    data = bytes(range(256)) * 4_000
    told = says(transport, "sha256sum", stdin=data).split()[0]
    assert told == hashlib.sha256(data).hexdigest()


def test_ends_of_commands_are_told(sshd, make):
    transport = make(**sshd.options(USER))
    failed = transport.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (failed.code, failed.stdout, failed.stderr) == (3, "out\n", "err\n")
    assert transport.run(["sh", "-c", "kill -9 $$"]).code == -9
    assert all(transport.run(["true"], stdin=b"unread" * 10_000).code == 0 for _ in range(3))
    with pytest.raises(Unavailable, match="no-such-command"):
        transport.run(["no-such-command"])


def test_command_that_takes_too_long_is_ended(sshd, make, site_users):
    """Of an ordinary user: an sshd passes on no signal to root."""
    transport = make(**sshd.options(site_users[0]))
    with pytest.raises(Unavailable, match="within 1 s"):
        transport.run(["sh", "-c", "echo $$ >pid; exec sleep 50"], timeout=1)
    pid = says(transport, "cat", "pid").strip()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), seconds=20)
    assert says(transport, "echo", "next") == "next\n"


def test_many_threads_share_one_connection(sshd, make, tmp_path):
    transport = make(**sshd.options(USER))

    def work(number):
        path = f"{tmp_path}/{number}"
        transport.fs.pipe_file(path, str(number).encode())
        return int(says(transport, "cat", path)) + int(transport.fs.cat_file(path))

    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(work, range(20))) == [2 * number for number in range(20)]
    assert sshd.logins == 1


def test_machine_that_allows_few_sessions(make):
    with open_directory("few") as directory, Sshd(directory, more="MaxSessions 2\n") as few:
        transport = make(**few.options(USER))
        with ThreadPoolExecutor(6) as threads:
            work = [threads.submit(says, transport, "echo", str(number)) for number in range(8)]
            assert threads.submit(transport.fs.isdir, "/").result()
            assert [one.result() for one in work] == [f"{number}\n" for number in range(8)]
        assert few.logins == 1


# Ports


def exchange(address):
    with socket.create_connection(address, timeout=20) as one:
        return one.recv(7)


def test_forwarded_port_outlives_a_cut(sshd, relay, make):
    transport = make(**sshd.options(USER, relay.port))
    with transport.forward("127.0.0.1", sshd.port) as address:
        assert address[0] == "127.0.0.1"
        assert exchange(address) == b"SSH-2.0"
        relay.sever()
        assert wait_until(lambda: exchange(address)) == b"SSH-2.0"
        held = socket.create_connection(address, timeout=20)
        assert held.recv(7) == b"SSH-2.0"
    with held:
        assert b"" in (held.recv(1_000), held.recv(1_000)), "what goes through it ends with it"
    with pytest.raises(ConnectionRefusedError):
        exchange(address)


def test_forward_to_where_nobody_listens_ends_the_connection(sshd, make):
    with make(**sshd.options(USER)).forward("127.0.0.1", free_port()) as address:
        assert exchange(address) == b""


# Cuts


def test_nobody_there_says_so(make):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+ was not reached"):
        make(host="127.0.0.1", port=free_port()).run(["true"])
    with pytest.raises(Unavailable, match="was not reached"):
        make(host="no-such-host.invalid").run(["true"])


def test_cut_while_nothing_was_asked_is_not_noticed(sshd, relay, make, tmp_path):
    """The next command is sent once, on a new connection."""
    transport = make(**sshd.options(USER, relay.port))
    transport.run(["true"])
    for number in range(5):
        relay.sever()
        assert transport.run(["sh", "-c", f"echo {number} >>{tmp_path}/log"]).code == 0
    assert (tmp_path / "log").read_text().split() == list("01234")


def test_restarted_sshd_is_reached_again(sshd, make):
    transport = make(**sshd.options(USER))
    transport.run(["true"])
    sshd.stop()
    with pytest.raises(Unavailable):
        transport.run(["true"])
    sshd.start()
    assert says(transport, "echo", "again") == "again\n"


def test_connection_cut_in_a_command_says_so_and_the_next_works(sshd, relay, make, tmp_path):
    transport = make(**sshd.options(USER, relay.port))
    code = f"touch {tmp_path}/on; sleep 0.5; touch {tmp_path}/after"
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(transport.run, ["sh", "-c", code])
        wait_until((tmp_path / "on").exists)
        relay.sever()
        with pytest.raises(Unavailable, match="broke"):
            running.result(20)
    assert says(transport, "echo", "next") == "next\n"
    wait_until((tmp_path / "after").exists)


def test_frozen_connection_is_given_up_and_made_anew(sshd, relay, make, monkeypatch, tmp_path):
    """What hangs is noticed by the keepalives; a read is asked for again by itself."""
    monkeypatch.setattr(_ssh_open, "KEEPALIVE_SECONDS", 0.1)
    transport = make(**sshd.options(USER, relay.port))
    (tmp_path / "file").write_bytes(b"content")
    assert transport.fs.exists(str(tmp_path / "file"))
    relay.freeze()
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(transport.fs.cat_file, str(tmp_path / "file"))
        wait_until(lambda: relay.connections == 2)
        relay.heal()
        assert reading.result(60) == b"content"


# The object


def test_without_a_host_it_is_this_machine():
    assert isinstance(transport_of(), Here)
    with pytest.raises(InvalidConfig, match="no host"):
        transport_of(user="me")
    with pytest.raises(InvalidConfig, match="port"):
        transport_of("lab", port=70_000)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"portal-science\[ssh\]"):
        transport_of("lab")


def test_nothing_is_left_of_one_that_is_collected(sshd):
    before = set(threading.enumerate())
    transport = transport_of(**sshd.options(USER))
    transport.run(["true"])
    assert says(pickle.loads(pickle.dumps(transport)), "echo", "a copy") == "a copy\n"
    assert len(set(threading.enumerate()) - before) > 0
    del transport
    wait_until(lambda: not set(threading.enumerate()) - before)
    wait_until(lambda: not sessions_of(sshd))


def sessions_of(sshd):
    return [p for p in psutil.process_iter() if p.ppid() == sshd._process.pid]


def test_secrets_are_not_in_what_is_shown(sshd):
    transport = transport_of(**sshd.options(USER))
    assert "PRIVATE" not in repr(transport)
    assert isinstance(transport, SshTransport)
    assert transport.name == sshd.host
    assert "SSH_AUTH_SOCK" not in os.environ
