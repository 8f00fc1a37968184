"""The facility's records in the form of the API; version 2 names kinds and units by URNs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from portal.core.standing import Allocation
from portal.testing.iri.facility import USER, Event, Facility, Incident, Resource

_UNITS = {
    "node_hours": "urn:doe-iri:allocation:compute:node-hours",
    "bytes": "urn:doe-iri:allocation:storage:bytes",
    "inodes": "urn:doe-iri:allocation:storage:inodes",
}
_KINDS = {
    "compute": "urn:doe-iri:resource:compute",
    "storage": "urn:doe-iri:resource:storage:system",
}


def stamp(seconds: float | None) -> str | None:
    """Return a time as the API has it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


class Records:
    """Records of a facility, for one version of the API.

    Parameters
    ----------
    base
        The URL that the paths of this version begin with.
    """

    def __init__(self, facility: Facility, version: int, base: str) -> None:
        self._facility = facility
        self._version = version
        self._base = base

    @property
    def _known(self) -> dict[str, Any]:
        return {"last_modified": stamp(self._facility.started)}

    def kind(self, resource: Resource) -> str:
        """Return the type of a resource."""
        return resource.kind if self._version == 1 else _KINDS[resource.kind]

    def unit(self, allocation: Allocation) -> str:
        """Return the unit of an allocation."""
        return allocation.unit if self._version == 1 else _UNITS[allocation.unit]

    def facility(self) -> dict[str, Any]:
        """Return the schema Facility."""
        return self._known | {
            "id": "facility",
            "name": self._facility.name,
            "description": "Portal's own small facility, for tests and for trying Portal.",
            "short_name": "portal",
            "organization_name": self._facility.name,
            "self_uri": f"{self._base}/facility",
            "site_uris": [f"{self._base}/facility/sites/site"],
        }

    def sites(self) -> list[dict[str, Any]]:
        """Return the schema Site of each site."""
        return [
            self._known
            | {
                "id": "site",
                "name": "This computer",
                "description": "Where the server runs.",
                "short_name": "here",
                "operating_organization": self._facility.name,
                "self_uri": f"{self._base}/facility/sites/site",
                "resource_uris": [self._resource(one) for one in self._facility.resources],
            }
        ]

    def resources(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """Return the schema Resource of each resource, or of each that has an endpoint."""
        return [
            self.resource(one)
            for one in self._facility.resources
            if endpoint is None or endpoint in one.endpoints
        ]

    def resource(self, one: Resource) -> dict[str, Any]:
        """Return the schema Resource."""
        offered = [
            each
            for each in self._facility.allocations
            if one.kind == ("compute" if each.unit == "node_hours" else "storage")
        ]
        changed = [self._facility.started, *(e.time for e in self._facility.events)]
        return {
            "id": one.id,
            "name": one.name,
            "description": one.description,
            "last_modified": stamp(max(changed)),
            "group": self._facility.name,
            "current_status": self._facility.status(one),
            "resource_type": self.kind(one),
            "supported_endpoints": list(one.endpoints),
            "self_uri": self._resource(one),
            "site_uri": f"{self._base}/facility/sites/site",
            "capability_uris": sorted({self._capability(each) for each in offered}),
        }

    def capabilities(self) -> list[dict[str, Any]]:
        """Return the schema Capability of each kind of allocation."""
        found = {self._facility.capability(one): one for one in self._facility.allocations}
        return [
            self._known
            | {
                "id": name,
                "name": f"{self._facility.resource} {one.unit}",
                "description": f"{one.unit} of {self._facility.resource}",
                "units": [self.unit(one)],
                "self_uri": self._capability(one),
            }
            for name, one in found.items()
        ]

    def projects(self) -> list[dict[str, Any]]:
        """Return the schema Project of each account."""
        return [
            self._known
            | {
                "id": account,
                "name": account,
                "description": "A project that jobs can be charged to.",
                "user_ids": [USER],
                "self_uri": f"{self._base}/account/projects/{account}",
            }
            for account in self._facility.accounts
        ]

    def allocations(self, project: str) -> list[dict[str, Any]]:
        """Return the schema ProjectAllocation of each allocation of a project."""
        return [
            {
                "id": self._facility.granted(one),
                "entries": [self._entry(one)],
                "project_uri": f"{self._base}/account/projects/{project}",
                "capability_uri": self._capability(one),
            }
            for one in self._facility.allocations
            if one.account == project
        ]

    def shares(self, project: str, allocation: str) -> list[dict[str, Any]]:
        """Return the schema UserAllocation: each user may use the whole of an allocation."""
        where = f"{self._base}/account/projects/{project}/project_allocations/{allocation}"
        return [
            {
                "id": f"{one['id']}-{USER}",
                "user_id": USER,
                "entries": one["entries"],
                "project_allocation_uri": where,
            }
            for one in self.allocations(project)
            if one["id"] == allocation
        ]

    def incident(self, one: Incident) -> dict[str, Any]:
        """Return the schema Incident."""
        over = one.end is not None and one.end <= time.time()
        return {
            "id": one.id,
            "name": one.text,
            "description": one.text,
            "last_modified": stamp(one.changed),
            "status": one.status,
            "start": stamp(one.start),
            "end": stamp(one.end),
            "type": "planned" if one.planned else "unplanned",
            "resolution": "completed" if over else "pending" if one.planned else "unresolved",
            "self_uri": f"{self._base}/status/incidents/{one.id}",
            "event_uris": [
                self._event(each) for each in self._facility.events if each.incident.id == one.id
            ],
            "resource_uris": [self._resource(one.resource)],
        }

    def event(self, one: Event) -> dict[str, Any]:
        """Return the schema Event."""
        return {
            "id": one.id,
            "name": one.incident.text,
            "description": one.incident.text,
            "last_modified": stamp(one.time),
            "occurred_at": stamp(one.time),
            "status": one.status,
            "self_uri": self._event(one),
            "resource_uri": self._resource(one.incident.resource),
            "incident_uri": f"{self._base}/status/incidents/{one.incident.id}",
        }

    def _entry(self, one: Allocation) -> dict[str, Any]:
        granted, used = one.granted or 0.0, one.used or 0.0
        return {"allocation": granted, "usage": used, "unit": self.unit(one)}

    def _resource(self, one: Resource) -> str:
        return f"{self._base}/status/resources/{one.id}"

    def _capability(self, one: Allocation) -> str:
        return f"{self._base}/account/capabilities/{self._facility.capability(one)}"

    def _event(self, one: Event) -> str:
        return f"{self._base}/status/events/{one.id}"
