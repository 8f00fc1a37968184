"""A run's result as a record of its own, with its lineage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portal.core.asset import Provider
from portal.core.item import Item
from portal.core.run import RunSpec, slug
from portal.errors import InvalidInput

PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"


def result_record(
    spec: RunSpec,
    facility: str,
    *,
    title: str,
    description: str,
    keywords: Iterable[str],
    created: str,
) -> Item:
    """Return the record of a run's result; the catalog adds what it reads from the data itself.

    The lineage is kept as STAC links of the relation ``derived_from`` (one for each input), as
    the processing extension's ``processing:lineage``, and as ``portal:run`` and
    ``portal:analysis``.

    Raises
    ------
    InvalidInput
        The title is empty.
    """
    if not title.strip():
        raise InvalidInput(
            "A published result needs a title",
            found=repr(title),
            advice='Say what it is: fed.publish(run, title="Turbidity over land").',
        )
    inputs = [ref.item for ref in spec.inputs.values()]
    licenses = sorted({item.license for item in inputs})
    properties: dict[str, Any] = {
        "portal:run": spec.id,
        "portal:analysis": {
            "name": spec.analysis.name,
            "version": spec.analysis.version,
            "sha256": spec.analysis.digest,
            "reference": spec.analysis.reference,
        },
        "portal:parameters": dict(spec.parameters),
        "processing:lineage": _lineage(spec, inputs),
        "processing:software": dict(spec.environment.packages),
    }
    item = Item.build(
        facility,
        f"{slug(title)}-{spec.id.rpartition('-')[2]}",
        title=title.strip(),
        description=description or spec.analysis.title,
        created=created,
        keywords=(*keywords, "result", spec.analysis.name.replace("_", " ")),
        license=licenses[0] if len(licenses) == 1 else "other",
        providers=(
            Provider(spec.requested_by, ("producer", "processor")),
            *dict.fromkeys(p for item in inputs for p in item.providers),
        ),
        citation="; ".join(dict.fromkeys(i.citation for i in inputs if i.citation)),
        links=[
            {"rel": "derived_from", "href": f"urn:portal:{item.id}", "title": item.title}
            for item in inputs
        ],
        properties=properties,
    )
    document = item.to_stac()
    document["stac_extensions"].append(PROCESSING)
    return Item.from_stac(document, facility)


def _lineage(spec: RunSpec, inputs: Iterable[Item]) -> str:
    sources = ", ".join(f"{item.title} ({item.id})" for item in inputs)
    values = ", ".join(f"{name}={value!r}" for name, value in spec.parameters.items())
    return (
        f"{spec.analysis.name} {spec.analysis.version} of {sources}"
        f"{f' with {values}' if values else ''}, run {spec.id} at {spec.at}, {spec.created}"
    )
