"""Jobs, the file system, its tasks, and where storage lies."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from portal.testing.iri import archives, bodies, operations
from portal.testing.iri.problems import Problem
from portal.testing.iri.routes import Call, House, Reply, Route, one, records

#: A proxy that is trusted names the project of a request here (version 2).
_PROJECT: Final = "x-iri-facility-project"
_CREATED: Final = frozenset({"mkdir", "symlink", "compress", "extract", "mv", "cp"})


def _computes(house: House, call: Call) -> Any:
    return records(house, call).resources("compute")


def _account(house: House, call: Call, spec: bodies.JobSpec) -> str | None:
    """Return whom a job is charged to: in version 2 it is said in exactly one place."""
    named = spec.attributes.account if spec.attributes else None
    if call.version == 1:
        return named
    given = [each for each in (named, call.headers.get(_PROJECT)) if each]
    if len(given) != 1:
        raise Problem(
            400,
            "attributes.account: a job names its account there or in X-IRI-Facility-Project, "
            f"once; here it is named {len(given)} times.",
        )
    if given[0] not in house.facility.accounts:
        raise Problem(403, f"You cannot charge jobs to {given[0]!r}.")
    return given[0]


def _submit(house: House, call: Call) -> Any:
    resource = house.facility.named(call.path["resource_id"], "compute")
    spec = bodies.from_json(bodies.JobSpec, call.body)
    account = _account(house, call, spec)
    if house.facility.status(resource) == "down":
        raise Problem(503, f"{resource.name} is down and takes no jobs.", {"Retry-After": "60"})
    return house.jobs.submit(spec, account, _key(call))


def _update(house: House, call: Call) -> Any:
    house.facility.named(call.path["resource_id"], "compute")
    spec = bodies.from_json(bodies.JobSpec, call.body)
    return house.jobs.update(call.path["job_id"], spec, _account(house, call, spec), _key(call))


def _key(call: Call) -> str | None:
    return (call.headers.get("idempotency-key") or None) if call.version > 1 else None


def _job(house: House, call: Call) -> Any:
    house.facility.named(call.path["resource_id"], "compute")
    asked = bodies.from_query(bodies.JobQuery, call.query)
    return house.jobs.get(
        call.path["job_id"],
        historical=asked.historical is not False,
        spec=bool(asked.include_spec),
    )


def _jobs(house: House, call: Call) -> Any:
    house.facility.named(call.path["resource_id"], "compute")
    asked = bodies.from_query(bodies.JobsQuery, call.query)
    found = house.jobs.all(
        bodies.filters(call.body),
        historical=bool(asked.historical),
        spec=bool(asked.include_spec),
    )
    return found[asked.offset :][: asked.limit]


def _cancel(house: House, call: Call) -> Any:
    house.facility.named(call.path["resource_id"], "compute")
    house.jobs.cancel(call.path["job_id"])
    return Reply(204)


def _file_resources(house: House, call: Call) -> Any:
    return records(house, call).resources("filesystem")


def _operate(
    name: str, model: type[operations.Operation], in_query: bool, house: House, call: Call
) -> Any:
    """Queue an operation; what can be seen to lead out of the file system is refused at once."""
    house.facility.named(call.path["resource_id"], "filesystem")
    read = bodies.from_query(model, call.query) if in_query else None
    given = read or bodies.from_json(model, call.body)
    args = operations.told(given)
    for key in ("path", "target_path", "link_path"):
        if key in type(given).model_fields:
            house.files.lexical(args.get(key))
    if name == "chmod" and not re.fullmatch("[0-7]{1,5}", args["mode"]):
        raise Problem(422, f"mode: {args['mode']!r} is no mode of octal digits.")
    work = (
        partial(getattr(archives, name), house.files, given)
        if name in ("compress", "extract")
        else partial(getattr(house.files, name), given)
    )
    return _queued(house, call, name, args, work)


def _queued(house: House, call: Call, name: str, args: dict[str, Any], work: Any) -> Any:
    task = house.tasks.start(name, args, work)
    told = {"task_id": task, "task_uri": f"{call.base}/task/{task}"}
    return Reply(201, told) if name in _CREATED else told


def _upload(house: House, call: Call) -> Any:
    house.facility.named(call.path["resource_id"], "filesystem")
    given = bodies.from_query(operations.Path, call.query)
    content = call.upload
    if content is None:
        raise Problem(400, "file: it is missing; it is sent as multipart/form-data.")
    if len(content) > bodies.PART:
        raise Problem(422, f"file: it is larger than {bodies.PART} bytes.")
    house.files.lexical(given.path)
    work = partial(house.files.upload, given, content)
    return _queued(house, call, "upload", operations.told(given), work)


def _task(house: House, call: Call) -> Any:
    return house.tasks.get(call.path["task_id"])


def _tasks(house: House, call: Call) -> Any:
    return house.tasks.all()


def _forget(house: House, call: Call) -> Any:
    house.tasks.delete(call.path["task_id"])
    return f"Task {call.path['task_id']} deleted"


def _locations(house: House, call: Call) -> Any:
    house.facility.named(call.path["resource_id"], "filesystem")
    asked = bodies.from_query(bodies.Locations, call.query)
    for project in (asked.project, asked.allocation):
        if project:
            one(records(house, call).projects(), project)
    found = {
        "logical_name": "scratch",
        "path": str(house.files.root),
        "filesystem": "local",
        "performance_tier": "medium",
        "purge_policy_days": None,
        "shared": False,
        "access": {"read": True, "write": True, "execute": True},
    }
    fits = asked.logicalpath in (None, "scratch") and asked.intent != "long-term-storage"
    return [found] if fits else []


def _endpoints(house: House, call: Call) -> Any:
    resource = house.facility.named(call.path["resource_id"], "filesystem")
    asked = bodies.from_query(bodies.Endpoints, call.query)
    return [
        {**each, "resource_id": resource.id}
        for each in house.facility.access
        if asked.protocol in (None, each["protocol"])
        and asked.endpoint_id in (None, each["id"], each.get("endpoint_id"))
    ]


def routes(version: int) -> tuple[Route, ...]:
    """Return the routes of a version."""
    found = [
        Route("GET", "/compute/resources", _computes, open=True),
        Route("POST", "/compute/job/{resource_id}", _submit),
        Route("PUT", "/compute/job/{resource_id}/{job_id}", _update),
        Route("GET", "/compute/status/{resource_id}/{job_id}", _job),
        Route("POST", "/compute/status/{resource_id}", _jobs),
        Route("DELETE", "/compute/cancel/{resource_id}/{job_id}", _cancel),
        Route("POST", "/filesystem/upload/{resource_id}", _upload, form=True),
        Route("GET", "/task", _tasks),
        Route("GET", "/task/{task_id}", _task),
        Route("DELETE", "/task/{task_id}", _forget),
        Route(
            "GET" if version == 1 else "POST", "/filesystem/resources", _file_resources, open=True
        ),
    ]
    for name, (method, model) in operations.arguments(version).items():
        handler = partial(_operate, name, model, method in ("GET", "DELETE"))
        found.append(Route(method, f"/filesystem/{name}/{{resource_id}}", handler))
    if version > 1:
        found += [
            Route("GET", "/storage/locations/{resource_id}", _locations),
            Route("GET", "/storage/access-endpoints/{resource_id}", _endpoints),
        ]
    return tuple(found)
