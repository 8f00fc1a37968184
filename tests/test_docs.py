"""The documents are so: their code runs, and what can be named is named there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from portal.core import plugins
from portal.federation.config import parse_facility

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(4))
def test_the_readmes_code_runs(home: Path, tmp_path: Path, number: int) -> None:
    code = blocks(README, "python")
    assert len(code) == 4
    script = tmp_path / "readme.py"
    script.write_text(code[number])
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_readme_begins_as_it_should() -> None:
    lines = README.splitlines()
    assert lines[2].startswith("Portal is")
    assert lines[2].count(".") == 1
    assert blocks(README, "console")[0].split()[:2] == ["make", "demo"]
    statements = [line for line in blocks(README, "python")[0].splitlines() if line]
    assert len(statements) <= 6


def test_the_readmes_facility_files_are_taken() -> None:
    machine, data = blocks(README, "toml")
    assert len(data.splitlines()) == 5
    assert parse_facility(data, "my-lab", source="README").catalogs["data"].driver == "folder"
    compute = parse_facility(machine, "my-lab", source="README").computes["debug"]
    assert plugins.build_driver(plugins.COMPUTES, compute).python == "/project/portal/bin/python"


def test_the_contributors_driver_runs(tmp_path: Path) -> None:
    import xarray as xr

    names: dict = {}
    exec(blocks(CONTRIBUTING, "python")[0], names)
    xr.Dataset({"x": ("t", [1.0])}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    catalog = names["OneFile"]("lab", path=str(tmp_path / "x.nc"))
    (item,) = catalog.items()
    with catalog.open(item) as dataset:
        assert dataset.x.values == [1.0]
    exec(blocks(CONTRIBUTING, "python")[1], names)
    assert any(name.startswith("test_") for name in dir(names["TestOneFile"]))


def test_every_entry_point_group_and_driver_is_documented() -> None:
    groups = (plugins.CATALOGS, plugins.COMPUTES, plugins.STREAMS, plugins.MODELS, plugins.DISPLAYS)
    assert [g for g in groups if f"`{g}`" not in CONTRIBUTING] == []
    facilities = (ROOT / "docs" / "facilities.md").read_text()
    names = [*plugins.driver_names(plugins.CATALOGS), *plugins.driver_names(plugins.COMPUTES)]
    assert [n for n in names if f"| `{n}` |" not in facilities] == []


def test_every_option_of_a_built_in_driver_is_documented() -> None:
    import inspect

    facilities = (ROOT / "docs" / "facilities.md").read_text()
    for group in (plugins.CATALOGS, plugins.COMPUTES):
        for point in metadata.entry_points(group=group):
            options = list(inspect.signature(point.load()).parameters)
            options = [o for o in options if o not in ("facility", "facility_id")]
            (row,) = [line for line in facilities.splitlines() if f"| `{point.name}` |" in line]
            assert [o for o in options if f"`{o}`" not in row] == []


def test_make_targets_named_in_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)`", README + CONTRIBUTING)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_version_stands_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata.version("portal-science") == project["version"]
