"""DCAT 3 as JSON-LD: a catalogue of datasets, for data portals.

W3C Recommendation "Data Catalog Vocabulary (DCAT) - Version 3" (https://www.w3.org/TR/vocab-dcat-3/):
a place has its box as GeoSPARQL's WKT, longitude before latitude by its default CRS84 ("Class:
Location"), a period its start and end ("Class: Period of Time"), a file its checksum in SPDX's terms
("Class: Checksum"); a DOI is an identifier of ADMS ("Dereferenceable identifiers"). Two boxes stand
for one across the antimeridian. The context is in the document. DCAT has no word for variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from portal.core.item import Item
from portal.core.query import BBox
from portal.export._json import to_json, told
from portal.export._record import Agent, File, Record, read
from portal.export._values import rfc3339
from portal.export.schema_org import degrees

_CONTEXT: Final = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "gsp": "http://www.opengis.net/ont/geosparql#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def export(items: Sequence[Item]) -> str:
    """Write a catalogue with the records' datasets."""
    catalogue = {
        "@type": "dcat:Catalog",
        "dcterms:title": "Datasets found by Portal",
        "dcat:dataset": [_dataset(read(item)) for item in items],
    }
    return to_json({"@context": _CONTEXT} | catalogue)


def _dataset(record: Record) -> dict[str, Any]:
    rights = record.licence if record.licence != "other" and not record.licence_url else ""
    return told(
        {
            "@type": "dcat:Dataset",
            "@id": record.urn,
            "dcterms:identifier": record.id,
            "adms:identifier": _doi(record) if record.doi else None,
            "dcterms:title": record.title,
            "dcterms:description": record.description,
            "dcat:keyword": list(record.keywords),
            "dcat:version": record.version,
            "dcterms:license": _reference(record.licence_url),
            "dcterms:rights": _labelled("dcterms:RightsStatement", rights),
            "dcterms:creator": [_agent(a) for a in record.creators],
            "dcterms:publisher": [_agent(a) for a in record.publishers],
            "dcterms:bibliographicCitation": record.citation,
            "dcterms:issued": _typed(record.published, "xsd:dateTime"),
            "dcat:landingPage": _reference(record.page),
            "dcterms:spatial": _places(record.box) if record.box else None,
            "dcterms:temporal": _period(record) if record.start or record.end else None,
            "prov:wasDerivedFrom": [_reference(source) for source in record.sources],
            "dcat:distribution": [_distribution(file) for file in record.files],
        }
    )


def _doi(record: Record) -> dict[str, Any]:
    return {"@type": "adms:Identifier", "skos:notation": _typed(record.doi_url, "xsd:anyURI")}


def _agent(agent: Agent) -> dict[str, Any]:
    homepage = _reference(agent.url)
    return told({"@type": "foaf:Agent", "foaf:name": agent.name, "foaf:homepage": homepage})


def _places(box: BBox) -> list[dict[str, Any]]:
    return [
        {"@type": "dcterms:Location", "dcat:bbox": _typed(_wkt(west, box, east), "gsp:wktLiteral")}
        for west, east in box.spans
    ]


def _wkt(west: float, box: BBox, east: float) -> str:
    w, s, e, n = map(degrees, (west, box.south, east, box.north))
    return f"POLYGON(({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s}))"


def _period(record: Record) -> dict[str, Any]:
    start, end = (rfc3339(x) if x else "" for x in (record.start, record.end))
    return told(
        {
            "@type": "dcterms:PeriodOfTime",
            "dcat:startDate": _typed(start, "xsd:dateTime"),
            "dcat:endDate": _typed(end, "xsd:dateTime"),
        }
    )


def _distribution(file: File) -> dict[str, Any]:
    size = "" if file.size is None else str(file.size)
    return told(
        {
            "@type": "dcat:Distribution",
            "dcterms:title": file.title or file.name,
            "dcat:accessURL": _reference(file.url),
            "dcat:downloadURL": _reference(file.url),
            "dcterms:format": _labelled("dcterms:MediaTypeOrExtent", file.media_type),
            "dcat:byteSize": _typed(size, "xsd:nonNegativeInteger"),
            "spdx:checksum": [
                {
                    "@type": "spdx:Checksum",
                    "spdx:algorithm": {"@id": f"spdx:checksumAlgorithm_{kind}"},
                    "spdx:checksumValue": _typed(value, "xsd:hexBinary"),
                }
                for kind, value in (("sha256", file.sha256), ("md5", file.md5))
                if value
            ],
        }
    )


def _typed(value: str, kind: str) -> dict[str, str]:
    return {"@value": value, "@type": kind} if value else {}


def _reference(address: str) -> dict[str, str]:
    return {"@id": address} if address else {}


def _labelled(kind: str, label: str) -> dict[str, str]:
    return {"@type": kind, "rdfs:label": label} if label else {}
