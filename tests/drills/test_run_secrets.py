"""Another Unix user of the same machines reaches nothing of a run, reads nothing, learns nothing.

A run and an interactive cluster go on at a laboratory (Slurm over SSH, and a plain machine over
SSH); everything is tried by real processes of a second ordinary user at that very machine.
"""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import portal
from portal.core.cluster import TLS, TLS_PEM
from portal.core.job import JobState, Resources
from tests.drills.slow import patient
from tests.drivers.compute.servers.sshd import Sshd
from tests.helpers import wait_until
from tests.site import open_directory

SECRETS = ("PRIVATE KEY", "BEGIN CERTIFICATE")

#: As root, in the network of the machine: what the processes of a user listen on.
LISTENING = """
import json, psutil, pwd, sys
uid = pwd.getpwnam(sys.argv[1]).pw_uid
held = {p.pid: p.name() for p in psutil.process_iter() if p.uids().real == uid}
found = [
    [held[c.pid], *c.laddr]
    for c in psutil.net_connections("tcp")
    if c.status == psutil.CONN_LISTEN and c.pid in held
]
local = [c.laddr for c in psutil.net_connections("unix") if c.pid in held and c.laddr]
print(json.dumps({"tcp": found, "unix": local}))
"""

#: As the other user: which of some addresses take a client of his.
KNOCK = """
import asyncio, json, socket, ssl, sys
from distributed.comm import connect
from distributed.security import Security

async def dask(address, **how):
    comm = await connect(address, timeout=3, **how)
    try:
        await comm.write({"op": "identity", "reply": True})
        return await asyncio.wait_for(comm.read(), 3)
    finally:
        comm.abort()

def said(host, port, context, text=b"GET / HTTP/1.0\\r\\n\\r\\n"):
    with socket.create_connection((host, port), timeout=5) as plain:
        secured = context.wrap_socket(plain) if context else plain
        secured.sendall(text)
        return secured.recv(100)

def tried(name, do):
    try:
        answer = do()
    except (OSError, asyncio.TimeoutError) as error:
        return None
    return [name, repr(answer)] if answer and answer[:1] != b"\\x15" else None

own = Security.temporary().get_connection_args("client")
bare = ssl.create_default_context()
bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
found = {}
for name, host, port in json.loads(sys.stdin.read()):
    tries = [
        tried("tcp", lambda: asyncio.run(dask(f"tcp://{host}:{port}"))),
        tried("tls", lambda: asyncio.run(dask(f"tls://{host}:{port}", **own))),
        tried("bare", lambda: said(host, port, bare)),
        tried("http", lambda: said(host, port, None)),
        tried("nothing", lambda: said(host, port, None, b"x")),
    ]
    found[f"{name} {host}:{port}"] = [one for one in tries if one]
print(json.dumps(found))
"""

#: As the other user: which of some paths he can read, list or connect to.
READ = """
import json, os, socket, sys
asked, found = json.loads(sys.stdin.read()), []
for path in asked:
    tries = [os.listdir, lambda p: open(p, "rb").read(), os.stat]
    tries.append(lambda p: socket.socket(socket.AF_UNIX).connect(p))
    for at, do in enumerate(tries):
        try:
            do(path)
        except OSError:
            continue
        found.append([path, at])
print(json.dumps(found))
"""

#: As the other user: every command line of the machine, and the variables that he may read.
PROCESSES = """
import json, pathlib
lines, variables = [], []
for one in pathlib.Path("/proc").glob("[0-9]*"):
    for name, into in (("cmdline", lines), ("environ", variables)):
        try:
            into.append([one.stat().st_uid, (one / name).read_bytes().decode(errors="replace")])
        except OSError:
            continue
print(json.dumps([lines, variables]))
"""


@dataclass
class Place:
    """A machine at which a run and a cluster go on, and its two users."""

    owner: str
    other: str
    python: str
    prefix: list[str] = field(default_factory=list)
    slurm: object = None
    run: object = None
    cluster: object = None

    def ask(self, code, *words, stdin="", user="root"):
        become = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        done = subprocess.run(
            [*self.prefix, *(become if user != "root" else []), self.python, "-c", code, *words],
            input=stdin, capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def as_other(self, *command):
        become = ["setpriv", "--reuid", self.other, "--regid", self.other, "--clear-groups"]
        return subprocess.run(
            [*self.prefix, *become, *command], capture_output=True, text=True, check=False, cwd="/"
        )

    @property
    def directories(self):
        return [Path(one.directory.path) for one in (self.run, self.cluster.run)]


def facility(home, data, options, driver):
    (home / "facilities").mkdir(parents=True)
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    xr.Dataset({"x": ("t", np.arange(4.0))}).to_netcdf(data / "numbers.nc", engine="h5netcdf")
    (home / "facilities/there.toml").write_text(
        f'name = "There"\n[catalog.data]\ndriver = "folder"\npath = "{data}"\n'
        f'[compute.host]\ndriver = "{driver}"\n{lines}\n'
    )


@pytest.fixture(scope="module", params=["slurm", "ssh"])
def place(request, tmp_path_factory, site_users, site_python):
    owner, other = site_users
    home = tmp_path_factory.mktemp("home")
    with open_directory("ssh") as directory, open_directory("data") as data:
        if request.param == "slurm":
            lab = request.getfixturevalue("lab_b")
            made = Place(owner, other, site_python, lab.cluster.prefix, lab.cluster)
            options, sshd = lab.options, None
            several = Resources(node_count=2, processes_per_node=1, cpu_cores_per_process=1)
        else:
            sshd = Sshd(directory)
            sshd.start()
            made = Place(owner, other, site_python)
            options = sshd.options(owner) | {"python": site_python}
            several = None
        one = Resources(processes_per_node=1, cpu_cores_per_process=1)
        options = options | {"workspace": f"~/secrets-{request.param}"}
        facility(home, data, options, request.param)
        try:
            with portal.connect(home=home) as fed:
                (item,) = fed.search("numbers")
                made.run = fed.run(
                    patient, data=item, tasks=3000, at="there.host", resources=several
                )
                made.cluster = fed.cluster(at="there.host", resources=one)
                wait_until(lambda: (p := made.run.status().progress) and p.done)
                wait_until(lambda: made.cluster.state()["workers"])
                yield made
                made.cluster.close()
                made.run.cancel()
                fed.registry.compute("there.host")[1].transport.close()
        finally:
            if made.slurm:
                made.slurm.cancel_all()
            if sshd:
                sshd.stop()


def test_nothing_that_listens_takes_the_other_user(place):
    heard = place.ask(LISTENING, place.owner)
    # Slurm's own steps are answered by srun, in Slurm's own way (munge).
    listening = [one for one in heard["tcp"] if one[0] != "srun"]
    assert len(listening) >= 7, "scheduler, nanny and worker of each, and a dashboard"
    taken = place.ask(KNOCK, stdin=json.dumps(listening), user=place.other)
    assert len(taken) == len({(host, port) for _, host, port in listening})
    assert {name: got for name, got in taken.items() if got} == {}
    assert place.ask(READ, stdin=json.dumps(heard["unix"]), user=place.other) == []


def test_the_owners_certificate_is_what_lets_in(place):
    """The questions that the other user is refused are right ones."""
    assert place.cluster.client.submit(sum, [1, 2]).result() == 3


def test_the_other_user_reads_and_lists_nothing(place):
    (root,) = {path.parent for path in place.directories}
    wanted = [root, root / ".jobs", root / "env", *(root / ".jobs").rglob("*")]
    for path in place.directories:
        wanted += [path, *path.rglob("*")]
    scratch = [p for path in place.directories for p in Path("/tmp").glob(f"portal-{path.name}-*")]
    assert scratch
    for path in scratch:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        wanted += path.iterdir()
    assert len(wanted) > 15
    asked = json.dumps([str(path) for path in wanted])
    assert place.ask(READ, stdin=asked, user=place.other) == []
    assert place.ask(READ, stdin=json.dumps(["/etc/hostname"]), user=place.other), "it can read"


def test_modes_hold_without_the_home_above(place):
    """A home may be open to others: the workspace is closed by itself, and all in it."""
    (root,) = {path.parent for path in place.directories}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    for path in (*place.directories, root / ".jobs"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with_key = [path / TLS for path in place.directories if (path / TLS).exists()]
    assert len(with_key) == (2 if place.slurm else 1)
    for tls in with_key:
        assert stat.S_IMODE(tls.stat().st_mode) == 0o700
        assert stat.S_IMODE((tls / TLS_PEM).stat().st_mode) == 0o600


def test_the_key_is_in_no_list_of_processes_and_no_job(place):
    lines, variables = place.ask(PROCESSES, user=place.other)
    assert any(place.run.id in line for _, line in lines), "they are in the list"
    assert not [line for _, line in lines if any(word in line for word in SECRETS)]
    (_, owned) = place.ask(PROCESSES)
    assert not [text for _, text in owned if any(word in text for word in SECRETS)]
    uid = Path(place.directories[0]).stat().st_uid
    assert uid in [owner for owner, _ in owned]
    assert uid not in [owner for owner, _ in variables], "his are closed to others"
    if place.slurm:
        scontrol = str(place.slurm.bin / "scontrol")
        shown = place.as_other(scontrol, "show", "job", "--details").stdout
        assert place.run.id in shown
        assert place.owner in shown
        job = next(
            line.split()[0]
            for line in place.slurm.run("squeue", "-h", "-o%i %j").splitlines()
            if line.split()[1] == place.run.id
        )
        script = place.as_other(scontrol, "write", "batch_script", job, "-")
        assert script.stdout == "", "Slurm gives scripts to their owners alone"
        assert "Invalid user id" in script.stderr
        owned = place.slurm.run("scontrol", "write", "batch_script", job, "-")
        assert place.directories[0].name in owned
        assert not [word for word in SECRETS if word in shown + owned]


def test_nothing_secret_is_left_in_any_file(place):
    """Last: it ends both."""
    keys = [(p / TLS / TLS_PEM) for p in place.directories if (p / TLS).exists()]
    inner = [key.read_text().split("PRIVATE KEY-----")[1].splitlines()[1] for key in keys]
    assert inner
    holders = [
        path
        for base in {one.parent for one in place.directories}
        for path in base.rglob("*")
        if path.is_file() and any(text.encode() in path.read_bytes() for text in inner)
    ]
    assert set(holders) == set(keys)
    place.cluster.close()
    place.run.cancel()
    assert place.run.state is JobState.CANCELED
    for directory in place.directories:
        wait_until(lambda directory=directory: not (directory / TLS).exists())
        for name in ("run.json", "status.json", "events.jsonl", "ro-crate-metadata.json"):
            assert (directory / name).exists(), name
    (root,) = {one.parent for one in place.directories}
    for path in (p for p in root.rglob("*") if p.is_file()):
        held = path.read_bytes()
        assert not [s for s in (*SECRETS, *inner) if s.encode() in held], path
    for path in place.directories:
        wait_until(lambda path=path: not list(Path("/tmp").glob(f"portal-{path.name}-*")))
    wait_until(lambda: not place.ask(LISTENING, place.owner)["tcp"])
