"""RO-Crate 1.1: a metadata document, ``ro-crate-metadata.json``, of datasets that lie elsewhere.

https://w3id.org/ro/crate/1.1: the root has the records as its parts, each a Dataset that is named by
an absolute URI ("Web-based data entities"), and those have their files. The descriptions are
schema.org's, see :mod:`portal.export.schema_org`, laid out flat as RO-Crate requires. A Zarr store is
a Dataset too, as a directory is. ``sha256`` is not in RO-Crate's own context and is added.

RO-Crate requires ``datePublished`` of the root: the newest date that the records have of themselves,
else today's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from portal.core.item import Item
from portal.export import schema_org
from portal.export._json import to_json, told
from portal.export._record import File, Record, read

_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_CONTEXT: Final = [f"{_CRATE}/context", {"sha256": "https://schema.org/sha256"}]

Entity = dict[str, Any]


def export(items: Sequence[Item]) -> str:
    """Write the metadata document of a crate that has the records as its parts."""
    records = [read(item) for item in items]
    head: Entity = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": _CRATE},
        "about": {"@id": "./"},
    }
    graph = [head, _root(records)]
    for record in records:
        graph += _described(record)
    unique = {entity["@id"]: entity for entity in reversed(graph)}
    return to_json({"@context": _CONTEXT, "@graph": list(reversed(unique.values()))})


def _root(records: Sequence[Record]) -> Entity:
    titles = [record.title for record in records]
    dates = [d for r in records for d in (r.published, r.updated, r.created) if d]
    licences = sorted({schema_org.licence(r) or r.licence for r in records})
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": titles[0] if len(titles) == 1 else f"{len(titles)} datasets found by Portal",
        "description": "Datasets that lie elsewhere, as their facilities describe them.",
        "datePublished": max(dates) if dates else datetime.now(UTC).date().isoformat(),
        "license": f"Those of the parts: {', '.join(licences) or 'none'}",
        "hasPart": [{"@id": record.urn} for record in records],
    }


def _described(record: Record) -> list[Entity]:
    nested = schema_org.dataset(record)
    nested.pop("distribution", None)
    nested["hasPart"] = [_part(file) for file in record.files]
    if record.licence_url:
        name = record.licence if record.licence != "other" else ""
        nested["license"] = told({"@id": record.licence_url, "@type": "CreativeWork", "name": name})
    return list(_flat(told(nested)))


def _part(file: File) -> Entity:
    store = "zarr" in file.media_type.lower() or file.url.rstrip("/").endswith(".zarr")
    return told(
        {
            "@id": file.url,
            "@type": "Dataset" if store else "File",
            "name": file.title or file.name,
            "encodingFormat": file.media_type,
            "contentSize": "" if file.size is None else str(file.size),
            "sha256": file.sha256,
        }
    )


def _flat(entity: Entity) -> Iterator[Entity]:
    """Give an entity and those in it, each named, and referred to by its name."""
    inner: list[Entity] = []
    outer: Entity = {}
    for key, value in entity.items():
        found = []
        for number, one in enumerate(value if isinstance(value, list) else [value], 1):
            if isinstance(one, dict):
                named = {"@id": _name(entity["@id"], key, number, one)} | one
                inner += _flat(named) if len(named) > 1 else ()
                found.append({"@id": named["@id"]})
            else:
                found.append(one)
        outer[key] = found if isinstance(value, list) else found[0]
    yield outer
    yield from inner


def _name(outer: str, key: str, number: int, entity: Entity) -> str:
    if entity.get("@type") == "Organization":
        return f"#organization-{quote(entity['name'], safe='')}"
    return f"{outer}{'/' if '#' in outer else '#'}{key}-{number}"
