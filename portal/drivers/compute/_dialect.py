"""Dialect: how one family of schedulers is spoken to. What runs at the site is ``sh``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from portal.core.job import JobSpec, JobState
from portal.core.standing import Standing
from portal.errors import Denied, InvalidParameter, PortalError, Unavailable


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as a scheduler lists it.

    Parameters
    ----------
    state
        None for one that has ended in a way which the scheduler does not tell.
    mark
        What it was marked with when it was submitted: see :meth:`Dialect.submission`.
    """

    id: str
    name: str
    state: JobState | None
    message: str = ""
    exit_code: int | None = None
    mark: str = ""
    position: int | None = None
    submitted: float | None = None
    start: float | None = None
    nodes: tuple[str, ...] = ()
    node_count: int | None = None
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended, as far as the scheduler says."""

    state: JobState
    message: str = ""
    exit_code: int | None = None


class Dialect(Protocol):
    """A family of schedulers."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def is_id(self, text: str) -> bool:
        """Whether a text can be the id of a job."""
        ...

    def submission(self, job: JobSpec, mark: str) -> list[str]:
        """Return the command that submits the script whose path is put behind it.

        It prints the job's id in its last line. The scheduler's own words of the job go to the
        file ``log`` in the directory in which the command is run.

        Parameters
        ----------
        mark
            A word by which the job is known in the list of jobs.

        Raises
        ------
        InvalidParameter
            What is asked for cannot be said to this scheduler.
        """
        ...

    def listing(self) -> str:
        """Return a shell script that lists the user's jobs."""
        ...

    def entries(self, text: str) -> Mapping[str, Entry]:
        """Read what :meth:`listing` printed."""
        ...

    def account(self, job_id: str) -> Sequence[str]:
        """Return the command that asks the accounting how a job ended."""
        ...

    def accounted(self, lines: Sequence[str]) -> Ended | None:
        """Read what :meth:`account` printed; None where it does not know the job."""
        ...

    def logged(self, text: str) -> Ended | None:
        """Read how a job was ended from what the scheduler wrote to its log; None if it is not told."""
        ...

    def signal(self, number: str) -> str:
        """Return a shell script that ends the job ``$1``: ``TERM``, ``KILL``, or for good ``END``.

        A job's script hands SIGTERM on to its program, and kills the program at SIGUSR2.
        """
        ...

    def standing(self) -> str:
        """Return a shell script that asks how the scheduler stands; ``$1`` is the queue or empty."""
        ...

    def stands(self, text: str, queue: str) -> Standing:
        """Read what :meth:`standing` printed."""
        ...

    def refusal(self, text: str) -> PortalError | None:
        """Return the error that a refusal is; None where the scheduler may be asked again."""
        ...


def refused(
    scheduler: str, command: str, found: str, *, missing: bool, denied: bool
) -> PortalError:
    """Return the error that a refusal of a job is.

    Parameters
    ----------
    command
        What the job was submitted by.
    found
        What it printed.
    missing
        Whether that says that there is no such command.
    denied
        Whether it says that the user may not do what is asked.
    """
    if missing:
        return Unavailable(
            f"There is no {command} there",
            found=found,
            advice="Name the directory of the scheduler's commands: `bin`, or the `host` that has it.",
        )
    if denied:
        return Denied(
            f"{scheduler} does not let this job in",
            found=found,
            advice="Correct `account`, `queue` or the reservation, or ask the site for access.",
        )
    return InvalidParameter(
        f"{scheduler} refuses what the job asks for",
        found=found,
        advice="Ask for what the queue has: its name, time, machines, cores and memory.",
    )
