"""A record as the formats need it: each of its fields read by itself, a bad one left out.

Records come from outside. Texts lose what no file can hold (control characters, halves of
characters); an address is an absolute URL of a kind that others can follow, without a password in
it: paths of this machine, and what only looks like a URL, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from portal.core.item import Item
from portal.core.query import BBox, Interval, parse_time
from portal.core.variable import Variable
from portal.errors import PortalError

T = TypeVar("T")

SPDX = "https://spdx.org/licenses/"
_URN = "urn:portal:"
#: What drivers write as the time of a record that has none.
_NEVER = "1970-01-01T00:00:00Z"
_BAD_FIELD = (PortalError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_URL = re.compile(r"(?:https?|ftps?|s3|gs|abfss?|az|globus)://[^\s<>\"{}|\\^`]+", re.IGNORECASE)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_YEAR = re.compile(r"\((\d{4})[a-z]?\)")
_SPDX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_LANDING = ("about", "canonical", "alternate", "via", "describedby", "self")
_DIGESTS = {"sha256": ("1220", 64), "md5": ("d50110", 32)}


@dataclass(frozen=True, slots=True)
class Agent:
    """A person or an organisation, which STAC does not tell apart."""

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
    interval = _or(lambda: item.interval, None) or Interval(None, None)
    citation = text(properties.get("sci:citation"))
    published, updated, created = (
        _moment(properties.get(key)) for key in ("published", "updated", "created")
    )
    told = _YEAR.search(citation)
    licence = text(properties.get("license")) or text(document.get("license")) or "other"
    return Record(
        id=text(item.id),
        urn=_urn(item.id),
        title=text(properties.get("title")) or text(item.local_id) or item.facility,
        description=text(properties.get("description")),
        keywords=tuple(dict.fromkeys(_texts(properties.get("keywords")))),
        licence=licence,
        licence_url=_spdx(licence) or next(_hrefs(links, "license"), ""),
        doi=_doi(properties.get("sci:doi")),
        citation=citation,
        box=_or(lambda: item.bbox, None),
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


def text(value: Any) -> str:
    """Return a text without what cannot be written; empty for anything else."""
    return _UNPRINTABLE.sub("", value).strip() if isinstance(value, str) else ""


def line(value: str) -> str:
    """Return a text on one line."""
    return " ".join(value.split())


def web(value: Any) -> str:
    """Return an absolute URL that others can follow and that any RDF can hold, else empty."""
    told = value.strip() if isinstance(value, str) else ""
    if not _URL.fullmatch(told) or _UNPRINTABLE.search(told) or _BAD_PERCENT.search(told):
        return ""
    try:
        parts = urlsplit(told)
    except ValueError:
        return ""
    return told if parts.netloc and "@" not in parts.netloc else ""


def rfc3339(moment: datetime) -> str:
    """Write a time of UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def _or(get: Callable[[], T], otherwise: T) -> T:
    try:
        return get()
    except _BAD_FIELD:
        return otherwise


def _texts(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else ():
        if told := text(one):
            yield told


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _moment(value: Any) -> str:
    return _or(lambda: rfc3339(parse_time(value)) if isinstance(value, str) else "", "")


def _doi(value: Any) -> str:
    told = re.sub(r"^(?:https?://(?:dx\.)?doi\.org/|doi:)", "", text(value), flags=re.IGNORECASE)
    return told if _DOI.fullmatch(told) else ""


def _spdx(licence: str) -> str:
    """Return the address of a single SPDX licence; of an expression and of other words, nothing."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if not _SPDX_ID.fullmatch(licence) or licence.startswith("LicenseRef-"):
        return ""
    try:
        return SPDX + canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        return ""


def _urn(item_id: str) -> str:
    return _URN + quote(item_id, safe=":/()+,-.=@;$_!*", errors="surrogatepass")


def _hrefs(links: list[dict[str, Any]], rel: str) -> Iterator[str]:
    yield from (href for x in links if x.get("rel") == rel and (href := web(x.get("href"))))


def _sources(links: list[dict[str, Any]]) -> Iterator[str]:
    for href in (text(x.get("href")) for x in links if x.get("rel") == "derived_from"):
        held = href.removeprefix(_URN)
        if found := web(href) if held == href else _urn(held):
            yield found


def _agents(value: Any) -> Iterator[Agent]:
    for one in value if isinstance(value, list) else ():
        told = _mapping(one)
        if name := line(text(told.get("name"))):
            yield Agent(name, tuple(_texts(told.get("roles"))), web(told.get("url")))


def _variables(value: Any) -> Iterator[Variable]:
    for name, one in _mapping(value).items():
        told = _mapping(one)
        if clean := line(text(name)):
            yield Variable(
                clean,
                tuple(_texts(told.get("dimensions"))),
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
        name = f"{name}-{len(names) + 1}" if name in names else name
        names.add(name)
        size = told.get("file:size")
        columns = told.get("table:columns")
        if columns is None and len(assets) == 1:
            columns = properties.get("table:columns")
        digest = text(told.get("file:checksum")).lower()
        digests = {kind: _digest(digest, *form) for kind, form in _DIGESTS.items()}
        yield File(
            name=name,
            url=url,
            title=line(text(told.get("title"))),
            media_type=line(text(told.get("type"))),
            size=size if type(size) is int and size >= 0 else None,
            columns=tuple({column[0]: column for column in _columns(columns)}.values()),
            **digests,
        )


def _digest(told: str, prefix: str, length: int) -> str:
    """Read a multihash (STAC file extension 2.1; https://github.com/multiformats/multihash)."""
    return m[1] if (m := re.fullmatch(f"{prefix}([0-9a-f]{{{length}}})", told)) else ""


def _columns(value: Any) -> Iterator[tuple[str, str, str]]:
    for one in value if isinstance(value, list) else ():
        told = _mapping(one)
        if name := line(text(told.get("name"))):
            yield name, text(told.get("description")), text(told.get("type"))
