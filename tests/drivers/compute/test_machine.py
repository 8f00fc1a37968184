"""Pythons made, and looks taken, at machines that are reached: over a real sshd, and at Slurm clusters."""

from __future__ import annotations

import re
import uuid

import pytest

from portal.core.check import Check, Verdict
from portal.core.contracts import SupportsChecks, SupportsProvision
from portal.core.job import JobSpec
from portal.drivers.compute._machine import Interpreter
from portal.drivers.compute.slurm import SlurmCompute
from portal.drivers.compute.ssh import SshCompute
from portal.errors import InvalidConfig
from portal.federation import examine
from tests.drivers.compute.servers.sshd import Sshd, free_port
from tests.drivers.compute.test_provision import small
from tests.helpers import wait_until
from tests.site import SYSTEM_PYTHON, open_directory


@pytest.fixture(scope="module")
def sshd():
    with open_directory("sshd") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture
def make(sshd, site_users, site_python):
    """Make drivers of a fresh workspace."""
    made = []

    def make(at=sshd, **more):
        workspace = f"~/{uuid.uuid4().hex}/runs"
        options = at.options(site_users[0]) | {"workspace": workspace} | more
        if "provision" not in more:
            options.setdefault("python", site_python)
        made.append(SshCompute(**options))
        return made[-1]

    yield make
    for compute in made:
        compute.transport.close()


def looks(machine, **more) -> dict[str, Check]:
    asked = {"job": False, "wait": 60.0} | more
    return {check.name: check for check in examine.compute(machine, "lab.debug", **asked)}


def ended(compute, job_id):
    return wait_until(lambda: compute.status(job_id).state.final and compute.status(job_id))


def test_a_python_is_uploaded_to_another_users_machine(make):
    compute = make(provision="upload", base_python=SYSTEM_PYTHON)
    assert isinstance(compute, SupportsProvision)
    assert compute.provisions
    python = compute.provision(small())
    root = compute.workspace.root
    assert python.startswith(f"{root}/env/")
    job = JobSpec(
        python,
        ("-c", "import toolz; print('yes', toolz.__file__)"),
        directory=root,
        stdout_path=f"{root}/out",
    )
    assert ended(compute, compute.submit(job)).state == "completed"
    assert f"yes {root}/env/" in compute.workspace.fs.cat_file(f"{root}/out").decode()
    for path in (f"{root}/env", python.rpartition("/bin/")[0], f"{root}/env/.parts"):
        assert compute.workspace.fs.info(path)["mode"] & 0o777 == 0o700, path


def test_a_machine_that_is_well(make):
    checks = looks(make(setup="export READY=yes"), job=True)
    assert list(checks) == [
        "login", "setup", "disk", "ports", "workspace", "files", "clock", "python", "jobs", "job",
    ]  # fmt: skip
    assert {check.verdict for check in checks.values()} == {Verdict.OK}, checks
    assert "portal-a" in checks["login"].found
    assert "reached through the connection" in checks["ports"].found


def test_what_an_environment_would_be_made_with(make):
    checks = looks(make(provision="auto", base_python=SYSTEM_PYTHON))
    assert checks["environment"].verdict is Verdict.OK
    assert f"({SYSTEM_PYTHON}" in checks["environment"].found
    assert "made from the run's lock" in checks["python"].found
    lacking = looks(make(provision="upload", base_python="/no/such/python"))["environment"]
    assert "no Python" in lacking.found


def test_setup_lines_that_fail(make):
    check = looks(make(setup="module load no-such-module"))["setup"]
    assert check.verdict is Verdict.WARN
    assert "module" in check.found


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("port", "refused|not reached|connect"),
        ("key", "host key|known"),
        ("user", "let|denied|key"),
    ],
)
def test_who_is_not_let_in_learns_why_and_nothing_else_is_tried(make, sshd, tmp_path, fault, said):
    other = tmp_path / "known"
    other.write_text("")
    more = {
        "port": {"port": free_port()},
        "key": {"known_hosts": str(other)},
        "user": {"user": "nobody"},
    }
    checks = looks(make(**more[fault]))
    assert list(checks) == ["login", "the rest"]
    login = checks["login"]
    assert login.verdict is Verdict.FAIL
    assert login.advice
    assert re.search(said, login.found + login.advice, re.IGNORECASE), login


def test_ports_that_are_not_lent(make, tmp_path):
    with (
        open_directory("sshd") as directory,
        Sshd(directory, more="AllowTcpForwarding no\n") as closed,
    ):
        check = looks(make(closed))["ports"]
    assert check.verdict is Verdict.FAIL
    assert "AllowTcpForwarding" in check.advice


def test_a_cluster_here_and_one_over_ssh_are_well(lab_a, lab_b, tmp_path):
    here = SlurmCompute(**lab_a.options, workspace=str(tmp_path / "runs"))
    there = SlurmCompute(**lab_b.options)
    assert isinstance(there, SupportsChecks)
    try:
        for compute in (here, there):
            checks = looks(compute, job=True)
            assert Verdict.FAIL not in {check.verdict for check in checks.values()}, checks
            assert "Slurm on" in checks["scheduler"].found
            assert checks["standing"].verdict is Verdict.OK
            assert "ended after" in checks["job"].found
            assert {"login", "disk", "workspace", "files", "clock", "python", "jobs"} <= set(checks)
    finally:
        there.transport.close()


def test_a_scheduler_that_does_not_answer(tmp_path):
    """What does not depend on it is looked at; what does is not, for each would wait its time."""
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho slurm_load_jobs error: no contact >&2\nexit 1\n")
    squeue.chmod(0o755)
    checks = looks(SlurmCompute(workspace=str(tmp_path / "runs"), bin=str(tmp_path)), job=True)
    assert checks["scheduler"].verdict is Verdict.FAIL
    assert "no contact" in checks["scheduler"].found
    assert checks["python"].verdict is not Verdict.SKIPPED
    assert checks["files"].verdict is Verdict.OK
    assert [checks[n].verdict for n in ("standing", "jobs", "job")] == [Verdict.SKIPPED] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"provision": "conda"}, "one of three words"),
        ({"provision": "auto", "python": "/x"}, "contradict"),
        ({"base_python": "/x"}, "of no use without"),
    ],
)
def test_options_that_contradict_each_other(options, said):
    with pytest.raises(InvalidConfig, match=said):
        Interpreter(**options)
