"""Environments made at a site: by uv, by pip, uploaded; at once by two, killed, damaged, refused."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import pytest

from portal.core.environment import Environment
from portal.core.needed import PORTAL, needed
from portal.core.plugins import CATALOGS, driver_names
from portal.drivers.compute import _provision_site
from portal.drivers.compute._pack import Package
from portal.drivers.compute._provision import Found, Provisioning, provision
from portal.drivers.compute._transport import Here
from portal.errors import EnvironmentMismatch, InvalidConfig, Unavailable
from tests.helpers import wait_until

MINOR = "{}.{}".format(*sys.version_info)
SMALL = ("locket", "toolz")


def small(*names: str) -> Environment:
    """An environment of a few packages, as they are installed here."""
    return Environment(MINOR, {}, tuple(f"{n}=={metadata.version(n)}" for n in names or SMALL))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "it's $(touch injected) a site"
    path.mkdir()
    return path


@pytest.fixture
def site(root: Path, monkeypatch: pytest.MonkeyPatch) -> Provisioning:
    """A site on this machine that has uv."""
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", places)
    return Provisioning(Here(), str(root), base_python=sys.executable, lease=2.0, patience=30.0)


def changed(site: Provisioning, **options) -> Provisioning:
    from dataclasses import replace

    return replace(site, **options)


def imports(python: str, *modules: str) -> str:
    code = f"import sys, {', '.join(modules)}; print(sys.prefix)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def left(root: Path) -> list[str]:
    """What lies among the environments and is none of them."""
    return [p.name for p in (root / "env").iterdir() if p.name[0] == "." and p.name != ".parts"]


def test_uv_installs_from_the_index(site, root):
    told: list[str] = []
    python = provision(changed(site, how="index"), small(), told.append)
    assert imports(python, *SMALL) == str(Path(python).parents[1])
    assert any("by uv" in text for text in told), told
    place = Path(python).parents[1]
    assert place.parent == root / "env"
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "lock.txt").read_text().splitlines() == list(small().lock)
    assert left(root) == []
    assert not list(root.parent.rglob("injected"))

    told.clear()
    assert provision(changed(site, how="upload"), small(), told.append) == python
    assert told == [], "it is there: nothing is built, whatever the way"


def test_pip_installs_where_there_is_no_uv(site, root, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(root))
    told: list[str] = []
    python = provision(changed(site, how="index"), small("locket"), told.append)
    imports(python, "locket")
    assert any("by pip" in text for text in told), told


def test_scripts_run_where_they_lie(site):
    """They were written while the environment lay elsewhere."""
    python = provision(changed(site, how="index"), small("charset-normalizer"))
    script = [str(Path(python).with_name("normalizer")), "--version"]
    assert (
        "Charset-Normalizer"
        in subprocess.run(script, capture_output=True, check=True, text=True).stdout
    )


def test_what_cannot_be_installed_is_uploaded(site, monkeypatch):
    """The site has no network, which uv is told here by its own variables."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", f"{site.root}/empty")
    with pytest.raises(Unavailable, match=r"(?s)could not be made.*index: .*locket"):
        provision(changed(site, how="index"), small())
    told: list[str] = []
    python = provision(site, small(), told.append)
    imports(python, *SMALL)
    assert any(text.startswith("by index it could not be made") for text in told)
    assert any(text.startswith(f"sent {len(SMALL)} of {len(SMALL)} packages") for text in told)


def test_portal_travels_as_it_is_here(site):
    """Its files are sent from here, whether or not it is installed as editable; its drivers are found."""
    lock = [line for line in needed().lock if line.partition("==")[0] in (PORTAL, "cloudpickle")]
    python = provision(changed(site, how="index"), Environment(MINOR, {}, tuple(lock)))
    code = (
        "import json, portal.core.environment as e, portal.runner.execute as r; "
        "from portal.core.plugins import driver_names; "
        "print(json.dumps([r.__file__, driver_names('portal.catalogs'), "
        "e.local_environment().to_dict()]))"
    )
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    file, drivers, there = json.loads(done.stdout)
    assert Path(file).is_relative_to(Path(python).parents[1])
    assert tuple(drivers) == driver_names(CATALOGS)
    assert there["python"] == MINOR
    assert there["packages"] == {"cloudpickle": metadata.version("cloudpickle")}
    assert names(there["lock"]) == {PORTAL, "cloudpickle"}


def names(lock) -> set[str]:
    return {line.partition("==")[0].replace("_", "-") for line in lock}


TWO = """
import sys
from portal.core.environment import Environment
from portal.drivers.compute._provision import Provisioning, provision
from portal.drivers.compute._transport import Here
root, python, lease, minor, *lock = sys.argv[1:]
site = Provisioning(Here(), root, how="upload", base_python=python, lease=float(lease))
print(provision(site, Environment(minor, {}, tuple(lock)), lambda text: print(text, flush=True)))
"""


def asker(
    site: Provisioning, environment: Environment, lease: float = 60.0
) -> subprocess.Popen[str]:
    arguments = [site.root, sys.executable, str(lease), MINOR, *environment.lock]
    return subprocess.Popen(
        [sys.executable, "-c", TWO, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_at_once_build_once(site, root):
    asked = small("tornado", *SMALL)
    askers = [asker(site, asked) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in askers]
    assert [process.returncode for process in askers] == [0, 0], said
    assert said[0][-1] == said[1][-1]
    imports(said[0][-1], "tornado", *SMALL)
    assert sum(line.startswith("sent 3 of 3") for lines in said for line in lines) == 1, said
    assert left(root) == []


def begun(site: Provisioning, environment: Environment) -> int:
    """Begin a build that waits for packages which nobody brings; return its process."""
    question = _provision_site.Question(
        directory=site.directory,
        name=f"{MINOR}-{os.uname().machine}-{environment.lock_hash[:16]}",
        build=True,
        lease=site.lease,
        patience=site.patience,
        parts=("never.tar.gz",),
    )
    done = subprocess.run(
        [sys.executable, "-I", _provision_site.__file__, json.dumps(asdict(question))],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told == {"state": "building", "message": "begun", "claim": 1, "own": True}
    beat = question.claim(1) / "beat"
    return int(wait_until(lambda: beat.read_text().split())[0])


def test_a_killed_build_is_taken_over(site, root):
    pid = begun(site, small())
    os.kill(pid, signal.SIGKILL)
    assert len(left(root)) == 1
    python = provision(changed(site, how="upload"), small())
    imports(python, *SMALL)
    assert left(root) == [], "what the dead build left has gone"


def test_a_build_that_lives_is_waited_for_and_its_failure_is_no_end(site):
    """Nobody brings its packages: it gives up, and who has waited builds."""
    begun(changed(site, patience=1.0), small())
    told: list[str] = []
    imports(provision(changed(site, how="upload"), small(), told.append), *SMALL)
    assert "waiting for 1 packages" in told


def test_a_killed_asker_leaves_nothing_taken_for_whole(site, root):
    asked = small("tornado", *SMALL)
    process = asker(site, asked, lease=6.0)
    try:
        wait_until(lambda: (root / "env").exists() and left(root))
    finally:
        process.kill()
        process.communicate()
    told: list[str] = []
    python = provision(changed(site, how="upload", lease=6.0), asked, told.append)
    imports(python, "tornado", *SMALL)
    assert "begun" not in told, "the build that was begun goes on with what another brings"


def test_what_a_killed_sender_left_is_removed_after_a_day(site, root):
    parts = root / "env" / ".parts"
    parts.mkdir(parents=True)
    for name, age in (("old.part", 2 * 86400), ("new.part", 0)):
        (parts / name).write_text("x")
        os.utime(parts / name, (time.time() - age,) * 2)
    provision(changed(site, how="upload"), small("locket"))
    assert [p.name for p in parts.glob("*.part")] == ["new.part"]


def test_a_disk_that_is_full_is_said(site, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(site.transport.fs, "mv", full)
    with pytest.raises(Unavailable, match=r"could not be sent.*No space left.*Make room"):
        provision(changed(site, how="upload", patience=0.5), small("locket"))


def test_an_environment_without_its_base_python_is_made_anew(site, root):
    python = provision(changed(site, how="upload"), small())
    Path(python).unlink()
    Path(python).symlink_to("/no/such/python")
    assert provision(changed(site, how="upload"), small()) == python
    imports(python, *SMALL)
    assert left(root) == []


def test_a_damaged_package_is_named_and_sent_again(site, root):
    parts = root / "env" / ".parts"
    parts.mkdir(parents=True)
    name = Package.of(small("locket").lock[0]).file
    (parts / name).write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(Unavailable, match=rf"{name} cannot be unpacked"):
        provision(changed(site, how="upload"), small("locket"))
    imports(provision(changed(site, how="upload"), small("locket")), "locket")


def test_a_hostile_member_does_not_leave_the_environment(tmp_path):
    file, where = tmp_path / "bad.tar.gz", tmp_path / "in" / "deep"
    where.mkdir(parents=True)
    (tmp_path / "x").write_text("x")
    with tarfile.open(file, "w:gz") as archive:
        archive.add(tmp_path / "x", "../../out")
    with pytest.raises(_provision_site.Failed, match="outside"):
        _provision_site._unpack(file, where)
    assert not (tmp_path / "out").exists()


def test_another_minor_is_refused_and_named(site):
    with pytest.raises(EnvironmentMismatch, match=rf"no Python 3\.8 .*Python {MINOR}.*base_python"):
        provision(site, Environment("3.8", {}, small().lock))


def test_what_is_not_here_cannot_be_taken_along(site):
    with pytest.raises(EnvironmentMismatch, match=r"wants locket==0\.0\.1.*locket=="):
        provision(site, Environment(MINOR, {}, ("locket==0.0.1",)))
    with pytest.raises(EnvironmentMismatch, match=r"wants no-such-package==1.*not installed"):
        provision(site, Environment(MINOR, {}, ("no-such-package==1",)))
    version = metadata.version(PORTAL)
    with pytest.raises(EnvironmentMismatch, match=r"wants portal-science.*\+src\.0123.*\+src\."):
        provision(site, Environment(MINOR, {}, (f"{PORTAL}=={version}+src.0123",)))


def test_setup_lines_are_run_before(site, root):
    """What a module would do: a Python is found only after it."""
    elsewhere = root / "modules" / "bin"
    elsewhere.mkdir(parents=True)
    (elsewhere / "special-python").symlink_to(sys.executable)
    line = f"echo noise; export PATH={shlex.quote(str(elsewhere))}:$PATH"
    named = changed(site, base_python="special-python")
    assert not named.find(MINOR).python
    assert changed(named, setup=line).find(MINOR).version.startswith(MINOR)
    imports(provision(changed(named, setup=line, how="upload"), small()), *SMALL)


def test_a_site_that_cannot_be_written_says_so(site, root):
    (root / "env").write_text("a file")
    with pytest.raises(Unavailable, match=r"cannot be made at this machine.*env"):
        provision(site, small())


def test_another_way_is_refused(root):
    with pytest.raises(InvalidConfig, match=r"'conda'.*auto, index, upload"):
        Provisioning(Here(), str(root), how="conda")  # type: ignore[arg-type]


def test_nothing_is_found_where_nothing_is(site, root, monkeypatch):
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert changed(site, base_python="/no/python").find(MINOR) == Found()
