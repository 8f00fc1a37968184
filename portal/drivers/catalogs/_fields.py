"""Fields of foreign records, read forgivingly: what is not of the expected kind is left out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.core.asset import Asset
from portal.core.query import BBox, Interval, parse_time
from portal.drivers.catalogs._access import form_of
from portal.errors import InvalidItem, InvalidQuery

LONGEST_TEXT = 20_000
MOST_VALUES = 200
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+")
_CC = re.compile(r"creativecommons\.org/licenses/(by(?:-(?:nc|nd|sa))*)/(\d\.\d)", re.IGNORECASE)
_ZERO = re.compile(r"creativecommons\.org/publicdomain/zero/1\.0", re.IGNORECASE)
_SPDX = {
    name.casefold(): name
    for name in (
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-1.0", "CC-BY-2.0",
        "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-3.0",
        "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-3.0", "CC-BY-ND-4.0",
        "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0", "GPL-2.0-only", "GPL-3.0-only", "ISC", "MIT",
        "MPL-2.0", "ODbL-1.0", "ODC-By-1.0", "OGL-UK-1.0", "OGL-UK-2.0", "OGL-UK-3.0", "PDDL-1.0",
    )
}  # fmt: skip
_URLS = {
    "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0",
    "opendatacommons.org/licenses/odbl/1.0": "ODbL-1.0",
    "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
    "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0",
    "opendatacommons.org/licenses/pddl/1.0": "PDDL-1.0",
    "nationalarchives.gov.uk/doc/open-government-licence/version/3": "OGL-UK-3.0",
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "opensource.org/licenses/mit": "MIT",
}
#: Media types of the formats that catalogs name by a word.
_MEDIA = {
    "netcdf": "application/netcdf", "netcdf4": "application/netcdf", "netcdf-4": "application/netcdf",
    "nc": "application/netcdf", "zarr": "application/vnd.zarr", "hdf5": "application/x-hdf5",
    "hdf": "application/x-hdf5", "grib": "application/x-grib", "grib2": "application/x-grib2",
    "geotiff": "image/tiff; application=geotiff", "csv": "text/csv", "json": "application/json",
    "pdf": "application/pdf", "html": "text/html", "xml": "application/xml",
    "zip": "application/zip",
}  # fmt: skip


def text(value: Any) -> str:
    """Read a text, a number, or the texts of a list; anything else is empty."""
    if isinstance(value, dict):
        value = value.get("@value", value.get("value"))
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(text, value[:MOST_VALUES])))[:LONGEST_TEXT]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    clean = str(value).encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in clean if c.isprintable() or c in "\n\t").strip()[:LONGEST_TEXT]


def title(value: Any, name: str) -> str:
    """Read a title, in one line.

    Raises
    ------
    InvalidItem
        It is no text, or an empty one.
    """
    found = " ".join(text(value).split()) if isinstance(value, str) else ""
    if not found:
        raise InvalidItem(
            "A record has a title", found=f"{name}={value!r}"[:120], advice="Tell its service."
        )
    return found


def identifier(value: Any, name: str) -> str:
    """Read an id: a text or a whole number.

    Raises
    ------
    InvalidItem
        It is none, or has odd characters.
    """
    found = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not found or not found.isprintable() or len(found) > 1_000:
        raise InvalidItem(
            "A record has an id", found=f"{name}={value!r}"[:120], advice="Tell its service."
        )
    return found


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts, or one text as such a list; doubles are left out."""
    values = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(filter(None, map(text, values[:MOST_VALUES]))))


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Give the mappings of a list, or the one mapping that stands instead of a list."""
    values = value if isinstance(value, list) else [value]
    yield from (v for v in values[:MOST_VALUES] if isinstance(v, dict))


def number(value: Any) -> float | None:
    """Read a finite number, also one that is written as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def size(value: Any, unit: float = 1) -> int | None:
    """Read a number of bytes, given in units of so many."""
    found = number(value)
    return int(found * unit) if found is not None and found >= 0 else None


def web(value: Any) -> str:
    """Read a web address; others, such as ``javascript:``, are empty."""
    found = text(value)
    plain = found.lower().startswith(("http://", "https://")) and not re.search(r"[\s<>\"]", found)
    return found if plain else ""


def stored(value: Any) -> str:
    """Read where data lies: a web address or one of an object store."""
    found = text(value)
    plain = found.lower().startswith(("s3://", "gs://")) and not re.search(r"[\s<>\"]", found)
    return found if plain else web(value)


def doi(value: Any) -> str:
    """Find a DOI in a text."""
    found = _DOI.search(value) if isinstance(value, str) else None
    return found[0].rstrip(".,;)") if found else ""


def licence(*values: Any) -> str:
    """Return the SPDX id that the first of the values that is sure about it means, or "other"."""
    for value in values:
        found = text(value)
        if known := _SPDX.get(found.casefold().removeprefix("https://spdx.org/licenses/")):
            return known
        if _ZERO.search(found):
            return "CC0-1.0"
        if (match := _CC.search(found)) and (
            known := _SPDX.get(f"cc-{match[1]}-{match[2]}".casefold())
        ):
            return known
        for url, name in _URLS.items():
            if url in found.casefold():
                return name
    return "other"


def moment(value: Any) -> str:
    """Read a date or a time as RFC 3339; empty where it is none."""
    try:
        found = parse_time(value) if isinstance(value, str) else None
    except InvalidQuery:
        return ""
    return found.isoformat().replace("+00:00", "Z") if found else ""


def millis(value: Any) -> str:
    """Read milliseconds since 1970 as RFC 3339; empty where they are none."""
    found = number(value)
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=found or 0)
    except OverflowError:
        return ""
    return "" if found is None else when.isoformat(timespec="seconds").replace("+00:00", "Z")


def period(value: Any, until: str = "") -> Interval | None:
    """Read "2003/2010", "2003-07", or a pair of dates; an open end is closed at ``until``."""
    if isinstance(value, list | tuple):
        value = "/".join(str(v) for v in value if v)
    if not isinstance(value, str) or not value.strip() or value.strip() in ("/", "../.."):
        return None
    try:
        found = Interval.of(value.strip())
        if found.end is None and until:
            found = Interval(found.start, parse_time(until, end=True))
    except InvalidQuery:
        return None
    return found if found.start and found.end else None


def box(west: Any, south: Any, east: Any, north: Any) -> BBox | None:
    """Read a box in degrees; longitudes from 0 to 360 are brought to -180 to 180."""
    w, s, e, n = (number(v) for v in (west, south, east, north))
    if w is None or s is None or e is None or n is None:
        return None
    if (e > 180 or w < -180) and -360 <= w <= e <= 360:
        whole = e - w >= 355
        w, e = (-180.0, 180.0) if whole else ((x + 180) % 360 - 180 for x in (w, e))
    try:
        return BBox(w, s, e, n)
    except InvalidQuery:
        return None


def around(boxes: list[BBox]) -> BBox | None:
    """Return the box around others; those across the antimeridian widen it to the whole globe."""
    if len(boxes) < 2:
        return boxes[0] if boxes else None
    across = any(b.west > b.east for b in boxes)
    west = -180.0 if across else min(b.west for b in boxes)
    east = 180.0 if across else max(b.east for b in boxes)
    return BBox(west, min(b.south for b in boxes), east, max(b.north for b in boxes))


def geojson_box(value: Any) -> BBox | None:
    """Return the box around a GeoJSON geometry."""
    if not isinstance(value, dict):
        return None
    points = list(_points(value.get("coordinates"), 0))[:100_000]
    if not points:
        return None
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return box(min(xs), min(ys), max(xs), max(ys))


def _points(value: Any, depth: int) -> Iterator[tuple[float, float]]:
    if not isinstance(value, list) or depth > 5:
        return
    if len(value) >= 2 and (x := number(value[0])) is not None:
        if (y := number(value[1])) is not None:
            yield x, y
        return
    for part in value:
        yield from _points(part, depth + 1)


def link(rel: str, href: str, **more: str) -> dict[str, str]:
    """Make a STAC link."""
    return {"rel": rel, "href": href} | {k: v for k, v in more.items() if v}


def links(landing: Any = "", doi_: str = "", **others: Any) -> list[dict[str, str]]:
    """Make the links of a record: its landing page, its DOI, and others by relation."""
    found = [link("about", page, title="Landing page")] if (page := web(landing)) else []
    if doi_:
        found.append(link("cite-as", f"https://doi.org/{doi_}"))
    found += [link(rel, page) for rel, href in others.items() if (page := web(href))]
    return found


def asset(href: str, *, name: str = "", media: str = "", bytes_: int | None = None) -> Asset:
    """Make an asset; its role is "data" where Portal opens what it is, else "file".

    Parameters
    ----------
    media
        A media type, or the word by which a catalog names a format, such as "NetCDF".
    """
    kind = _MEDIA.get(media.strip().casefold(), media.strip() if "/" in media else "")
    found = Asset(href, title=name, media_type=kind, size=bytes_)
    return replace(found, roles=("data" if form_of(found) else "file",))


def assets(found: list[Asset]) -> dict[str, Asset]:
    """Name assets: those with data first, the first of them ``data``."""
    ordered = sorted(found, key=lambda a: "data" not in a.roles)
    names = ("data" if "data" in a.roles else "file" for a in ordered)
    named: dict[str, Asset] = {}
    for name, one in zip(names, ordered, strict=True):
        count = sum(n == name or n.startswith(f"{name}-") for n in named)
        named[f"{name}-{count + 1}" if count else name] = one
    return named


def cite(authors: tuple[str, ...], year: str, name: str, publisher: str, doi_: str) -> str:
    """Write a citation from its parts, as DataCite recommends: creators (year): title. publisher."""
    people = "; ".join(authors[:20]) + (" et al." if len(authors) > 20 else "")
    parts = [
        f"{people} ({year}): {name}" if people and year else f"{people or year} {name}".strip()
    ]
    parts += [publisher, f"https://doi.org/{doi_}" if doi_ else ""]
    return ". ".join(p for p in parts if p)
