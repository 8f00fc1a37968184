"""The run directory as an RO-Crate: who ran which analysis on what, and what came of it.

Written as JSON-LD by the Process Run Crate profile 0.5 of Workflow Run RO-Crate
(https://w3id.org/ro/wfrun/process/0.5) on RO-Crate 1.1. It is written when the run starts, so that
a run that is killed leaves one too, and again when it ends.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from portal.core.item import Item
from portal.core.job import JobState
from portal.core.run import (
    CODE,
    CRATE,
    EVENTS,
    RESULT,
    RUN_JSON,
    STDERR,
    STDOUT,
    RunSpec,
    RunStatus,
)
from portal.runner.result import Stored
from portal.runner.trap import write_atomically

PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT: Final = (
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
)
_STATUS: Final = {
    JobState.COMPLETED: "http://schema.org/CompletedActionStatus",
    JobState.FAILED: "http://schema.org/FailedActionStatus",
    JobState.CANCELED: "http://schema.org/FailedActionStatus",
}
_ACTIVE: Final = "http://schema.org/ActiveActionStatus"

Entity = dict[str, Any]


def write_crate(
    directory: Path, spec: RunSpec, status: RunStatus, stored: Stored | None = None
) -> None:
    """Write ro-crate-metadata.json of a run as it stands, atomically."""
    found = frozenset(path.name for path in directory.iterdir())
    write_atomically(directory / CRATE, crate(spec, status, stored, found))


def crate(
    spec: RunSpec, status: RunStatus, stored: Stored | None, found: frozenset[str]
) -> dict[str, Any]:
    """Describe a run as an RO-Crate metadata document.

    Parameters
    ----------
    found
        Names of the files that the run directory holds.
    """
    inputs = [_input(ref.item) for ref in spec.inputs.values()]
    parameters = [_parameter(name, value) for name, value in spec.parameters.items()]
    software = list(_software(spec))
    results = [_result(spec, stored)] if stored is not None else []
    files = [entity for entity in _files() if entity["@id"] in found]
    agent = {"@id": f"#agent-{spec.requested_by}", "@type": "Person", "name": spec.requested_by}
    instrument = _instrument(spec, software)
    action = _action(spec, status, instrument, agent)
    action["object"] = _refs([*inputs, *parameters])
    if results:
        action["result"] = _refs(results)
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": spec.title or f"{spec.analysis.title or spec.analysis.name} ({spec.id})",
        "description": f"The run {spec.id} of the analysis {spec.analysis.name}.",
        "identifier": spec.id,
        "datePublished": _iso(status.ended or status.started) or spec.created,
        "license": _licence(spec),
        "conformsTo": {"@id": PROFILE},
        "hasPart": _refs([*files, *results]),
        "mentions": {"@id": action["@id"]},
    }
    head: Entity = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    profile: Entity = {
        "@id": PROFILE,
        "@type": "CreativeWork",
        "name": "Process Run Crate",
        "version": "0.5",
    }
    providers = {p["@id"]: p for ref in spec.inputs.values() for p in _providers(ref.item)}
    entities = [head, root, profile, action, instrument, agent]
    entities += [*inputs, *parameters, *results, *files, *software, *providers.values()]
    unique = {entity["@id"]: entity for entity in entities}
    return {"@context": list(_CONTEXT), "@graph": list(unique.values())}


def _action(spec: RunSpec, status: RunStatus, instrument: Entity, agent: Entity) -> Entity:
    action: Entity = {
        "@id": f"#{spec.id}",
        "@type": "CreateAction",
        "name": f"Run of {spec.analysis.name}",
        "description": f"At {spec.at}, as python -m portal.runner {spec.id}",
        "instrument": {"@id": instrument["@id"]},
        "agent": {"@id": agent["@id"]},
        "actionStatus": _STATUS.get(status.state, _ACTIVE),
    }
    if status.started is not None:
        action["startTime"] = _iso(status.started)
    if status.ended is not None:
        action["endTime"] = _iso(status.ended)
    if action["actionStatus"] == _STATUS[JobState.FAILED]:
        error = status.error or {}
        action["error"] = ": ".join(
            filter(None, (error.get("type"), error.get("message") or status.message))
        ) or str(status.state)
    return action


def _instrument(spec: RunSpec, software: Iterable[Entity]) -> Entity:
    """The analysis; its ``sha256`` is that of its source text."""
    analysis = spec.analysis
    entity: Entity = {
        "@id": f"#analysis-{analysis.reference}",
        "@type": "SoftwareSourceCode",
        "name": analysis.name,
        "description": analysis.title,
        "version": analysis.version,
        "identifier": analysis.reference,
        "sha256": analysis.digest,
        "programmingLanguage": f"Python {spec.environment.python}",
        "softwareRequirements": _refs(software),
    }
    if analysis.source:
        entity["text"] = analysis.source
    return {key: value for key, value in entity.items() if value != ""}


def _input(item: Item) -> Entity:
    entity: Entity = {
        "@id": f"#input-{item.id}",
        "@type": "CreativeWork",
        "identifier": item.id,
        "name": item.title,
        "description": item.description,
        "license": item.license,
        "citation": item.citation,
        "keywords": ", ".join(item.keywords),
        "provider": _refs(_providers(item)),
    }
    if item.doi:
        entity["sameAs"] = f"https://doi.org/{item.doi}"
    return {key: value for key, value in entity.items() if value}


def _providers(item: Item) -> list[Entity]:
    found = []
    for provider in item.providers:
        entity = {
            "@id": provider.url or f"#organization-{provider.name}",
            "@type": "Organization",
            "name": provider.name,
        }
        found.append(entity | ({"url": provider.url} if provider.url else {}))
    return found


def _licence(spec: RunSpec) -> str:
    """The licences of the inputs, which govern what may be done with the result."""
    names = sorted({ref.item.license for ref in spec.inputs.values()})
    return f"Inputs: {', '.join(names)}" if names else "other"


def _parameter(name: str, value: Any) -> Entity:
    return {
        "@id": f"#parameter-{name}",
        "@type": "PropertyValue",
        "name": name,
        "value": value if isinstance(value, str | int | float | bool) else _json(value),
    }


def _json(value: Any) -> str:
    import json

    return json.dumps(value, sort_keys=True)


def _result(spec: RunSpec, stored: Stored) -> Entity:
    return {
        "@id": f"{RESULT}/",
        "@type": "Dataset",
        "name": spec.title or f"Result of {spec.analysis.name}",
        "description": (
            "A Zarr v3 store. Its sha256 is the SHA-256 of one line a file, '<sha256 of the file>  "
            "<its path>' and a newline, with paths relative to the store and in sorted order."
        ),
        "encodingFormat": "application/vnd.zarr; version=3",
        "sha256": stored.sha256,
        "contentSize": str(stored.size),
    }


def _files() -> Iterable[Entity]:
    for name, kind, what in (
        (RUN_JSON, "application/json", "What was asked for"),
        (CODE, "application/octet-stream", "The analysis, pickled by cloudpickle"),
        (EVENTS, "application/x-ndjson", "States, progress and messages of the run"),
        (STDOUT, "text/plain", "Standard output"),
        (STDERR, "text/plain", "Standard error"),
    ):
        yield {"@id": name, "@type": "File", "name": what, "encodingFormat": kind}


def _software(spec: RunSpec) -> Iterable[Entity]:
    versions: Mapping[str, str] = {"python": platform.python_version()} | {
        **spec.environment.packages
    }
    for name, version in versions.items():
        yield {
            "@id": f"#software-{name}",
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": version,
        }


def _refs(entities: Iterable[Entity]) -> list[Entity]:
    return [{"@id": entity["@id"]} for entity in entities]


def _iso(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()
