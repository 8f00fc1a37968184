"""The Python of a run: compared with what was found, kept for a while, or made by the compute."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace

import pytest

from portal.core.environment import Environment, local_environment
from portal.core.needed import PORTAL, SOURCE, needed
from portal.drivers.compute.local import LocalCompute
from portal.errors import EnvironmentMismatch
from portal.federation.config import Home
from portal.federation.environments import KEPT, Described, settle


class Told(LocalCompute):
    """Says what a test wants of its Python, and counts how often it is asked."""

    told: Environment
    asked = 0

    def environment(self) -> Environment:
        self.asked += 1
        return self.told


@dataclass
class Making:
    """A compute that makes its Python."""

    provisions: bool = True
    python: str = "/site/python"
    made: list[Environment] = field(default_factory=list)

    def provision(self, environment, tell=None):
        self.made.append(environment)
        tell("building")
        return "/site/env/bin/python"


@pytest.fixture
def place(home):
    return Home.of(home)


@pytest.fixture
def compute(tmp_path):
    told = Told(workspace=str(tmp_path / "runs"), python="/it's/python")
    told.told = local_environment()
    return told


def test_what_was_found_is_kept_for_a_while(compute, place):
    assert settle(compute, "lab.debug", place).python == "/it's/python"
    assert settle(compute, "lab.debug", place).environment == local_environment()
    assert compute.asked == 1
    settle(compute, "other.debug", place)
    assert compute.asked == 2

    kept = Described.of(place, "lab.debug", compute.python)
    for age in (KEPT + 1, -60.0):
        values = json.loads(kept.path.read_text())
        kept.path.write_text(json.dumps(values | {"time": values["time"] - age}))
        settle(compute, "lab.debug", place)
    assert compute.asked == 4


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"time": 1}', '{"time": "x"}'])
def test_a_damaged_description_is_asked_for_again(compute, place, damage):
    settle(compute, "lab.debug", place)
    Described.of(place, "lab.debug", compute.python).path.write_text(damage)
    settle(compute, "lab.debug", place)
    assert compute.asked == 2


def test_a_mismatch_is_never_kept(compute, place):
    whole = compute.told
    settle(compute, "lab.debug", place)
    Described.of(place, "lab.debug", compute.python).write(replace(whole, python="3.9"))
    settle(compute, "lab.debug", place)
    assert compute.asked == 2, "mended meanwhile: asked again, and taken"

    compute.told = replace(whole, packages=dict(whole.packages) | {"dask": "2024.1.0"})
    Described.of(place, "lab.debug", compute.python).forget()
    for _ in range(2):
        with pytest.raises(EnvironmentMismatch) as caught:
            settle(compute, "lab.debug", place)
        said = str(caught.value)
        assert f"dask {whole.packages['dask']} here and 2024.1.0 at lab.debug" in said
        assert (
            f"Run at lab.debug: '/it'\"'\"'s/python' -m pip install dask=={whole.packages['dask']}"
            in said
        )
        assert "`portal doctor lab.debug`" in said
    assert compute.asked == 4


def test_another_minor_is_not_mended_by_pip_alone(compute, place):
    compute.told = replace(compute.told, python="3.9")
    with pytest.raises(EnvironmentMismatch, match=r"Name a Python 3\.\d+ at lab\.debug"):
        settle(compute, "lab.debug", place)


def test_a_compute_that_makes_its_python_is_told_what_is_needed(place, capsys):
    compute = Making()
    settled = settle(compute, "lab.debug", place)
    assert settled.python == "/site/env/bin/python"
    assert [settled.environment] == compute.made
    assert "portal: building" in capsys.readouterr().err
    compute.provisions = False
    assert settle(compute, "lab.debug", place).python == "/site/python"
    assert len(compute.made) == 1


def test_needed_is_what_runs_need_and_no_face():
    found = needed()
    names = {line.partition("==")[0] for line in found.lock}
    assert {"dask", "distributed", "xarray", "zarr", "cloudpickle", "numpy", PORTAL} <= names
    assert not {"jupyter-server", "ipywidgets", "pytest", "jupyterlab", "ruff"} & names
    assert found.packages == local_environment().packages
    (line,) = [line for line in found.lock if line.startswith(f"{PORTAL}==")]
    assert SOURCE in line
    assert needed().lock_hash == found.lock_hash


def test_what_an_analysis_imports_is_needed():
    def analysis(ds):
        return helper(ds)

    without = {line.partition("==")[0] for line in needed().lock}
    assert "pytest" not in without
    with_it = {line.partition("==")[0] for line in needed(analysis).lock}
    assert {"pytest", "pluggy", "hypothesis"} <= with_it
    assert not {"tests", "jupyter-server"} & with_it


def helper(ds):
    import hypothesis

    def inner():
        return pytest.approx(ds), hypothesis, sys

    return inner
