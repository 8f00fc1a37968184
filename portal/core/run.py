"""RunSpec, RunStatus, Progress: what a run directory holds, as values.

The names of the directory's files stand here, once, for the side that writes and the side that
reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from portal.core.cluster import ClusterSpec
from portal.core.environment import Environment
from portal.core.events import Event
from portal.core.facility import DriverConfig
from portal.core.item import Item
from portal.core.job import JobState, Resources
from portal.errors import InvalidInput

RUN_JSON: Final = "run.json"
JOB_JSON: Final = "job.json"
EVENTS: Final = "events.jsonl"
STATUS: Final = "status.json"
RESULT: Final = "result.zarr"
PARTIAL: Final = "result.zarr.partial"
CANCEL: Final = "cancel.json"
STDOUT: Final = "stdout.log"
STDERR: Final = "stderr.log"
CRATE: Final = "ro-crate-metadata.json"
CODE: Final = "analysis.pkl"
#: Room for the last words of a run whose disk is full.
RESERVE: Final = ".reserve"
FORMAT: Final = 1

_RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[a-z0-9_-]{1,40}-[0-9a-f]{8}")


def new_run_id(name: str, *, key: str | None = None, now: datetime | None = None) -> str:
    """Return a run id that sorts by time: ``20261121T101500-name-1a2b3c4d`` (UTC).

    Parameters
    ----------
    key
        Idempotency key; the id then ends with :func:`key_suffix` of it, by which it is found.
    """
    import secrets

    moment = (now or datetime.now(UTC)).astimezone(UTC)
    suffix = secrets.token_hex(4) if key is None else key_suffix(key)
    return f"{moment:%Y%m%dT%H%M%S}-{slug(name)}-{suffix}"


def slug(text: str) -> str:
    """Return a text as lower-case letters, digits, ``_`` and ``-``, 40 at most, never empty."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:40].rstrip("-") or "run"


def key_suffix(key: str) -> str:
    """Return the eight hexadecimal digits that an idempotency key gives to a run id."""
    import hashlib

    return hashlib.sha256(key.encode()).hexdigest()[:8]


def is_run_id(text: str) -> bool:
    """Whether a text has the form of a run id; a path component of another form is none."""
    return _RUN_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class InputRef:
    """An input of a run: the record, and the driver that opens it at the facility."""

    item: Item
    opener: DriverConfig

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "id": self.item.id,
            "item": self.item.to_stac(),
            "opener": self.opener.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputRef:
        """Read what :meth:`to_dict` wrote."""
        facility = values["id"].partition(":")[0]
        return cls(
            Item.from_stac(values["item"], facility), DriverConfig.from_dict(values["opener"])
        )


@dataclass(frozen=True, slots=True)
class AnalysisRef:
    """The analysis of a run.

    Parameters
    ----------
    code
        "reference": imported by ``reference`` where the run is; "pickle": from analysis.pkl;
        "none": an interactive cluster, which has no analysis.
    """

    name: str
    version: str
    digest: str
    reference: str
    code: str
    title: str = ""
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What was asked for: the content of run.json.

    Parameters
    ----------
    at
        The compute resource, ``facility.name``.
    requested_by
        The id of the Actor.
    key
        Idempotency key: asked twice with one key, a run starts once.
    duration
        The wall time of its job in seconds; None leaves it to the facility.
    cluster
        Makes it an interactive cluster.
    placed
        Every estimate among which the compute resource was chosen, as JSON values.
    repeats
        The id of the run that this one repeats, as it was or with a change.
    """

    id: str
    analysis: AnalysisRef
    inputs: Mapping[str, InputRef]
    parameters: Mapping[str, Any]
    at: str
    environment: Environment
    requested_by: str
    key: str
    created: str
    resources: Resources = Resources()
    title: str = ""
    placement: tuple[Mapping[str, Any], ...] = ()
    duration: int | None = None
    cluster: ClusterSpec | None = None
    placed: Mapping[str, Any] | None = None
    repeats: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "format": FORMAT,
            "id": self.id,
            "title": self.title,
            "analysis": self.analysis.to_dict(),
            "inputs": {name: ref.to_dict() for name, ref in self.inputs.items()},
            "parameters": dict(self.parameters),
            "at": self.at,
            "resources": self.resources.to_dict(),
            "environment": self.environment.to_dict(),
            "requested_by": self.requested_by,
            "key": self.key,
            "created": self.created,
            "placement": [dict(term) for term in self.placement],
            "duration": self.duration,
            "cluster": self.cluster.to_dict() if self.cluster else None,
            "placed": self.placed,
            "repeats": self.repeats,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        InvalidInput
            It is of another format, or a field is missing.
        """
        if values.get("format") != FORMAT:
            raise InvalidInput(
                "This run directory was written in another format",
                found=f"format {values.get('format')!r}, where {FORMAT} is known",
                advice="Read it with the version of Portal that wrote it.",
            )
        cluster = values.get("cluster")
        try:
            return cls(
                id=values["id"],
                analysis=AnalysisRef(**values["analysis"]),
                inputs={n: InputRef.from_dict(v) for n, v in values["inputs"].items()},
                parameters=values["parameters"],
                at=values["at"],
                environment=Environment.from_dict(values["environment"]),
                requested_by=values["requested_by"],
                key=values["key"],
                created=values["created"],
                resources=Resources(**values["resources"]),
                title=values["title"],
                placement=tuple(values["placement"]),
                duration=values.get("duration"),
                cluster=ClusterSpec.from_dict(cluster) if cluster else None,
                placed=values.get("placed"),
                repeats=values.get("repeats", ""),
            )
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                "A run.json does not describe a run",
                found=f"{type(error).__name__}: {error}",
                advice="The directory was not written by Portal, or was changed since.",
            ) from error


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    tasks
        By prefix: {"done", "total", "failed"} numbers of Dask tasks.
    memory, memory_limit
        Bytes held by the workers' processes, and what they may hold.
    bytes_read, bytes_moved
        Bytes stored in memory by tasks so far; bytes moved between workers so far.
    """

    tasks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    workers: int = 0
    memory: int = 0
    memory_limit: int = 0
    bytes_read: int = 0
    bytes_moved: int = 0

    @property
    def done(self) -> int:
        """Tasks that are done."""
        return sum(t["done"] for t in self.tasks.values())

    @property
    def total(self) -> int:
        """Tasks that are known."""
        return sum(t["total"] for t in self.tasks.values())

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, the sums included."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        values["tasks"] = {prefix: dict(counts) for prefix, counts in self.tasks.items()}
        return values | {"done": self.done, "total": self.total}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Progress:
        """Read what :meth:`to_dict` wrote; unknown fields are passed over."""
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})


@dataclass(frozen=True, slots=True)
class RunStatus:
    """What is known of a run: its events folded together, or its status.json.

    Parameters
    ----------
    error
        {"type", "message", "traceback"} of what ended the run, or None.
    started, ended
        Seconds since the epoch by the runner's clock; None while not so.
    position, start
        While it waits, as the scheduler tells it: its place in the queue, 1 for the next, and when
        it should start, seconds since the epoch. They are in no file of the run.
    """

    state: JobState = JobState.NEW
    message: str = ""
    progress: Progress | None = None
    error: Mapping[str, str] | None = None
    started: float | None = None
    ended: float | None = None
    position: int | None = None
    start: float | None = None

    def then(self, event: Event) -> RunStatus:
        """Return the status after one more event; a final state is not left again."""
        data = event.data
        match event.kind:
            case "state" if not self.state.final:
                state = JobState(data["state"])
                started = event.time if state is JobState.ACTIVE else self.started
                return replace(
                    self,
                    state=state,
                    message=str(data.get("message", "")),
                    started=self.started or started,
                    ended=event.time if state.final else None,
                )
            case "progress":
                return replace(self, progress=Progress.from_dict(data))
            case "message":
                return replace(self, message=str(data["text"]))
            case "error":
                return replace(self, error={k: str(v) for k, v in data.items()})
        return self

    def follow(self, events: Iterable[Event]) -> RunStatus:
        """Fold several events."""
        status = self
        for event in events:
            status = status.then(event)
        return status

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: the content of status.json."""
        return {
            "state": self.state.value,
            "message": self.message,
            "progress": self.progress.to_dict() if self.progress else None,
            "error": dict(self.error) if self.error else None,
            "started": self.started,
            "ended": self.ended,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunStatus:
        """Read what :meth:`to_dict` wrote."""
        progress = values.get("progress")
        return cls(
            state=JobState(values["state"]),
            message=values.get("message", ""),
            progress=Progress.from_dict(progress) if progress else None,
            error=values.get("error"),
            started=values.get("started"),
            ended=values.get("ended"),
        )
