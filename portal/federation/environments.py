"""The Python of a run: made at the facility from the run's lock, or found there and compared."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.contracts import Compute, SupportsEnvironment, SupportsProvision
from portal.core.environment import Environment, local_environment
from portal.core.needed import needed
from portal.errors import EnvironmentMismatch
from portal.federation.config import Home

#: Seconds for which the description of a facility's Python is believed.
KEPT = 3600.0


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run is asked for with.

    Parameters
    ----------
    environment
        What must be the same at the facility.
    python
        Path, at the facility, of the Python that runs it.
    """

    environment: Environment
    python: str


def settle(
    compute: Compute,
    at: str,
    home: Home,
    function: Callable[..., Any] | None = None,
    *,
    tell: Callable[[str], None] | None = None,
) -> Settled:
    """Make the Python of a run at a facility, or refuse the one there if it differs.

    Parameters
    ----------
    function
        The analysis' function: what it imports is part of an environment that is made.
    tell
        Called with each step of a build; by default they are lines on standard error.

    Raises
    ------
    EnvironmentMismatch
        Python's minor or a package that code and data depend on differs, or there is no Python of
        this minor to build upon.
    Unavailable, Denied
        The facility was not reached, or the environment could not be made.
    """
    if isinstance(compute, SupportsProvision) and compute.provisions:
        wanted = needed(function)
        return Settled(wanted, compute.provision(wanted, tell or _say))
    here = local_environment()
    if isinstance(compute, SupportsEnvironment):
        _require_same(here, compute, at, compute.python, Described.of(home, at, compute.python))
    return Settled(here, compute.python)


def _require_same(
    here: Environment, compute: SupportsEnvironment, at: str, python: str, described: Described
) -> None:
    """Refuse only what was described just now: what was kept may have been mended since."""
    kept = described.read()
    try:
        if kept is not None:
            here.require_same(kept, here="here", there=f"at {at}")
            return
    except EnvironmentMismatch:
        described.forget()
    there = compute.environment()
    try:
        here.require_same(there, here="here", there=f"at {at}", python=python)
    except EnvironmentMismatch as error:
        raise EnvironmentMismatch(
            error.happened,
            found=error.found,
            advice=f"{error.advice}\n`portal doctor {at}` looks again.",
        ) from None
    described.write(there)


@dataclass(frozen=True, slots=True)
class Described:
    """What a Python of a facility was last found to hold, kept in a file for a bounded time."""

    path: Path

    @classmethod
    def of(cls, home: Home, at: str, python: str) -> Described:
        """Return the description of a Python by the compute resource and its path there."""
        import hashlib

        name = hashlib.sha256(f"{at}\0{python}".encode()).hexdigest()[:32]
        return cls(home.environments / f"{name}.json")

    def read(self) -> Environment | None:
        """Return it; None where there is none, or it is too old."""
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            fresh = 0 <= time.time() - values["time"] <= KEPT
            return Environment.from_dict(values["environment"]) if fresh else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, environment: Environment) -> None:
        """Keep it, whole or not at all; where it cannot be kept it is asked for again."""
        text = json.dumps({"time": time.time(), "environment": environment.to_dict()})
        part = self.path.with_suffix(f".{os.getpid()}.part")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(self.path)
        except OSError:
            part.unlink(missing_ok=True)

    def forget(self) -> None:
        """Let the next question be asked at the facility."""
        self.path.unlink(missing_ok=True)


def _say(text: str) -> None:
    print(f"portal: {text}", file=sys.stderr, flush=True)
