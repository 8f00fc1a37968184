"""What drivers that reach a machine have in common when they make the Python of a run there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from portal.core.environment import Environment
from portal.drivers.compute._provision import How, Provisioning, provision, require_way
from portal.drivers.compute._transport import Transport
from portal.drivers.compute._workspace import SiteWorkspace
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


class Machine(Protocol):
    """A driver that reaches a machine."""

    @property
    def transport(self) -> Transport:
        """The way to it."""
        ...

    @property
    def workspace(self) -> SiteWorkspace:
        """Where its run directories lie."""
        ...

    @property
    def setup(self) -> str:
        """Shell lines that come first."""
        ...

    @property
    def interpreter(self) -> Interpreter:
        """Which Python runs jobs."""
        ...

    @property
    def provisions(self) -> bool:
        """Whether it is made from the run's lock."""
        ...

    @property
    def provisioning(self) -> Provisioning:
        """How it is made."""
        ...


class Provided:
    """Mixin: makes the Python of a run at the machine, where the option `provision` says how."""

    @property
    def provisions(self: Machine) -> bool:
        """Whether the Python of a run is made from the run's lock."""
        return self.interpreter.provision is not None

    @property
    def provisioning(self: Machine) -> Provisioning:
        """How it is made."""
        chosen = self.interpreter
        base = chosen.path(lambda: self.workspace) if chosen.base_python else None
        return Provisioning(
            self.transport,
            self.workspace.root,
            how=cast("How", chosen.provision or "auto"),
            base_python=base,
            setup=self.setup,
        )

    def provision(
        self: Machine, environment: Environment, tell: Callable[[str], None] | None = None
    ) -> str:
        """Make the environment of a lock where there is none; return the path of its Python.

        Raises
        ------
        EnvironmentMismatch
            There is no Python of the wanted minor version.
        Unavailable
            It could not be made; what was half done is removed.
        """
        return provision(self.provisioning, environment, tell)
