"""What a facility is asked to run: the names and units of the IRI Facility API and PSI/J.

Memory is in bytes, durations in seconds. Names follow the schemas JobSpec, ResourceSpec,
JobAttributes, JobState and JobStatus of the DOE IRI Facility API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from portal.errors import InvalidParameter


class JobState(StrEnum):
    """The states of a job, and of a run."""

    NEW = "new"
    QUEUED = "queued"
    HELD = "held"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def final(self) -> bool:
        """Whether nothing follows this state."""
        return self in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELED)


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a job (IRI: ResourceSpec). None leaves the choice to the facility.

    Parameters
    ----------
    memory
        Bytes for the whole job.
    """

    node_count: int | None = None
    process_count: int | None = None
    processes_per_node: int | None = None
    cpu_cores_per_process: int | None = None
    gpu_cores_per_process: int | None = None
    exclusive_node_use: bool = False
    memory: int | None = None

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if name != "exclusive_node_use" and (not isinstance(value, int) or value < 1):
                raise InvalidParameter(
                    f"The resource {name!r} is a whole number of at least 1",
                    found=repr(value),
                    advice="Memory is in bytes.",
                )

    def to_dict(self) -> dict[str, Any]:
        """Return the values that are set, by their IRI names."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@dataclass(frozen=True, slots=True)
class JobAttributes:
    """Scheduling of a job (IRI: JobAttributes). ``duration`` is the wall time in seconds."""

    duration: int | None = None
    queue_name: str | None = None
    account: str | None = None
    reservation_id: str | None = None
    custom_attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def to_dict(self) -> dict[str, Any]:
        """Return the values that are set, by their IRI names."""
        values = {
            "duration": self.duration,
            "queue_name": self.queue_name,
            "account": self.account,
            "reservation_id": self.reservation_id,
        }
        found: dict[str, Any] = {k: v for k, v in values.items() if v is not None}
        if self.custom_attributes:
            found["custom_attributes"] = dict(self.custom_attributes)
        return found


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job (IRI: JobSpec): a command line as a list, a directory, its resources.

    Parameters
    ----------
    key
        Idempotency key (IRI: the header Idempotency-Key). A driver that is asked for a job twice
        with one key starts it once, and gives the same id both times: so who has lost the answer
        may ask again.
    """

    executable: str
    arguments: tuple[str, ...] = ()
    directory: str | None = None
    name: str | None = None
    inherit_environment: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stdout_path: str | None = None
    stderr_path: str | None = None
    resources: Resources = Resources()
    attributes: JobAttributes = JobAttributes()
    key: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as the body of an IRI ``POST /compute/job``."""
        values: dict[str, Any] = {
            "executable": self.executable,
            "arguments": list(self.arguments),
            "directory": self.directory,
            "name": self.name,
            "inherit_environment": self.inherit_environment,
            "environment": dict(self.environment),
            "stdout_path": self.stdout_path,
            "stderr_path": self.stderr_path,
            "resources": self.resources.to_dict(),
            "attributes": self.attributes.to_dict(),
        }
        return {k: v for k, v in values.items() if v is not None}


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a scheduler says of a job (IRI: JobStatus).

    Parameters
    ----------
    message
        In words: why it waits, how it ended.
    time
        Seconds since the epoch at which the state was seen.
    position
        Its place in the queue, 1 for the next; None where that is not told.
    start
        When the scheduler expects it to start, seconds since the epoch; None where it does not say.
    nodes
        Names of the machines that it runs on, as far as they are told.
    """

    state: JobState
    message: str = ""
    exit_code: int | None = None
    time: float | None = None
    position: int | None = None
    start: float | None = None
    nodes: tuple[str, ...] = ()
