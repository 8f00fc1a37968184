"""STAC Items and Collections of a service as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from portal.core.item import STAC_VERSION, Item

_NAVIGATION = frozenset({"self", "root", "parent", "collection", "items", "child", "data", "next"})
_DATA_TYPES = ("zarr", "netcdf", "hdf", "grib", "geotiff", "icechunk", "kerchunk")


def item_of(
    document: Mapping[str, Any], collection: Mapping[str, Any], facility: str, base: str = ""
) -> Item:
    """Hold an item of a service: its document, under an id that is unique in the facility.

    STAC's ids of items are unique within a collection only: the record's is ``collection/item``,
    and the property ``portal:stac_id`` keeps the item's own. What an item leaves to its collection
    (title, keywords, licence, providers) is filled in from there, as STAC has it, and a ``datetime``
    of null where the service left that out.

    Parameters
    ----------
    collection
        The document of its collection; empty where it has none.
    base
        The address from which relative ones are taken, where it is not the item's own link.
    """
    within = document.get("collection")
    name = f"{within}/{document['id']}" if within else document["id"]
    properties = {"datetime": None} | document["properties"]
    title = f"{collection.get('title') or within or 'Item'}: {document['id']}"
    inherited = {key: collection.get(key) for key in ("keywords", "license", "providers")}
    for key, value in ({"title": title} | inherited).items():
        if value and not properties.get(key):
            properties[key] = value
    links = list(document["links"])
    assets = _absolute(document["assets"], links, base)
    return _whole(document, facility, name, properties, assets, links)


def dataset_of(collection: Mapping[str, Any], facility: str, base: str = "") -> Item | None:
    """Hold a collection that has data of its own as a record; None for one that has none.

    A time without an end ends on the day of asking.
    """
    assets = collection.get("assets") or {}
    if not any(_is_data(asset) for asset in assets.values()):
        return None
    keys = ("title", "description", "keywords", "license", "providers")
    properties = {key: collection[key] for key in keys if collection.get(key)}
    properties |= {k: v for k, v in collection.items() if k.startswith(("cube:", "sci:"))}
    properties |= {"datetime": None} | _times(collection["extent"]["temporal"]["interval"][0])
    west, south, east, north = _box(collection["extent"]["spatial"]["bbox"][0])
    made = Item.build(
        facility, "x", title="x", bbox=(west, south, east, north), created="1970-01-01T00:00:00Z"
    ).to_stac()
    document = {
        "type": "Feature",
        "stac_version": collection.get("stac_version", STAC_VERSION),
        "stac_extensions": collection.get("stac_extensions", []),
        "id": collection["id"],
        "geometry": made["geometry"],
        "bbox": made["bbox"],
    }
    links = [x for x in collection["links"] if x.get("rel") not in _NAVIGATION and _plain(x)]
    found = _absolute(assets, collection["links"], base)
    return _whole(document, facility, collection["id"], properties, found, links)


def _whole(
    document: Mapping[str, Any],
    facility: str,
    name: str,
    properties: dict[str, Any],
    assets: Mapping[str, Any],
    links: Sequence[Mapping[str, Any]],
) -> Item:
    """Make the record, its links to pages before those to other records; check what others read."""
    properties = properties | {"portal:stac_id": document["id"]}
    ordered = sorted(links, key=lambda x: x.get("rel") in _NAVIGATION)
    changed = {"id": name, "properties": properties, "assets": assets, "links": ordered}
    item = Item.from_stac({**document, **changed}, facility)
    _ = (item.bbox, item.interval, item.variables, item.dimensions, item.assets, item.providers)
    return item


def _absolute(
    assets: Mapping[str, Any], links: Sequence[Mapping[str, Any]], base: str
) -> dict[str, Any]:
    own = base or next((x["href"] for x in links if x.get("rel") == "self"), "")
    return {key: {**asset, "href": urljoin(own, asset["href"])} for key, asset in assets.items()}


def _is_data(asset: Mapping[str, Any]) -> bool:
    said = f"{asset.get('type', '')} {asset.get('href', '')}".lower()
    return "data" in asset.get("roles", ()) or any(kind in said for kind in _DATA_TYPES)


def _plain(link: Mapping[str, Any]) -> bool:
    return "opengis.net" not in str(link.get("rel"))


def _box(numbers: Sequence[float]) -> Sequence[float]:
    return numbers if len(numbers) == 4 else [*numbers[:2], *numbers[3:5]]


def _times(interval: Sequence[str | None]) -> dict[str, Any]:
    start, end = interval
    today = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    if start is None:
        return {"datetime": end or today}
    return {"start_datetime": start, "end_datetime": end or today}
