"""Machine: what drivers that reach a machine have in common, and the Python of runs there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from portal.core.environment import Environment
from portal.drivers.compute._describe import describe
from portal.drivers.compute._provision import How, Provisioning, provision, require_way
from portal.drivers.compute._transport import Transport
from portal.drivers.compute._workspace import SiteWorkspace, workspace_at
from portal.errors import InvalidConfig

_PYTHON = "python3"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The options that say which Python runs jobs.

    Parameters
    ----------
    python
        One that is there, with Portal in it; by default "python3".
    provision
        How one is made from the run's lock: see :class:`Provisioning`; None where one is there.
    base_python
        The Python on which it is built; found when not given.

    Raises
    ------
    InvalidConfig
        The options contradict each other.
    """

    python: str | None = None
    provision: str | None = None
    base_python: str | None = None

    def __post_init__(self) -> None:
        if self.provision is not None:
            require_way(self.provision)
        if self.provision and self.python:
            raise InvalidConfig(
                "The options 'python' and 'provision' contradict each other",
                found=f"python = {self.python!r}, provision = {self.provision!r}",
                advice="Name the Python that is there, or let one be made: not both.",
            )
        if self.base_python and not self.provision:
            raise InvalidConfig(
                "The option 'base_python' is of no use without 'provision'",
                found=f"base_python = {self.base_python!r}",
                advice='Add provision = "auto", or write `python` instead.',
            )

    def path(self, workspace: Callable[[], SiteWorkspace]) -> str:
        """Return the path of the Python that is there; of the one to build upon, where one is made."""
        named = self.python or self.base_python or _PYTHON
        return workspace().path(named) if named[0] == "~" else named


class Machine:
    """What drivers that reach a machine have in common: where runs lie, and what runs them.

    Parameters
    ----------
    transport
        The way to the machine.
    workspace
        Directory of the run directories there: see :func:`workspace_at`.
    interpreter
        Which Python runs jobs.
    setup
        Shell lines that come first.
    """

    def __init__(
        self, transport: Transport, workspace: str | None, interpreter: Interpreter, setup: str
    ) -> None:
        self.transport = transport
        self.interpreter = interpreter
        self.setup = setup
        self._path = workspace

    @cached_property
    def workspace(self) -> SiteWorkspace:
        """Where run directories lie.

        Raises
        ------
        Unavailable
            The machine was not reached, or the directory cannot be made.
        """
        return workspace_at(self.transport, self._path)

    @property
    def python(self) -> str:
        """Path of the Python that runs jobs."""
        return self.interpreter.path(lambda: self.workspace)

    def environment(self) -> Environment:
        """Describe the packages of :attr:`python`, as the machine that is reached has it.

        Raises
        ------
        Unavailable
            The machine was not reached, its Python cannot be run, or has no Portal.
        """
        return describe(self.transport, self.python, self.setup)

    @property
    def provisions(self) -> bool:
        """Whether the Python of a run is made from the run's lock."""
        return self.interpreter.provision is not None

    @property
    def provisioning(self) -> Provisioning:
        """How it is made."""
        chosen = self.interpreter
        return Provisioning(
            self.transport,
            self.workspace.root,
            how=cast("How", chosen.provision or "auto"),
            base_python=self.python if chosen.base_python else None,
            setup=self.setup,
        )

    def provision(self, environment: Environment, tell: Callable[[str], None] | None = None) -> str:
        """Make the environment of a lock where there is none; return the path of its Python.

        Raises
        ------
        EnvironmentMismatch
            There is no Python of the wanted minor version.
        Unavailable
            It could not be made; what was half done is removed.
        """
        return provision(self.provisioning, environment, tell)
