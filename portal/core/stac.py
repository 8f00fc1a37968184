"""Items to and from pystac, for those who work with that library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.core.item import Item

if TYPE_CHECKING:
    import pystac


def to_pystac(item: Item) -> pystac.Item:
    """Return the record as a :class:`pystac.Item`, with the STAC id of its own catalog."""
    import pystac

    return pystac.Item.from_dict(item.to_stac(), preserve_dict=False)


def from_pystac(item: pystac.Item, facility: str) -> Item:
    """Hold a :class:`pystac.Item` as a record of a facility.

    Raises
    ------
    InvalidItem
        The document breaks STAC's rules.
    """
    return Item.from_stac(item.to_dict(include_self_link=False, transform_hrefs=False), facility)
