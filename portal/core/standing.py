"""Standing: how a compute resource stands, what is left of an allocation, and whose jobs it holds."""

from __future__ import annotations

from dataclasses import dataclass

from portal.core.job import JobState


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a resource is down or degraded (IRI: Incident).

    Parameters
    ----------
    start, end
        Seconds since the epoch; None for an end that is not known.
    planned
        Whether it was announced.
    down
        Whether nothing runs meanwhile; otherwise it runs worse.
    """

    text: str
    start: float
    end: float | None = None
    planned: bool = False
    down: bool = True


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a project may use of a resource (IRI: ProjectAllocation, UserAllocation).

    Parameters
    ----------
    account
        What a job is charged to (IRI: ``attributes.account``).
    unit
        "node_hours", or another unit of the facility's.
    granted, used
        In that unit; None where it is not told.
    """

    account: str
    unit: str = "node_hours"
    granted: float | None = None
    used: float | None = None

    @property
    def left(self) -> float | None:
        """What is left, in :attr:`unit`; None where that is not known."""
        if self.granted is None:
            return None
        return self.granted - (self.used or 0.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a compute resource stands now.

    Parameters
    ----------
    up
        Whether jobs start; None where that is not known.
    text
        In words, as the facility says it.
    queued, running
        Jobs of everybody; None where that is not told.
    nodes, cores_per_node, memory_per_node
        The machines that the resource has, the cores and the bytes of each; None where not told.
    """

    up: bool | None = None
    text: str = ""
    outages: tuple[Outage, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    queued: int | None = None
    running: int | None = None
    nodes: int | None = None
    cores_per_node: int | None = None
    memory_per_node: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the person who asks, as the scheduler lists it.

    Parameters
    ----------
    name
        The job's name; that of a run's job is the run's id.
    submitted, started
        Seconds since the epoch; None while not so, or where it is not told.
    nodes, cores
        How many of each it holds or asks for; None where it is not told.
    """

    id: str
    name: str
    state: JobState
    submitted: float | None = None
    started: float | None = None
    nodes: int | None = None
    cores: int | None = None
    message: str = ""
