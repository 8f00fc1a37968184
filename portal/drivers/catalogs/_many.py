"""Many files as one dataset: opened side by side, joined along time, lazily."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from portal.core.item import Item
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._access import open_item
from portal.drivers.catalogs._reach import Reach
from portal.errors import Unreadable

if TYPE_CHECKING:
    import xarray as xr

_THREADS = 8


def open_along_time(hrefs: Sequence[str], facility: str, reach: Reach) -> xr.Dataset:
    """Open files of one dataset and join them in the order of their times.

    Variables without the dimension ``time`` are those of the first file.

    Raises
    ------
    Unreadable
        They cannot be joined: one has no time, or their grids differ.
    Unavailable, Denied, TooLarge, MissingDependency
    """
    import xarray as xr

    def one(href: str) -> xr.Dataset:
        asset = read.asset(href, media="netcdf")
        item = Item.build(
            facility, href, title=href, created="1970-01-01T00:00:00Z", assets={"data": asset}
        )
        return open_item(item, reach)

    with ThreadPoolExecutor(min(_THREADS, len(hrefs))) as pool:
        opened = list(pool.map(one, hrefs))
    if len(opened) == 1:
        return opened[0]
    if not all("time" in d.indexes and d.sizes["time"] for d in opened):
        raise _apart("a file without times")
    try:
        opened.sort(key=lambda d: d.indexes["time"][0])
        joined = xr.concat(
            opened, "time", data_vars="minimal", coords="minimal", compat="override",
            join="exact", combine_attrs="override",
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise _apart(str(error)[:200]) from error
    if not joined.indexes["time"].is_monotonic_increasing:
        raise _apart("times of the files that overlap")
    return joined


def _apart(found: str) -> Unreadable:
    return Unreadable(
        "The files of the dataset are not parts of one along time",
        found=found,
        advice="Open them one by one by xarray.",
    )
