"""What a wheel brings along: every byte that a page needs, and what Jupyter needs to find it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "portal" / "ui" / "widgets" / "static"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = directory.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_widgets_scripts_are_those_that_were_built(wheel: zipfile.ZipFile) -> None:
    built = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert {"finder.js", "run.js", "viewer.js"} <= set(built)
    for name, content in built.items():
        assert wheel.read(f"portal/ui/widgets/static/{name}") == content


@pytest.mark.parametrize(
    "name",
    [
        "data/etc/jupyter/jupyter_server_config.d/portal.json",
        "data/share/jupyter/labextensions/@portal/lab/package.json",
        "data/share/jupyter/labextensions/@portal/lab/install.json",
        "data/share/jupyter/labextensions/@portal/lab/schemas/@portal/lab/ahead.json",
        "data/share/jupyter/voila/templates/portal/index.html.j2",
    ],
)
def test_jupyter_finds_its_parts(wheel: zipfile.ZipFile, name: str) -> None:
    assert [n for n in wheel.namelist() if n.endswith(name)] != []


def test_data_of_the_package_is_in_it(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "portal"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(tracked) > 100
    assert [name for name in tracked if name not in wheel.namelist()] == []
