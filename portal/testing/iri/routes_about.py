"""The facility, its sites, resources, incidents and events; capabilities, projects, allocations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.testing.iri import bodies
from portal.testing.iri.routes import Call, House, Reply, Route, has, newer, one, records


def _facility(house: House, call: Call) -> Any:
    since = bodies.from_query(bodies.Since, call.query).modified_since
    found = records(house, call).facility()
    return found if newer(found, since) else Reply(304)


def _sites(house: House, call: Call) -> Any:
    asked = bodies.from_query(bodies.Sites, call.query)
    found = [
        site
        for site in records(house, call).sites()
        if newer(site, asked.modified_since)
        and has(site, "name", asked.name)
        and has(site, "short_name", asked.short_name)
    ]
    return found[asked.offset :][: asked.limit]


def _site(house: House, call: Call) -> Any:
    since = bodies.from_query(bodies.Since, call.query).modified_since
    found = one(records(house, call).sites(), call.path["site_id"])
    return found if newer(found, since) else Reply(304)


def _resources(house: House, call: Call) -> Any:
    asked: bodies.Resources1 | bodies.Resources2
    if call.version == 1:
        asked = bodies.from_query(bodies.Resources1, call.query)
    else:
        asked = bodies.from_query(bodies.Resources2, call.query)
    told = records(house, call)
    units = {
        f"{call.base}/account/capabilities/{each['id']}": each["units"]
        for each in told.capabilities()
    }
    found = []
    for each in told.resources():
        offered = {unit for uri in each["capability_uris"] for unit in units[uri]}
        kind, status = each["resource_type"], asked.current_status
        if (
            newer(each, asked.modified_since)
            and all(has(each, key, getattr(asked, key)) for key in ("name", "description", "group"))
            and (asked.resource_type is None or _within(kind, asked.resource_type))
            and (status is None or each["current_status"] == status)
            and (not asked.capability or offered & set(asked.capability))
        ):
            found.append(each)
    return found[asked.offset :][: asked.limit]


def _within(kind: str, wanted: str) -> bool:
    return kind == wanted or kind.startswith(f"{wanted}:")


def _resource(house: House, call: Call) -> Any:
    return one(records(house, call).resources(), call.path["resource_id"])


def _incidents(house: House, call: Call) -> Any:
    asked, told = bodies.from_query(bodies.Incidents, call.query), records(house, call)
    found = []
    for incident in house.facility.incidents:
        each = told.incident(incident)
        if (
            _happened(each, asked, incident.start, incident.end)
            and asked.resource_id in (None, incident.resource.id)
            and asked.type in (None, each["type"])
            and asked.resolution in (None, each["resolution"])
        ):
            found.append(each | {"event_uris": []})
    return found[asked.offset :][: asked.limit]


def _incident(house: House, call: Call) -> Any:
    told = records(house, call)
    return one([told.incident(each) for each in house.facility.incidents], call.path["incident_id"])


def _events(house: House, call: Call) -> Any:
    asked, told = bodies.from_query(bodies.Events, call.query), records(house, call)
    found = []
    for event in house.facility.events:
        each = told.event(event)
        if (
            _happened(each, asked, event.time, event.time)
            and asked.resource_id in (None, event.incident.resource.id)
            and asked.incident_id in (None, event.incident.id)
        ):
            found.append(each)
    return found[asked.offset :][: asked.limit]


def _event(house: House, call: Call) -> Any:
    told = records(house, call)
    return one([told.event(each) for each in house.facility.events], call.path["event_id"])


def _happened(
    record: dict[str, Any],
    asked: bodies.Incidents | bodies.Events,
    start: float,
    end: float | None,
) -> bool:
    def after(moment: datetime | None) -> bool:
        return moment is None or end is None or end >= moment.timestamp()

    def before(moment: datetime | None) -> bool:
        return moment is None or start <= moment.timestamp()

    return (
        newer(record, asked.modified_since)
        and has(record, "name", asked.name)
        and has(record, "description", asked.description)
        and asked.status in (None, record["status"])
        and after(asked.start)
        and before(asked.end)
        and after(asked.time)
        and before(asked.time)
    )


def _capabilities(house: House, call: Call) -> Any:
    asked = bodies.from_query(bodies.Capabilities, call.query)
    found = [
        each
        for each in records(house, call).capabilities()
        if newer(each, asked.modified_since) and has(each, "name", asked.name)
    ]
    return found[asked.offset :][: asked.limit]


def _capability(house: House, call: Call) -> Any:
    since = bodies.from_query(bodies.Since, call.query).modified_since
    found = one(records(house, call).capabilities(), call.path["capability_id"])
    return found if newer(found, since) else Reply(304)


def _projects(house: House, call: Call) -> Any:
    return records(house, call).projects()


def _project(house: House, call: Call) -> Any:
    return one(_projects(house, call), call.path["project_id"])


def _allocations(house: House, call: Call) -> Any:
    return records(house, call).allocations(_project(house, call)["id"])


def _allocation(house: House, call: Call) -> Any:
    return one(_allocations(house, call), call.path["project_allocation_id"])


def _shares(house: House, call: Call) -> Any:
    project, allocation = _project(house, call)["id"], _allocation(house, call)["id"]
    return records(house, call).shares(project, allocation)


def _share(house: House, call: Call) -> Any:
    return one(_shares(house, call), call.path["user_allocation_id"])


_ALLOCATIONS = "/account/projects/{project_id}/project_allocations"
_SHARES = f"{_ALLOCATIONS}/{{project_allocation_id}}/user_allocations"

ROUTES = (
    Route("GET", "/facility", _facility, open=True),
    Route("GET", "/facility/sites", _sites, open=True),
    Route("GET", "/facility/sites/{site_id}", _site, open=True),
    Route("GET", "/status/resources", _resources, open=True),
    Route("GET", "/status/resources/{resource_id}", _resource, open=True),
    Route("GET", "/status/incidents", _incidents, open=True),
    Route("GET", "/status/incidents/{incident_id}", _incident, open=True),
    Route("GET", "/status/events", _events, open=True),
    Route("GET", "/status/events/{event_id}", _event, open=True),
    Route("GET", "/account/capabilities", _capabilities, open=True),
    Route("GET", "/account/capabilities/{capability_id}", _capability, open=True),
    Route("GET", "/account/projects", _projects),
    Route("GET", "/account/projects/{project_id}", _project),
    Route("GET", _ALLOCATIONS, _allocations),
    Route("GET", f"{_ALLOCATIONS}/{{project_allocation_id}}", _allocation),
    Route("GET", _SHARES, _shares),
    Route("GET", f"{_SHARES}/{{user_allocation_id}}", _share),
)
