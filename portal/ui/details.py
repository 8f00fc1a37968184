"""A record as the faces show it: what is known of it, how to cite it, how to get it, whence it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from portal.core.facility import Facility
from portal.core.item import Item
from portal.errors import PortalError

#: A record's own fields may be anything: what reading one of them can raise.
BAD_FIELD = (PortalError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

#: Relations of links that lead to how the data is had, and what a face calls them.
ACCESS = {
    "about": "About",
    "describedby": "Description",
    "license": "Licence",
    "cite-as": "Citation",
    "via": "Original record",
    "alternate": "Other form",
    "canonical": "Original record",
    "self": "Record",
}
LINEAGE = ("derived_from", "predecessor-version", "latest-version", "prev", "source")
_URN = "urn:portal:"


def or_else(read: Callable[[], Any], otherwise: Any) -> Any:
    """Read a field of a record; a bad one is as if it were missing."""
    try:
        return read()
    except BAD_FIELD:
        return otherwise


def described(item: Item) -> dict[str, Any]:
    """What a hit and an item's details share."""
    box = or_else(lambda: item.bbox, None)
    interval = or_else(lambda: item.interval, None)
    start, end = (interval.start, interval.end) if interval else (None, None)
    return {
        "id": item.id,
        "title": item.title,
        "description": item.description,
        "facility": item.facility,
        "bbox": None if box is None else box.to_list(),
        "start": None if start is None else start.isoformat(),
        "end": None if end is None else end.isoformat(),
        "keywords": or_else(lambda: list(item.keywords), []),
        "license": item.license,
    }


def details(item: Item, facility: Facility) -> dict[str, Any]:
    """Return all that a record says, as JSON values; its data is not touched."""
    from portal.export import export

    return described(item) | {
        "facility_name": facility.name,
        "providers": or_else(
            lambda: [
                {"name": p.name, "roles": list(p.roles), "url": p.url} for p in item.providers
            ],
            [],
        ),
        "citation": item.citation,
        "doi": item.doi or None,
        "variables": _variables(item),
        "dimensions": _dimensions(item),
        "assets": _assets(item),
        "bytes": or_else(lambda: item.stored_bytes, None),
        "decoded": or_else(lambda: item.decoded_bytes, None),
        "bibtex": or_else(lambda: export([item], "bibtex"), ""),
        "access": or_else(lambda: list(_access(item, facility)), []),
        "lineage": or_else(lambda: list(_lineage(item)), []),
    }


def _variables(item: Item) -> list[dict[str, Any]]:
    sizes = or_else(lambda: {d.name: d.size for d in item.dimensions}, {})
    found: list[dict[str, Any]] = or_else(
        lambda: [
            {
                "name": v.name,
                "long_name": v.long_name,
                "standard_name": v.standard_name,
                "units": v.units,
                "dims": list(v.dims),
                "shape": [sizes.get(d) for d in v.dims],
            }
            for v in item.variables
        ],
        [],
    )
    return found


def _dimensions(item: Item) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = or_else(
        lambda: [
            {
                "name": d.name,
                "kind": d.kind,
                "size": d.size,
                "extent": None if d.extent is None else [str(end) for end in d.extent],
                "unit": d.unit,
            }
            for d in item.dimensions
        ],
        [],
    )
    return found


def _assets(item: Item) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = or_else(
        lambda: [
            {
                "name": name,
                "href": asset.href,
                "title": str(asset.title),
                "type": str(asset.media_type),
                "roles": [str(role) for role in asset.roles],
                "size": asset.size,
            }
            for name, asset in item.assets.items()
        ],
        [],
    )
    return found


def _access(item: Item, facility: Facility) -> Iterator[dict[str, str]]:
    """Give pages that say how the data is had: the DOI's, the record's, the facility's."""
    seen: set[str] = set()
    if item.doi:
        seen.add(f"https://doi.org/{item.doi}")
        yield {"title": f"doi:{item.doi}", "href": f"https://doi.org/{item.doi}"}
    for link in item.links:
        href, rel = str(link.get("href") or ""), str(link.get("rel") or "")
        if rel in ACCESS and href.startswith(("https://", "http://")) and href not in seen:
            seen.add(href)
            yield {"title": str(link.get("title") or ACCESS[rel]), "href": href}
    if facility.homepage and facility.homepage not in seen:
        yield {"title": facility.name, "href": facility.homepage}


def _lineage(item: Item) -> Iterator[dict[str, str | None]]:
    """Give what the data was made from: records of the federation by their ids, others by links."""
    for link in item.links:
        href, rel = str(link.get("href") or ""), str(link.get("rel") or "")
        if rel not in LINEAGE:
            continue
        held = href.removeprefix(_URN) if href.startswith(_URN) else None
        page = href if href.startswith(("https://", "http://")) else None
        yield {
            "rel": rel,
            "title": str(link.get("title") or held or href),
            "id": held,
            "href": page,
        }
