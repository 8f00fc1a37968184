"""Croissant 1.0: datasets as those who train models on them take them.

The Croissant Format Specification 1.0 (http://mlcommons.org/croissant/1.0) describes one dataset a
document, with schema.org's terms and its own: so one record is a document, and any other number an
array of such documents, each complete.

A file is a FileObject. Where a record does not tell the checksum of every file, the dataset is
declared live, which is how the specification lets a checksum be absent: the bytes are then nobody's
promise. Record sets are made of the columns of tables that a record lists (STAC table extension 1.2,
``table:columns``), since an extraction by column is what the specification has. It has none for the
arrays of NetCDF, HDF5 or Zarr, so their variables are told in schema.org's ``variableMeasured``.
``citeAs`` is the BibTeX entry, as the specification would have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from portal.core.item import Item
from portal.export import schema_org
from portal.export._json import to_json, told
from portal.export._record import File, Record, read
from portal.export.bibtex import bibtex

#: The context that the specification gives, in its appendix and its examples.
_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: Final = (
    (re.compile(r"u?int(?:eger)?\d*"), "sc:Integer"),
    (re.compile(r"float\d*|double|number"), "sc:Float"),
    (re.compile(r"bool(?:ean)?"), "sc:Boolean"),
    (re.compile(r"datetime.*|timestamp.*"), "sc:DateTime"),
    (re.compile(r"date\d*"), "sc:Date"),
    (re.compile(r"str(?:ing)?|text|utf8|object"), "sc:Text"),
)
_TABLES: Final = ("text/csv", "text/tab-separated-values", "application/vnd.apache.parquet", "application/x-parquet")  # fmt: skip


def export(items: Sequence[Item]) -> str:
    """Write a dataset's document, or an array of any other number of them."""
    found = [_document(item, read(item)) for item in items]
    return to_json(found[0] if len(found) == 1 else found)


def _document(item: Item, record: Record) -> dict[str, Any]:
    described = schema_org.dataset(record) | told(
        {
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "description": record.description or record.title,
            "url": record.page or record.urn,
            "license": schema_org.licence(record) or record.licence,
            "citeAs": bibtex(item),
        }
    )
    described.pop("citation", None)
    described.pop("distribution", None)
    if any(not (file.sha256 or file.md5) for file in record.files):
        described["isLiveDataset"] = True
    if record.files:
        described["distribution"] = [_file(file) for file in record.files]
    if tables := list(_tables(record.files)):
        described["recordSet"] = tables
    return {"@context": _CONTEXT} | described


def _file(file: File) -> dict[str, Any]:
    sums = {"sha256": file.sha256} if file.sha256 else {"md5": file.md5}
    return told(
        {
            "@type": "cr:FileObject",
            "@id": _id("file", file.name),
            "name": file.title or file.name,
            "contentUrl": file.url,
            "contentSize": "" if file.size is None else f"{file.size} B",
            "encodingFormat": file.media_type or "application/octet-stream",
            **sums,
        }
    )


def _tables(files: Sequence[File]) -> Iterator[dict[str, Any]]:
    for file in files:
        if file.columns and file.media_type.partition(";")[0].strip().lower() in _TABLES:
            yield {
                "@type": "cr:RecordSet",
                "@id": _id("table", file.name),
                "name": file.title or file.name,
                "field": [_field(file, *column) for column in file.columns],
            }


def _field(file: File, name: str, description: str, kind: str) -> dict[str, Any]:
    return told(
        {
            "@type": "cr:Field",
            "@id": _id("table", file.name, name),
            "name": name,
            "description": description,
            "dataType": next((t for form, t in _TYPES if form.fullmatch(kind.lower())), "sc:Text"),
            "source": {
                "fileObject": {"@id": _id("file", file.name)},
                "extract": {"column": name},
            },
        }
    )


def _id(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)
