"""STAC 1.1: the records' own documents.

One is an Item (https://github.com/radiantearth/stac-spec, item-spec 1.1); any other number is an
ItemCollection, a GeoJSON FeatureCollection (RFC 7946; STAC API, "STAC API - Item Search").
The documents are as their facilities wrote them, unchanged: an ``id`` is that of its own catalog,
so two of different facilities may be the same, and an asset may be a path of this machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from portal.core.item import Item
from portal.export._json import to_json


def export(items: Sequence[Item]) -> str:
    """Write an Item, or an ItemCollection."""
    documents = [item.to_stac() for item in items]
    if len(documents) == 1:
        return to_json(documents[0])
    return to_json({"type": "FeatureCollection", "features": documents, "links": []})
