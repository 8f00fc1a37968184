"""Datasets are opened here, whichever thread does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from portal.core.contracts import Catalog
    from portal.core.item import Item


def opened(catalog: Catalog, item: Item) -> xr.Dataset:
    """Open a record with its driver, the two libraries of HDF5 being loaded.

    ``h5py`` and ``netCDF4`` each bring an HDF5 of their own. A process in which one of them is
    loaded while another thread opens a file with the other can end with a segmentation fault (seen
    with h5py 3.16 and netCDF4 1.7.5). Python lets one thread load them, and the others wait.

    Raises
    ------
    Unavailable, Unreadable, TooLarge, Denied, MissingDependency
        Of the driver.
    """
    import h5py  # noqa: F401 - loaded for whoever comes next
    import netCDF4  # noqa: F401

    return catalog.open(item)
