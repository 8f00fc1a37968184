"""A laboratory's side of the tests: a Python that every Unix user may run, and such users."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path

import pytest

import portal
from portal.core.needed import PORTAL, needed

#: Debian's, since the home of root, where .venv's Python may lie, is closed to other users.
SYSTEM_PYTHON = f"/usr/bin/python3.{sys.version_info.minor}"
#: Beside what a run needs: the pages of Dask's dashboard.
MORE = ("bokeh", "xyzservices", "jinja2", "narwhals", "contourpy")


def need(command: str) -> str:
    """Return a program's path; without it a named skip, or a failure where CI is set."""
    found = shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        message = f"{command} is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def needs(*commands: str) -> None:
    """Skip a test by name where one of some programs is missing, or fail it where CI is set."""
    for command in commands:
        need(command)


@contextmanager
def open_directory(name: str) -> Iterator[Path]:
    """Lend a fresh directory under /tmp that every user may enter."""
    path = Path(tempfile.mkdtemp(prefix=f"portal-{name}-", dir="/tmp"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def make_site_python(directory: Path) -> str:
    """Make an environment with Portal and what a run needs, as here; return its Python's path.

    Installed files are linked, compiled ones with them, so that nothing is fetched.
    """
    venv = directory / "python"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [SYSTEM_PYTHON, "-m", "venv", "--without-pip", str(venv)], check=True, env=environment
    )
    packages = venv / f"lib/python3.{sys.version_info.minor}/site-packages"
    names = {line.partition("==")[0] for line in needed().lock} | set(MORE)
    for name in sorted(names - {PORTAL}):
        _link(metadata.distribution(name), packages)
    left = shutil.ignore_patterns("__pycache__", "labextension", "static")
    shutil.copytree(Path(portal.__file__).parent, packages / "portal", ignore=left)
    info = packages / f"portal_science-{metadata.version(PORTAL)}.dist-info"
    info.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (info / name).write_text(metadata.distribution(PORTAL).read_text(name) or "")
    python = str(venv / "bin/python")
    subprocess.run(
        [python, "-m", "compileall", "-q", str(packages / "portal")], check=True, env=environment
    )
    return python


def _link(distribution: metadata.Distribution, packages: Path) -> None:
    for file in distribution.files or ():
        if ".." in file.parts or file.suffix == ".pth" or "__pycache__" in file.parts:
            continue
        source, target = Path(str(file.locate())), packages / file
        compiled = f"__pycache__/{source.stem}.{sys.implementation.cache_tag}.pyc"
        _same(source, target)
        if source.suffix == ".py" and (source.parent / compiled).exists():
            _same(source.parent / compiled, target.parent / compiled)


def _same(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except FileExistsError:  # two distributions bring one file
        return
    except OSError:  # another file system
        shutil.copy2(source, target)


@contextmanager
def unix_user(name: str) -> Iterator[str]:
    """Lend a Unix user with a home of its own, closed to others; end what it runs, remove it."""
    needs("useradd", "userdel")
    with ExitStack() as stack:
        home = stack.enter_context(open_directory("home")) / name
        command = ["useradd", "--create-home", "--home-dir", str(home), "--shell", "/bin/bash"]
        command += ["--password", "*"]  # none, and yet not locked: sshd lets it in by a key
        subprocess.run([*command, name], check=True, capture_output=True)
        stack.callback(_remove_user, name)
        home.chmod(0o700)
        yield name


def _remove_user(name: str) -> None:
    import psutil

    uid = pwd.getpwnam(name).pw_uid
    while mine := [p for p in psutil.process_iter() if _uid(p) == uid]:
        for process in mine:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(mine, timeout=1)
    subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def _uid(process: object) -> int | None:
    import psutil

    assert isinstance(process, psutil.Process)
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.uids().real
    except psutil.NoSuchProcess:
        return None


@pytest.fixture(scope="session")
def site_python() -> Iterator[str]:
    """Path of a Python that every Unix user may run, with Portal and what a run needs."""
    needs(SYSTEM_PYTHON)
    with open_directory("site") as directory:
        yield make_site_python(directory)


@pytest.fixture(scope="session")
def site_users() -> Iterator[tuple[str, str]]:
    """Two Unix users, of names of this session, each with a home that is closed to others."""
    with unix_user(f"portal-a-{os.getpid()}") as one, unix_user(f"portal-b-{os.getpid()}") as other:
        yield one, other
