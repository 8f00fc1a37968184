"""The facility that the server is: its resources, its outages, what it grants to whom."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from portal.core.standing import Allocation
from portal.testing.iri.problems import Problem

_SPACE: Final = uuid.UUID("6a3c5a2e-9a0e-5a3d-8f5c-0d1a9b7c4e21")
#: The person whom every good token stands for.
USER: Final = "portal"


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a facility has: ``kind`` is "compute" or "storage"."""

    name: str
    kind: str
    description: str
    endpoints: tuple[str, ...]

    @property
    def id(self) -> str:
        """Its id, the same each time that the server is started."""
        return str(uuid.uuid5(_SPACE, self.name))


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which a resource is not as it should be; seconds since the epoch."""

    id: str
    resource: Resource
    status: str
    text: str
    start: float
    end: float | None
    planned: bool
    changed: float

    def lasts(self, now: float) -> bool:
        """Say whether it has begun, and has not ended."""
        return self.start <= now and (self.end is None or now < self.end)


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a resource's status."""

    id: str
    incident: Incident
    status: str
    time: float


@dataclass
class Facility:
    """What the server tells of itself. Safe to use from many threads.

    Parameters
    ----------
    name
        The laboratory's name.
    resource
        Name of the compute resource.
    allocations
        Whom jobs can be charged to, and what is left. The first account is the project of examples.
    access
        What version 2 gives for access endpoints of the storage (schema AccessEndpoint, without
        ``resource_id``).
    """

    name: str = "A laboratory of Portal's tests"
    resource: str = "debug"
    allocations: tuple[Allocation, ...] = (Allocation("portal-tests", granted=1000.0, used=0.0),)
    access: tuple[Mapping[str, Any], ...] = ()
    started: float = field(default_factory=lambda: float(int(time.time())))
    _incidents: dict[str, Incident] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def compute(self) -> Resource:
        """The compute resource; the file system is reached through it too."""
        text = "Runs jobs, on the file system of the storage."
        return Resource(self.resource, "compute", text, ("compute", "filesystem"))

    @property
    def storage(self) -> Resource:
        """The storage resource."""
        return Resource("scratch", "storage", "The file system.", ("filesystem",))

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every resource."""
        return (self.compute, self.storage)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Whom jobs can be charged to."""
        return tuple(dict.fromkeys(one.account for one in self.allocations))

    def named(self, resource_id: str, endpoint: str | None = None) -> Resource:
        """Return a resource by its id, one that has an endpoint.

        Raises
        ------
        Problem
            There is none (404).
        """
        for resource in self.resources:
            if resource.id == resource_id and (endpoint is None or endpoint in resource.endpoints):
                return resource
        raise Problem(404, f"There is no resource {resource_id!r} for this.")

    def announce(
        self,
        text: str,
        *,
        start: float,
        end: float | None = None,
        planned: bool = False,
        status: str = "down",
    ) -> Incident:
        """Say that the compute resource is, or will be, "down" or "degraded"."""
        made = Incident(
            str(uuid.uuid4()), self.compute, status, text, start, end, planned, time.time()
        )
        with self._lock:
            self._incidents[made.id] = made
        return made

    def resolve(self, incident: Incident) -> None:
        """Say that an incident is over."""
        now = time.time()
        with self._lock:
            self._incidents[incident.id] = replace(incident, end=now, changed=now)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Every incident, the oldest first."""
        with self._lock:
            return tuple(self._incidents.values())

    @property
    def events(self) -> tuple[Event, ...]:
        """What has happened: the beginning of each incident, and its end."""
        now, found = time.time(), []
        for one in self.incidents:
            if one.start <= now:
                found.append(Event(f"{one.id}-start", one, one.status, one.start))
            if one.end is not None and one.end <= now:
                found.append(Event(f"{one.id}-end", one, "up", one.end))
        return tuple(found)

    def status(self, resource: Resource) -> str:
        """Say how a resource is now: that of the gravest incident that lasts, or "up"."""
        now = time.time()
        found = {
            one.status for one in self.incidents if one.resource == resource and one.lasts(now)
        }
        return next((status for status in ("down", "degraded") if status in found), "up")

    def capability(self, allocation: Allocation) -> str:
        """Return the id of what an allocation is of."""
        return str(uuid.uuid5(_SPACE, f"{self.resource} {allocation.unit}"))

    def granted(self, allocation: Allocation) -> str:
        """Return the id of an allocation."""
        return str(uuid.uuid5(_SPACE, f"{allocation.account} {allocation.unit}"))


#: No headers.
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
