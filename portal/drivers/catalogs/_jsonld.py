"""schema.org's Dataset in JSON-LD, as data repositories write it: found in pages, read as records.

The terms are those of https://schema.org/Dataset, used as
https://github.com/ESIPFed/science-on-schema.org recommends. Contexts are never fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from portal.core.asset import Asset, Provider
from portal.core.item import Item
from portal.core.query import BBox, Interval
from portal.core.variable import Variable
from portal.drivers.catalogs import _fields as read
from portal.errors import Unreadable

_JSON_LD = "application/ld+json"
_NAME = re.compile(r"[A-Za-z_]\w{0,80}", re.ASCII)
_DEEPEST = 8


def datasets(content: bytes, address: str) -> list[dict[str, Any]]:
    """Find the Dataset objects of a JSON-LD document or of a page that holds some.

    Raises
    ------
    Unreadable
        It is neither, or what it holds is no JSON.
    """
    text = content.decode("utf-8-sig", "replace")
    documents = [text] if text.lstrip()[:1] in ("{", "[") else _scripts(text)
    try:
        found = [o for t in documents for o in _of_type(json.loads(t, strict=False), 0)]
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"The JSON-LD of {address} is damaged", found=str(error)[:200], advice="Tell its owner."
        ) from error
    if not documents:
        raise Unreadable(
            f"{address} holds no JSON-LD",
            found="no script of the type application/ld+json",
            advice="Take it out of urls, or ask its owner to add a description of the dataset.",
        )
    return found


def _scripts(text: str) -> list[str]:
    class Scripts(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.inside = False
            self.texts: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            kind = (dict(attrs).get("type") or "").partition(";")[0].strip().lower()
            self.inside = tag == "script" and kind == _JSON_LD
            if self.inside:
                self.texts.append("")

        def handle_endtag(self, tag: str) -> None:
            self.inside = False

        def handle_data(self, data: str) -> None:
            if self.inside:
                self.texts[-1] += data

    parser = Scripts()
    parser.feed(text)
    parser.close()
    return [t for t in parser.texts if t.strip()]


def _of_type(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        return
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            continue
        kinds = (re.split(r"[/#:]", k)[-1] for k in read.texts(one.get("@type")))
        if "Dataset" in kinds:
            yield one
        else:
            for key in ("@graph", "dataset", "mainEntity", "itemListElement", "item"):
                if key in one:
                    yield from _of_type(one[key], depth + 1)


def item_of(
    document: dict[str, Any], facility: str, *, local_id: str, landing: str, created: str = ""
) -> Item:
    """Read a Dataset as a record.

    Parameters
    ----------
    landing
        The page that describes it.
    created
        RFC 3339: when it was uploaded or changed, where it has no date of its own.

    Raises
    ------
    InvalidItem
        It has no name.
    """
    name = read.title(document.get("name"), "name")
    doi = dataset_doi(document)
    people = tuple(_people(document.get("creator") or document.get("author")))
    publisher = next(_people(document.get("publisher")), "") or read.text(document.get("providerName"))  # fmt: skip
    host = publisher or next(_people(document.get("provider")), "")
    published = read.moment(document.get("datePublished"))
    changed = read.moment(document.get("dateModified"))
    found = list(_distributions(document.get("distribution")))
    has_data = any("data" in a.roles for a in found)
    variables, phrases = _measured(document.get("variableMeasured"), has_data)
    funders = list(_people(document.get("funder")))
    licence = (v.get("url") or v.get("@id") or v.get("name") if isinstance(v, dict) else v for v in _each(document.get("license")))  # fmt: skip
    return Item.build(
        facility,
        local_id,
        title=name,
        description=read.text(document.get("description")),
        bbox=_place(document.get("spatialCoverage")),
        time=_time(document.get("temporalCoverage"), changed or published),
        created=published or changed or created or "1970-01-01T00:00:00Z",
        variables=variables,
        keywords=dict.fromkeys((*_keywords(document.get("keywords")), *phrases)),
        license=read.licence(*licence),
        providers=[
            *(Provider(f, description="Funder") for f in dict.fromkeys(funders)),
            *([Provider(host, ("host",))] if host else []),
        ],
        doi=doi,
        citation=read.text(document.get("citation")) if isinstance(document.get("citation"), str)
        else read.cite(people, published[:4], name, publisher, doi),
        links=read.links(landing, doi),
        assets=read.assets(found),
    )  # fmt: skip


def dataset_doi(document: dict[str, Any]) -> str:
    """Find the DOI of a Dataset: in its identifier, its @id or its sameAs."""
    values = [
        *_each(document.get("identifier")),
        document.get("@id"),
        *_each(document.get("sameAs")),
    ]
    for value in values:
        told = (value.get("value") or value.get("@id") or value.get("url")) if isinstance(value, dict) else value  # fmt: skip
        if found := read.doi(told):
            return found
    return ""


def _each(value: Any) -> list[Any]:
    return value[: read.MOST_VALUES] if isinstance(value, list) else [value]


def _people(value: Any) -> Iterator[str]:
    for one in _each(value):
        if isinstance(one, dict):
            names = (one.get("familyName"), one.get("givenName"))
            full = ", ".join(filter(None, map(read.text, names)))
            told = read.text(one.get("name")) or full
        else:
            told = read.text(one)
        if told:
            yield told


def _keywords(value: Any) -> Iterator[str]:
    for one in _each(value):
        told = read.text(one.get("name") if isinstance(one, dict) else one)
        parts = told.split(",") if not isinstance(value, list) else [told]
        yield from (p.strip() for p in parts if p.strip())


def _measured(value: Any, has_data: bool) -> tuple[list[Variable], list[str]]:
    """Variables, and words for those whose names need not be those in the data."""
    variables: dict[str, Variable] = {}
    phrases = []
    for one in _each(value):
        told = one if isinstance(one, dict) else {"name": one}
        name = read.text(told.get("name"))
        if not name:
            continue
        if has_data and not _NAME.fullmatch(name):
            phrases.append(name)
            continue
        about = read.text(told.get("alternateName")) or read.text(told.get("description"))
        units = read.text(told.get("unitText"))
        variables[name] = Variable(name, (), "" if has_data else about[:200], units=units)
    return list(variables.values()), phrases


def _place(value: Any) -> BBox | None:
    boxes = []
    for place in _each(value):
        if isinstance(place, dict):
            shapes = [s for s in _each(place.get("geo")) if isinstance(s, dict)]
            boxes += [b for s in shapes if (b := _shape(s)) is not None]
            if corners := read.around([b for s in shapes if (b := _point(s)) is not None]):
                boxes.append(corners)
    return read.around(boxes)


def _shape(shape: dict[str, Any]) -> BBox | None:
    """Read a GeoShape: "south west north east" in ``box``, pairs of these in ``polygon``/``line``."""
    for key in ("box", "polygon", "line"):
        found = re.findall(r"-?\d+(?:\.\d+)?", read.text(shape.get(key)))
        if len(found) >= 4 and len(found) % 2 == 0:
            ys, xs = [float(y) for y in found[::2]], [float(x) for x in found[1::2]]
            if key == "box" and len(found) == 4:
                return read.box(xs[0], ys[0], xs[1], ys[1])
            return read.box(min(xs), min(ys), max(xs), max(ys))
    return None


def _point(shape: dict[str, Any]) -> BBox | None:
    x, y = shape.get("longitude"), shape.get("latitude")
    return read.box(x, y, x, y)


def _time(value: Any, until: str) -> Interval | None:
    for one in _each(value):
        ends = [one.get("startDate"), one.get("endDate") or one.get("startDate")] if isinstance(one, dict) else one  # fmt: skip
        if found := read.period(ends, until):
            return found
    return None


def _distributions(value: Any) -> Iterator[Asset]:
    for one in read.dicts(value):
        if href := read.stored(one.get("contentUrl")):
            media = read.texts(one.get("encodingFormat") or one.get("fileFormat"))
            name = read.text(one.get("name"))
            yield read.asset(href, name=name, media=media[0] if media else "")
