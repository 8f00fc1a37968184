"""A record as the formats need it: each of its fields read by itself, a bad one left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from portal.core.item import Item
from portal.core.query import BBox, Interval
from portal.core.variable import Variable
from portal.export._values import (
    URN,
    digest,
    doi,
    line,
    mapping,
    moment,
    or_else,
    spdx,
    text,
    texts,
    urn,
    web,
)

#: What drivers write as the time of a record that has none.
_NEVER = "1970-01-01T00:00:00Z"
_YEAR = re.compile(r"\(((?:1[6-9]|20)\d\d)[a-z]?\)", re.ASCII)
_LANDING = ("about", "canonical", "alternate", "via", "describedby", "self")
_DIGESTS = {"sha256": ("1220", 64), "md5": ("d50110", 32)}


@dataclass(frozen=True, slots=True)
class Agent:
    """A provider: an organisation by STAC's definition, though catalogs put persons there too."""

    name: str
    roles: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file or store that others can reach.

    Parameters
    ----------
    sha256, md5
        Hexadecimal, where the record tells it; else empty.
    columns
        Name, description and type of each column of a table (STAC: ``table:columns``).
    """

    name: str
    url: str
    title: str = ""
    media_type: str = ""
    size: int | None = None
    sha256: str = ""
    md5: str = ""
    columns: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What a record says, as values that can be written; empty or None where it says nothing.

    Parameters
    ----------
    urn
        The id as an absolute URI, ``urn:portal:facility:local-id``, as lineage links write it.
    licence_url
        SPDX's address of the licence, else the page that the record's own link leads to.
    start, end
        When the data lies.
    published, updated, created
        RFC 3339: when the data was published, when the record was changed, when it was made (STAC:
        ``published``, ``updated``, ``created``).
    year
        Four digits: of the publication, else in the citation. Not of ``created``: STAC's is the
        record's own.
    landing
        The page or document that describes it.
    sources
        What it was made from: URLs, and URNs of records.
    """

    id: str
    urn: str
    title: str
    description: str
    keywords: tuple[str, ...]
    licence: str
    licence_url: str
    doi: str
    citation: str
    box: BBox | None
    start: datetime | None
    end: datetime | None
    agents: tuple[Agent, ...]
    variables: tuple[Variable, ...]
    files: tuple[File, ...]
    landing: str
    published: str
    updated: str
    created: str
    year: str
    version: str
    sources: tuple[str, ...]

    @property
    def doi_url(self) -> str:
        """The DOI as an address."""
        return f"https://doi.org/{quote(self.doi, safe='/:;().,+@!$&*=~')}" if self.doi else ""

    @property
    def page(self) -> str:
        """The page that describes it, else the DOI's address."""
        return self.landing or self.doi_url

    def by_role(self, *roles: str) -> tuple[Agent, ...]:
        """Return the agents that have the first of the roles that anybody has."""
        for role in roles:
            if found := tuple(a for a in self.agents if role in a.roles):
                return found
        return ()

    @property
    def creators(self) -> tuple[Agent, ...]:
        """Who made the data."""
        return self.by_role("producer")

    @property
    def publishers(self) -> tuple[Agent, ...]:
        """Who offers the data."""
        return self.by_role("host", "licensor")


def read(item: Item) -> Record:
    """Read what the formats need of a record."""
    document = item.to_stac()
    properties, assets = document["properties"], document["assets"]
    links = [x for x in document["links"] if isinstance(x, dict)]
    interval = or_else(lambda: item.interval, None) or Interval(None, None)
    citation = text(properties.get("sci:citation"))
    published, updated, created = (
        moment(properties.get(key)) for key in ("published", "updated", "created")
    )
    told = _YEAR.search(citation)
    licence = text(properties.get("license")) or text(document.get("license")) or "other"
    return Record(
        id=text(item.id),
        urn=urn(item.id),
        title=text(properties.get("title")) or text(item.local_id) or item.facility,
        description=text(properties.get("description")),
        keywords=tuple(dict.fromkeys(texts(properties.get("keywords")))),
        licence=licence,
        licence_url=spdx(licence) or next(_hrefs(links, "license"), ""),
        doi=doi(properties.get("sci:doi")),
        citation=citation,
        box=or_else(lambda: item.bbox, None),
        start=interval.start,
        end=interval.end,
        agents=tuple(_agents(properties.get("providers"))),
        variables=tuple(_variables(properties.get("cube:variables"))),
        files=tuple(_files(assets, properties)),
        landing=next((href for rel in _LANDING for href in _hrefs(links, rel)), ""),
        published=published,
        updated=updated,
        created="" if created == _NEVER else created,
        year=published[:4] or (told[1] if told else ""),
        version=text(properties.get("version")),
        sources=tuple(dict.fromkeys(_sources(links))),
    )


def _hrefs(links: list[dict[str, Any]], rel: str) -> Iterator[str]:
    yield from (href for x in links if x.get("rel") == rel and (href := web(x.get("href"))))


def _sources(links: list[dict[str, Any]]) -> Iterator[str]:
    for href in (text(x.get("href")) for x in links if x.get("rel") == "derived_from"):
        held = href.removeprefix(URN)
        if found := web(href) if held == href else urn(held):
            yield found


def _agents(value: Any) -> Iterator[Agent]:
    for one in value if isinstance(value, list) else ():
        told = mapping(one)
        if name := line(text(told.get("name"))):
            yield Agent(name, tuple(texts(told.get("roles"))), web(told.get("url")))


def _variables(value: Any) -> Iterator[Variable]:
    for name, one in mapping(value).items():
        told = mapping(one)
        if clean := line(text(name)):
            yield Variable(
                clean,
                tuple(texts(told.get("dimensions"))),
                text(told.get("description")),
                text(told.get("standard_name")),
                text(told.get("unit")),
                text(told.get("data_type")),
            )


def _files(assets: dict[str, Any], properties: dict[str, Any]) -> Iterator[File]:
    names: set[str] = set()
    for key, told in assets.items():
        if not (url := web(told.get("href"))):
            continue
        name = line(text(key)) or "file"
        while name in names:
            name += "-2"
        names.add(name)
        size = told.get("file:size")
        columns = told.get("table:columns")
        if columns is None and len(assets) == 1:
            columns = properties.get("table:columns")
        checksum = text(told.get("file:checksum")).lower()
        digests = {kind: digest(checksum, *form) for kind, form in _DIGESTS.items()}
        yield File(
            name=name,
            url=url,
            title=line(text(told.get("title"))),
            media_type=line(text(told.get("type"))),
            size=size if type(size) is int and size >= 0 else None,
            columns=tuple({column[0]: column for column in _columns(columns)}.values()),
            **digests,
        )


def _columns(value: Any) -> Iterator[tuple[str, str, str]]:
    for one in value if isinstance(value, list) else ():
        told = mapping(one)
        if name := line(text(told.get("name"))):
            yield name, text(told.get("description")), text(told.get("type"))
