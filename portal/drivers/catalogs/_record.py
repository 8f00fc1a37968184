"""Records of a folder: their names, and what a published one leaves to the data to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.errors import InvalidItem

#: What others read of a record, and must be able to.
_READ = ("assets", "bbox", "dimensions", "interval", "keywords", "links", "providers", "variables")
_TIMES = ("datetime", "start_datetime", "end_datetime", "portal:timeless")


def local_id_of(relative: str) -> str:
    """Make an id of a path from the folder: its suffix dropped, odd characters as dashes."""
    path = PurePosixPath(relative)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", str(path.with_suffix(""))).strip("-.") or "data"


def title_of(relative: str) -> str:
    """Make a title of a path from the folder."""
    return re.sub(r"[_\s]+", " ", PurePosixPath(relative).stem).strip() or relative


def rfc3339(seconds: float | None) -> str:
    """Write seconds since the epoch as RFC 3339; an unknown moment is the epoch itself."""
    moment = datetime.fromtimestamp(seconds or 0, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def complete(
    document: Mapping[str, Any],
    facility: str,
    local_id: str,
    found: Mapping[str, Any],
    asset: Asset,
) -> Item:
    """Fill what a record does not say from what was read, and point it to the data.

    Parameters
    ----------
    document
        A STAC Item. Its own words stand; a record that is marked as timeless takes the data's
        times.
    found
        Extents, times and variables, as keywords of :meth:`portal.core.item.Item.build`.

    Raises
    ------
    InvalidItem
        The document is no STAC Item.
    """
    try:
        said = document["properties"]
        read = Item.build(
            facility,
            local_id,
            title=local_id,
            created=said.get("created") or said.get("datetime") or rfc3339(None),
            assets={"data": asset},
            **found,
        ).to_stac()
        timed = bool(
            said.get("start_datetime") or (said.get("datetime") and not said.get("portal:timeless"))
        )
        times = said if timed else read["properties"]
        properties = {key: times[key] for key in _TIMES if key in times}
        properties |= {k: v for k, v in read["properties"].items() if k.startswith("cube:")}
        properties |= {k: v for k, v in said.items() if k not in _TIMES}
        place: dict[str, Any] = {}
        if not document.get("bbox"):
            place = {key: read[key] for key in ("bbox", "geometry") if key in read}
        extensions = [*document.get("stac_extensions", ()), *read["stac_extensions"]]
        whole = {
            **document,
            **place,
            "id": local_id,
            "properties": properties,
            "assets": {**document.get("assets", {}), **read["assets"]},
            "stac_extensions": list(dict.fromkeys(extensions)),
        }
        item = Item.from_stac(whole, facility)
        for name in _READ:
            getattr(item, name)
    except InvalidItem:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidItem(
            f"The record of {local_id!r} is not a STAC Item",
            found=f"{type(error).__name__}: {error}",
            advice="Publish it anew.",
        ) from error
    return item
