"""Export: records in the words of other systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from portal.core.item import Item
from portal.errors import InvalidInput
from portal.export import bibtex, croissant, dcat, ro_crate, schema_org, stac

_JSON_LD = "application/ld+json"


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, and what is needed to serve or to keep a document of it.

    Parameters
    ----------
    suffix
        What a file's name ends with, with its dot.
    write
        Makes the document of records.
    """

    name: str
    title: str
    media_type: str
    suffix: str
    write: Callable[[Sequence[Item]], str]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        f.name: f
        for f in (
            Format("stac", "STAC 1.1", "application/geo+json", ".json", stac.export),
            Format("croissant", "Croissant 1.0", _JSON_LD, ".json", croissant.export),
            Format("dcat", "DCAT 3", _JSON_LD, ".jsonld", dcat.export),
            Format("schema.org", "schema.org Dataset", _JSON_LD, ".jsonld", schema_org.export),
            Format("ro-crate", "RO-Crate 1.1", _JSON_LD, ".json", ro_crate.export),
            Format("bibtex", "BibTeX", "application/x-bibtex", ".bib", bibtex.export),
        )
    }
)


def export(items: Sequence[Item], format: str) -> str:
    """Write records in a format.

    Raises
    ------
    InvalidInput
        The format is none of :data:`FORMATS`.
    """
    if format not in FORMATS:
        raise InvalidInput(
            "Records cannot be exported so",
            found=f"format={format!r}",
            advice=f"Take one of {', '.join(FORMATS)}.",
        )
    unique = {item.id: item for item in reversed(items)}
    return FORMATS[format].write(list(reversed(unique.values())))
