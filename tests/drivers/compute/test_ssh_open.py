"""SshTransport against a real sshd: which host is trusted, who is let in, and the way there."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import pytest

from portal.errors import Denied, InvalidConfig
from tests.drivers.compute.servers.sshd import Sshd
from tests.helpers import wait_until
from tests.site import open_directory

USER = "root"


pytestmark = pytest.mark.usefixtures("ssh_home")


def says(transport, *argv, **more):
    done = transport.run(argv, **more)
    assert done.code == 0, done
    return done.stdout


# The host key


def test_unknown_host_key_is_refused_until_its_line_is_added(sshd, make, ssh_home):
    options = sshd.options(USER) | {"known_hosts": None}
    with pytest.raises(Denied, match="is not known") as caught:
        make(**options).run(["true"])
    key = asyncssh.import_public_key(sshd.host_key)
    assert key.get_fingerprint() in str(caught.value)
    assert str(ssh_home / "known_hosts") in str(caught.value)
    assert not (ssh_home / "known_hosts").exists(), "nothing is accepted by itself"
    (line,) = re.findall("`(.*)`", str(caught.value))
    (ssh_home / "known_hosts").write_text(f"{line}\n")
    assert says(make(**options), "echo", "in") == "in\n"
    assert sshd.logins == 1


def test_changed_host_key_is_refused(sshd, make):
    options = sshd.options(USER)
    transport = make(**options)
    transport.run(["true"])
    sshd.new_host_key()
    sshd.restart()
    for one in (transport, make(**options)):
        with pytest.raises(Denied, match="has changed"):
            wait_until(lambda one=one: one.run(["true"]).code)
    assert sshd.logins == 1


@pytest.mark.parametrize(
    "lax", ["StrictHostKeyChecking no", "UserKnownHostsFile none", "UserKnownHostsFile /dev/null"]
)
def test_lax_configuration_does_not_switch_the_check_off(sshd, make, ssh_home, lax):
    (ssh_home / "config").write_text(f"Host *\n  {lax}\n")
    with pytest.raises(Denied, match="is not known"):
        make(**sshd.options(USER) | {"known_hosts": None}).run(["true"])
    assert sshd.logins == 0


def test_broken_known_hosts_say_so(sshd, make, tmp_path):
    (tmp_path / "known").write_text("nonsense\n")
    with pytest.raises(InvalidConfig, match="known hosts"):
        make(**sshd.options(USER) | {"known_hosts": str(tmp_path / "known")}).run(["true"])


# Who is let in


def test_wrong_key_is_denied_with_what_to_do(sshd, make, tmp_path):
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    with pytest.raises(Denied, match="does not let the user root in.*authorized_keys"):
        make(**sshd.options(USER) | {"key_file": str(key)}).run(["true"])


def test_key_that_others_may_read_is_refused(sshd, make):
    options = sshd.options(USER)
    Path(options["key_file"]).chmod(0o640)
    with pytest.raises(Denied, match="0640.*chmod 600"):
        make(**options).run(["true"])


def test_key_that_is_not_there_or_locked_says_so(sshd, make, tmp_path):
    with pytest.raises(InvalidConfig, match="key_file"):
        make(**sshd.options(USER) | {"key_file": str(tmp_path / "none")}).run(["true"])


@pytest.fixture
def agent(tmp_path, monkeypatch):
    address = tmp_path / "agent"
    command = [shutil.which("ssh-agent"), "-D", "-a", str(address)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until(address.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
        yield
        process.kill()


def test_agent_is_asked(sshd, make, agent):
    options = sshd.options(USER) | {"key_file": None}
    with pytest.raises(Denied):
        make(**options).run(["true"])
    subprocess.run(["ssh-add", "-q", str(sshd.let_in(USER))], check=True, capture_output=True)
    assert says(make(**options), "echo", "in") == "in\n"


def test_key_with_a_passphrase_is_the_agents(sshd, make, agent):
    options = sshd.options(USER)
    key = options["key_file"]
    subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", key], check=True)
    assert says(make(**options), "echo", "in") == "in\n"
    subprocess.run(["ssh-add", "-q", "-D"], check=True, capture_output=True)
    with pytest.raises(Denied, match="ssh-add"):
        make(**options).run(["true"])


# ~/.ssh/config, and machines on the way


def entry(sshd, alias, *more):
    lines = [
        f"Host {alias}",
        f"HostName {sshd.host}",
        f"Port {sshd.port}",
        f"User {USER}",
        f"IdentityFile {sshd.let_in(USER)}",
        f"UserKnownHostsFile {sshd.known_hosts()}",
        *more,
    ]
    return "\n  ".join(lines) + "\n"


def test_configuration_of_the_user_is_followed(sshd, make, ssh_home):
    (ssh_home / "config").write_text(entry(sshd, "lab", "RemoteCommand false"))
    assert says(make(host="lab"), "echo", "in") == "in\n"


@pytest.mark.parametrize("by", ["ProxyJump", "option"])
def test_machine_on_the_way(sshd, make, ssh_home, by):
    with open_directory("gate") as directory, Sshd(directory) as gate:
        more = ["ProxyJump gate"] if by == "ProxyJump" else []
        (ssh_home / "config").write_text(entry(sshd, "lab", *more) + entry(gate, "gate"))
        transport = make(host="lab", **({} if more else {"jump": "gate"}))
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: transport.run(["true"]), range(8)))
        assert (gate.logins, sshd.logins) == (1, 1)
        assert says(transport, "sh", "-c", "echo ${SSH_CONNECTION%% *}") == "127.0.0.1\n"
        gate.restart()
        assert wait_until(lambda: says(transport, "echo", "again")) == "again\n"
        assert (gate.logins, sshd.logins) == (2, 2)
        gate.known_hosts().write_text("")
        transport.close()
        with pytest.raises(Denied, match="host key of gate is not known"):
            transport.run(["true"])


def test_circles_of_jumps_are_refused(sshd, make, ssh_home):
    names = [f"m{number}" for number in range(12)]
    hops = [entry(sshd, a, f"ProxyJump {b}") for a, b in itertools.pairwise(names)]
    (ssh_home / "config").write_text("".join(hops))
    with pytest.raises(InvalidConfig, match="circles"):
        make(host=names[0]).run(["true"])


def test_a_jump_for_every_host_does_not_hold_for_itself(sshd, make, ssh_home):
    with open_directory("gate") as directory, Sshd(directory) as gate:
        config = entry(sshd, "lab") + entry(gate, "gate") + "Host *\n  ProxyJump gate\n"
        (ssh_home / "config").write_text(config)
        assert says(make(host="lab"), "echo", "in") == "in\n"


def test_broken_configuration_says_so(sshd, make, ssh_home):
    (ssh_home / "config").write_text("Host *\n  Port many\n")
    with pytest.raises(InvalidConfig, match="config"):
        make(host="lab").run(["true"])
