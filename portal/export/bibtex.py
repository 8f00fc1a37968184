r"""BibTeX: how to cite the data.

The entry is ``@misc``, the type that every style knows, with the fields of BibTeX
(Patashnik, BibTeXing, 1988: author, title, howpublished, year, note) and ``publisher``, ``version``,
``doi`` and ``url``, which BibLaTeX and most styles take. A producer is the author; its name stands
in braces of its own, so that an "and" or a comma in it does not part it. Characters that mean
something to TeX are escaped; a brace is written as a command, since BibTeX counts ``\{`` too. The
doi and url are taken as they are (BibLaTeX: verbatim), so characters they cannot hold are encoded.
Other characters are left as Unicode.

The key is the dataset's id; where that has characters that keys cannot, a part of it with a number
made of the id. So a key never depends on the other entries.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from portal.core.item import Item
from portal.export._record import Record, read
from portal.export._values import line

_PLAIN_KEY = re.compile(r"[a-z0-9_-]+:[a-z0-9._/+-]{1,80}")
_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "%$&#_"},
    }
)
_VERBATIM = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "{}\\"})


def export(items: Sequence[Item]) -> str:
    """Write one entry an item, in the order given, with an empty line between two."""
    return "\n".join(bibtex(item) for item in items)


def bibtex(item: Item) -> str:
    """Write a dataset's entry."""
    record = read(item)
    fields = {
        "author": " and ".join(f"{{{_tex(a.name)}}}" for a in record.creators),
        "title": f"{{{_tex(record.title)}}}",
        "howpublished": "Dataset",
        "publisher": _tex(", ".join(a.name for a in record.publishers)),
        "year": record.year,
        "version": _tex(record.version),
        "doi": record.doi.translate(_VERBATIM),
        "url": record.page.translate(_VERBATIM),
        "note": _note(record),
    }
    told = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{{_key(item.id)},\n" + ",\n".join(told) + "\n}\n"


def _note(record: Record) -> str:
    cite = f"Cite as: {line(record.citation)} " if record.citation else ""
    return _tex(f"{cite}Portal: {record.id}")


def _tex(text: str) -> str:
    return line(text).translate(_TEX)


def _key(item_id: str) -> str:
    if _PLAIN_KEY.fullmatch(item_id):
        return item_id
    facility, _, local = item_id.partition(":")
    slug = re.sub(r"[^a-z0-9]+", "-", local.lower())[:48].strip("-")
    number = hashlib.sha256(item_id.encode(errors="surrogatepass")).hexdigest()[:10]
    return f"{facility}:{slug}-{number}" if slug else f"{facility}:{number}"
