"""Access: open what a record points at, whatever its format, lazily, within the catalog's reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.core.item import Item
from portal.drivers.catalogs._reach import Reach

if TYPE_CHECKING:
    import xarray as xr


def open_item(item: Item, reach: Reach) -> xr.Dataset:
    """Open the best data asset of a record.

    Raises
    ------
    Unreadable
        It has no asset that opens: the advice names where access is described.
    Denied, Unavailable, TooLarge, MissingDependency
    """
    raise AssertionError
