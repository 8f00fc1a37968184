"""Export: records in the words of other systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from portal.core.item import Item
from portal.errors import InvalidInput
from portal.export import bibtex


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
        for f in (Format("bibtex", "BibTeX", "application/x-bibtex", ".bib", bibtex.export),)
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
