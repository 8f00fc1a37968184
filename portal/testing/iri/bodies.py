"""What requests of the IRI Facility API hold: the schemas of both versions, as far as they agree.

Numbers, texts and truth values are not converted into each other in a body. Unknown fields are
refused in a JobSpec and passed over elsewhere, as the documents have it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic import ValidationError as _Invalid

from portal.testing.iri.problems import invalid

#: The most bytes of a file that one request moves.
PART: Final = 5 * 1024 * 1024

_URN_PART: Final = r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}|[!$&'()*+,;=@]|/)+"
_STAMP: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


def _stamp(value: object) -> object:
    if not isinstance(value, str) or not _STAMP.fullmatch(value):
        raise ValueError("it is no date and time as in RFC 3339")
    return value


Stamp = Annotated[datetime, BeforeValidator(_stamp)]


def urn(kind: str) -> AfterValidator:
    """Return what checks a text to be a DOE IRI URN of a kind (``allocation``, ...)."""
    pattern = re.compile(f"urn:doe-iri:{kind}:{_URN_PART}(?::{_URN_PART})*")

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"it is no URN like {pattern.pattern}")
        return value

    return AfterValidator(check)


class VolumeMount(_Body):
    """A directory of the host that a container sees."""

    source: Text
    target: Text
    read_only: bool = True


class Container(_Body):
    """A container that a job is to run in."""

    image: Text
    volume_mounts: list[VolumeMount] = []


class ResourceSpec(_Body):
    """What a job needs; memory in bytes."""

    node_count: Count | None = None
    process_count: Count | None = None
    processes_per_node: Count | None = None
    cpu_cores_per_process: Count | None = None
    gpu_cores_per_process: Count | None = None
    exclusive_node_use: bool = True
    memory: Count | None = None


class JobAttributes(_Body):
    """How a job is scheduled; the duration in seconds."""

    duration: Count | None = None
    queue_name: Text | None = None
    account: Text | None = None
    reservation_id: Text | None = None
    custom_attributes: dict[str, str] = {}


class JobSpec(_Body):
    """A job."""

    model_config = ConfigDict(strict=True, extra="forbid")

    attributes: JobAttributes | None = None
    executable: Text | None = None
    container: Container | None = None
    arguments: list[str] = []
    directory: Text | None = None
    name: Text | None = None
    inherit_environment: bool = True
    environment: dict[str, str] = {}
    stdin_path: Text | None = None
    stdout_path: Text | None = None
    stderr_path: Text | None = None
    resources: ResourceSpec | None = None
    pre_launch: Text | None = None
    post_launch: Text | None = None
    launcher: Text | None = None


Filters = TypeAdapter(dict[str, Any] | None)

Status = Literal["up", "down", "degraded", "unknown"]


class Page(BaseModel):
    """Which part of a list is asked for."""

    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=0, le=1000)


class Since(BaseModel):
    """From when on a change is of interest."""

    modified_since: Stamp | None = None


class Sites(Page, Since):
    """A question for sites."""

    name: Text | None = None
    short_name: Text | None = None


class Capabilities(Since):
    """A question for capabilities."""

    name: Text | None = None
    offset: int = Field(0, ge=0, le=1000)
    limit: int = Field(100, ge=0, le=1000)


class _Resources(Page, Since):
    name: Text | None = None
    description: Text | None = None
    group: Text | None = None
    current_status: Status | None = None


class Resources1(_Resources):
    """A question for resources, version 1."""

    resource_type: (
        Literal["website", "service", "compute", "system", "storage", "network", "unknown"] | None
    ) = None
    capability: list[Literal["node_hours", "bytes", "inodes"]] = []


class Resources2(_Resources):
    """A question for resources, version 2."""

    resource_type: Annotated[str, urn("[A-Za-z0-9][A-Za-z0-9-]{0,31}")] | None = None
    capability: list[Annotated[str, urn("allocation")]] = []


class _Happened(Page, Since):
    model_config = ConfigDict(populate_by_name=True)

    name: Text | None = None
    description: Text | None = None
    status: Status | None = None
    start: Stamp | None = Field(None, alias="from")
    time: Stamp | None = None
    end: Stamp | None = Field(None, alias="to")
    resource_id: Text | None = None


class Incidents(_Happened):
    """A question for incidents."""

    type: Literal["planned", "unplanned", "reservation"] | None = None
    resolution: Literal["unresolved", "cancelled", "completed", "extended", "pending"] | None = None


class Events(_Happened):
    """A question for events."""

    incident_id: Text | None = None


class JobQuery(BaseModel):
    """How much is asked about a job."""

    historical: bool | None = None
    include_spec: bool | None = None


class JobsQuery(JobQuery, Page):
    """Which jobs, and how much about each."""


class Locations(BaseModel):
    """A question for storage locations."""

    logicalpath: (
        Literal["home", "scratch", "project", "campaign", "archive", "shared", "temporary"] | None
    ) = None
    project: str | None = None
    allocation: str | None = None
    intent: Literal["read", "write", "staging", "long-term-storage"] | None = None


class Endpoints(BaseModel):
    """A question for access endpoints."""

    protocol: Literal["globus", "xrootd", "s3"] | None = None
    endpoint_id: str | None = None


_Model = TypeVar("_Model", bound=BaseModel)


def from_json(model: type[_Model], body: bytes) -> _Model:
    """Read a body.

    Raises
    ------
    Problem
        It is no JSON, or not of this form (400).
    """
    try:
        return model.model_validate_json(body, strict=True)
    except _Invalid as error:
        raise invalid(error) from None


def from_query(model: type[_Model], query: dict[str, list[str]]) -> _Model:
    """Read a query; of a parameter that is given twice the last one holds, unless it is a list.

    Raises
    ------
    Problem
        It is not of this form (400).
    """
    names = {field.alias or name: field for name, field in model.model_fields.items()}
    values: dict[str, Any] = {}
    for name, given in query.items():
        if name in names:
            listed = str(names[name].annotation).startswith("list[")
            values[name] = given if listed else given[-1]
    try:
        return model.model_validate(values)
    except _Invalid as error:
        raise invalid(error) from None


def filters(body: bytes) -> dict[str, Any]:
    """Read the filters of a list of jobs; no body is no filter.

    Raises
    ------
    Problem
        It is neither an object nor null (400).
    """
    try:
        return (Filters.validate_json(body, strict=True) if body.strip() else None) or {}
    except _Invalid as error:
        raise invalid(error) from None
