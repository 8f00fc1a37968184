"""schema.org's Dataset as JSON-LD, for pages and for those who collect from them.

The terms are those of https://schema.org/Dataset, used as
https://github.com/ESIPFed/science-on-schema.org (guides/Dataset.md) recommends: a box is "south west
north east", its corners being south-west and north-east, so that one across the antimeridian has its
west greater than its east; an open end of time is ".."; a DOI is a PropertyValue. A provider is an
Organization, as STAC defines it. Context: schema.org's vocabulary, in the document itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from portal.core.item import Item
from portal.core.query import BBox
from portal.core.variable import Variable
from portal.export._json import to_json, told
from portal.export._record import Agent, File, Record, read
from portal.export._values import rfc3339

_DOI = "https://registry.identifiers.org/registry/doi"


def export(items: Sequence[Item]) -> str:
    """Write a Dataset, or a graph of any other number of them."""
    found = [dataset(read(item)) for item in items]
    context = {"@context": {"@vocab": "https://schema.org/"}}
    return to_json(context | (found[0] if len(found) == 1 else {"@graph": found}))


def dataset(record: Record) -> dict[str, Any]:
    """Describe a record as a Dataset, without a context."""
    return told(
        {
            "@type": "Dataset",
            "@id": record.urn,
            "name": record.title,
            "description": record.description,
            "url": record.page,
            "identifier": [record.id, *([_doi(record)] if record.doi else [])],
            "sameAs": record.doi_url,
            "version": record.version,
            "keywords": list(record.keywords),
            "license": licence(record),
            "creator": [agent(a) for a in record.creators],
            "publisher": [agent(a) for a in record.publishers],
            "citation": record.citation,
            "datePublished": record.published,
            "temporalCoverage": period(record),
            "spatialCoverage": _place(record.box) if record.box else None,
            "variableMeasured": [variable(v) for v in record.variables],
            "isBasedOn": [{"@id": source} for source in record.sources],
            "distribution": [_download(file) for file in record.files],
        }
    )


def licence(record: Record) -> str:
    """Return the licence's address, else its name; empty where only "other" is known."""
    return record.licence_url or ("" if record.licence == "other" else record.licence)


def agent(one: Agent) -> dict[str, Any]:
    """Describe an organisation."""
    return told({"@type": "Organization", "name": one.name, "url": one.url})


def period(record: Record) -> str:
    """Write when the data lies, as ISO 8601; empty where that is not known."""
    ends = [rfc3339(end) if end else ".." for end in (record.start, record.end)]
    if record.start is None and record.end is None:
        return ""
    return ends[0] if ends[0] == ends[1] else "/".join(ends)


def variable(one: Variable) -> dict[str, Any]:
    """Describe a variable; its ``propertyID`` is its CF standard name."""
    return told(
        {
            "@type": "PropertyValue",
            "name": one.name,
            "description": one.long_name,
            "propertyID": one.standard_name,
            "unitText": one.units,
        }
    )


def degrees(number: float) -> str:
    """Write a number without an exponent."""
    return f"{Decimal(repr(number)).normalize():f}"


def _doi(record: Record) -> dict[str, Any]:
    return {
        "@type": "PropertyValue",
        "propertyID": _DOI,
        "value": f"doi:{record.doi}",
        "url": record.doi_url,
    }


def _place(box: BBox) -> dict[str, Any]:
    if (box.west, box.south) == (box.east, box.north):
        geo = {"@type": "GeoCoordinates", "latitude": box.south, "longitude": box.west}
    else:
        corners = (box.south, box.west, box.north, box.east)
        geo = {"@type": "GeoShape", "box": " ".join(map(degrees, corners))}
    return {"@type": "Place", "geo": geo}


def _download(file: File) -> dict[str, Any]:
    return told(
        {
            "@type": "DataDownload",
            "name": file.title or file.name,
            "contentUrl": file.url,
            "encodingFormat": file.media_type,
            "contentSize": "" if file.size is None else f"{file.size} B",
            "sha256": file.sha256,
        }
    )
