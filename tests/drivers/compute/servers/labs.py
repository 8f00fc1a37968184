"""Two laboratories, each with a Slurm cluster: one is asked here, the other by SSH only.

Fixtures of every test, made when they are first asked for::

    def test_it(lab_a, tmp_path):
        compute = SlurmCompute(**lab_a.options, workspace=str(tmp_path))
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.drivers.compute.servers.slurm import Slurm, network
from tests.drivers.compute.servers.sshd import Sshd
from tests.site import needs, open_directory


@dataclass(frozen=True)
class Lab:
    """A laboratory.

    Parameters
    ----------
    options
        Of the driver ``slurm``, all but ``workspace``; those of ``pbs`` are the same.
    sshd, user
        How it is reached and who one is there; None for who is at its very machine.
    """

    cluster: Slurm
    options: dict[str, Any] = field(default_factory=dict)
    sshd: Sshd | None = None
    user: str | None = None


@contextmanager
def lab_here() -> Iterator[Lab]:
    """Start a Slurm cluster whose commands are run here, as the user of the tests."""
    with open_directory("lab-a") as directory, Slurm(directory, "a") as cluster:
        yield Lab(cluster, {"bin": str(cluster.bin), "python": sys.executable})


@contextmanager
def lab_afar(python: str, user: str) -> Iterator[Lab]:
    """Start a Slurm cluster in a network of its own, reached by SSH as an ordinary user."""
    needs("sshd")
    with (
        open_directory("lab-b") as directory,
        network("b") as (prefix, address),
        Slurm(directory, "b", prefix=prefix) as cluster,
        Sshd(directory / "ssh", host=address, prefix=prefix) as sshd,
    ):
        options = {"bin": str(cluster.bin), "python": python, **sshd.options(user)}
        yield Lab(cluster, options, sshd, user)


@pytest.fixture(scope="session")
def lab_a() -> Iterator[Lab]:
    """A Slurm cluster whose commands are run here, as the user of the tests."""
    with lab_here() as lab:
        yield lab


@pytest.fixture(scope="session")
def lab_b(site_python: str, site_users: tuple[str, str]) -> Iterator[Lab]:
    """A Slurm cluster in a network of its own, reached by SSH as an ordinary user."""
    with lab_afar(site_python, site_users[0]) as lab:
        yield lab
