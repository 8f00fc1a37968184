"""Names that a shell would read as commands: of workspaces, titles, jobs and data, over SSH and Slurm."""

from __future__ import annotations

import json
import pwd
import uuid
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import portal
from portal.core.facility import DriverConfig
from portal.core.job import JobSpec, JobState
from portal.core.plugins import COMPUTES, build_driver
from portal.errors import InvalidConfig
from tests.drivers.compute.servers.sshd import Sshd
from tests.helpers import wait_until
from tests.site import open_directory

#: Each ``touch`` makes a file, wherever it is run, whose name is looked for.
HOSTILE = "a b'c$(touch {mark})\"`touch {mark}`; touch {mark} &\n#SBATCH --wrap=x\ntouch {mark}\n*"


@portal.analysis
def doubled(data: xr.Dataset, *, said: str = "") -> xr.Dataset:
    """Twice the data."""
    return xr.Dataset({"x": data.x * 2}, attrs={"said": said})


@pytest.fixture(scope="module")
def sshd():
    with open_directory("sshd") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture(params=["slurm", "ssh"])
def machine(request, site_users, site_python):
    """A driver's name and its options, and the user's home there."""
    if request.param == "slurm":
        options = dict(request.getfixturevalue("lab_b").options)
    else:
        options = request.getfixturevalue("sshd").options(site_users[0]) | {"python": site_python}
    return request.param, options, Path(pwd.getpwnam(site_users[0]).pw_dir)


@pytest.fixture
def mark():
    """A name of a file that nobody may have made when the test ends, at any place of a job's."""
    return f"mark-{uuid.uuid4().hex}"


def made(home: Path, mark: str) -> list[Path]:
    places = (home, Path("/tmp"))
    found = [p for p in home.rglob("*") if p.name == mark]
    return found + [p for place in places for p in (place / mark,) if p.exists()]


def test_workspace_title_and_parameters(machine, mark, home):
    driver, options, there = machine
    hostile = HOSTILE.format(mark=mark)
    workspace = f"~/{hostile}"
    lines = [f"{k} = {json.dumps(v)}" for k, v in (options | {"workspace": workspace}).items()]
    (home / "facilities").mkdir(parents=True)
    with open_directory("data") as above:
        data = above / f"d $(touch {mark})'x"
        data.mkdir(mode=0o755)
        xr.Dataset({"x": ("t", np.arange(4.0))}).to_netcdf(data / "numbers.nc", engine="h5netcdf")
        (home / "facilities/there.toml").write_text(
            f'name = "There"\n[catalog.data]\ndriver = "folder"\npath = {json.dumps(str(data))}\n'
            f'[compute.host]\ndriver = "{driver}"\n' + "\n".join(lines) + "\n"
        )
        with portal.connect(home=home) as fed:
            (item,) = fed.search("numbers")
            run = fed.run(doubled, data=item, said=hostile, at="there.host")
            result = run.result(timeout=120)
            assert result.attrs["said"] == hostile
            np.testing.assert_array_equal(result.x, [0, 2, 4, 6])
            assert run.directory.path.startswith(str(there / hostile)), run.directory.path
            got = run.fetch(home / f"got $(touch {mark}).zarr")
            assert got.compared
            assert [one.state for one in fed.runs()] == [JobState.COMPLETED]
            fed.registry.compute("there.host")[1].transport.close()
    assert made(there, mark) == []


def test_job_of_hostile_words(machine, mark):
    """A job's own name, key, program's words, variables and files."""
    driver, options, there = machine
    hostile = HOSTILE.format(mark=mark)
    compute = build_driver(
        COMPUTES, DriverConfig(driver, options | {"workspace": f"~/words {mark}"})
    )
    root = compute.workspace.root
    words = ("-c", "import os, sys; print(sys.argv[1:], os.environ['V'])", hostile, "--", "-n9")
    job = JobSpec(
        executable=options["python"],
        arguments=words,
        name=hostile,
        key=hostile,
        directory=root,
        environment={"V": hostile},
        stdout_path=f"{root}/out $(touch {mark})",
        stderr_path=f"{root}/err`touch {mark}`",
    )
    job_id = compute.submit(job)
    assert compute.submit(job) == job_id
    try:
        wait_until(lambda: compute.status(job_id).state.final)
        assert compute.status(job_id).state is JobState.COMPLETED, compute.status(job_id)
        said = compute.workspace.fs.cat_file(job.stdout_path).decode()
        assert said == f"{[hostile, '--', '-n9']} {hostile}\n"
    finally:
        compute.cancel(job_id)
        compute.transport.close()
    assert made(there, mark) == []


@pytest.mark.parametrize("workspace", ["~/a%j", "~/a\\b"])
def test_paths_that_slurm_itself_would_change_are_refused(workspace):
    with pytest.raises(InvalidConfig, match="no % and no backslash"):
        build_driver(COMPUTES, DriverConfig("slurm", {"workspace": workspace}))
