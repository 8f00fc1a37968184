"""The picture that a record brings along, fetched within its catalog's reach."""

from __future__ import annotations

from portal.core.item import Item
from portal.drivers.catalogs._fetch import fetch
from portal.drivers.catalogs._reach import Reach

ROLES = frozenset({"thumbnail", "overview"})
TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
LARGEST = 8 * 2**20


def picture(item: Item, reach: Reach, timeout: float) -> bytes | None:
    """Return the bytes of a record's thumbnail, or of its overview; None where it has neither.

    Raises
    ------
    Unavailable, Denied, Unreadable, TooLarge
        It cannot be read.
    """
    found = [
        (("thumbnail" not in asset.roles), asset.href)
        for asset in item.assets.values()
        if ROLES.intersection(asset.roles)
        and asset.href.startswith(("http://", "https://"))
        and (not asset.media_type or str(asset.media_type).partition(";")[0].strip() in TYPES)
    ]
    if not found:
        return None
    href = min(found)[1]
    reach.check(href)
    return fetch(reach, href, timeout=timeout, most=LARGEST)
