"""Laboratories for tests of placing and listing: real local jobs, told of as a scheduler would."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import portal
from portal.core.job import JobSpec, JobStatus
from portal.core.plugins import COMPUTES, build_driver
from portal.core.standing import Job, Standing
from portal.federation.config import parse_facility


class Lab:
    """A compute resource that wraps the local driver; what it tells of itself is set by a test.

    Parameters
    ----------
    standing, jobs
        What it tells; an error is raised instead.
    silent
        Set it, and every question waits until it is cleared.
    """

    def __init__(self, local: Any, standing: Standing | Exception | None = None) -> None:
        self.local = local
        self.told = Standing(up=True) if standing is None else standing
        self.held: list[Job] = []
        self.answers = threading.Event()
        self.answers.set()
        self.submitted: list[JobSpec] = []
        self.canceled: list[str] = []
        self.lose: list[Exception] = []
        self.lose_before: list[Exception] = []
        self.says: JobStatus | None = None
        self.python = local.python

    @property
    def workspace(self) -> Any:
        self.answers.wait(60)
        return self.local.workspace

    def submit(self, job: JobSpec) -> str:
        self.submitted.append(job)
        if self.lose_before:
            raise self.lose_before.pop(0)
        job_id: str = self.local.submit(job)
        if self.lose:
            raise self.lose.pop(0)
        return job_id

    def status(self, job_id: str) -> JobStatus:
        status: JobStatus = self.says or self.local.status(job_id)
        return status

    def cancel(self, job_id: str) -> None:
        self.canceled.append(job_id)
        self.local.cancel(job_id)

    def environment(self) -> Any:
        return self.local.environment()

    def standing(self) -> Standing:
        self.answers.wait(60)
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    def jobs(self) -> Iterable[Job]:
        return iter(self.held)


def add_lab(
    fed: portal.Federation, name: str, workspace: Path, *, account: str = "", **more: Any
) -> Lab:
    """Add a facility with one compute resource, ``NAME.debug``."""
    toml = f'name = "{name}"\n[compute.debug]\ndriver = "local"\nworkspace = "{workspace}"\n'
    toml += f'account = "{account}"\n' if account else ""
    facility = parse_facility(toml, name, source="a test")
    fed.registry.facilities[name] = facility  # type: ignore[index]
    options = type(facility.computes["debug"])("local", {"workspace": str(workspace)})
    lab = Lab(build_driver(COMPUTES, options), **more)
    fed.registry._built[COMPUTES, name, "debug"] = lab
    return lab
