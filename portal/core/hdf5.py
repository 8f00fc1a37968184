"""The two libraries of HDF5, loaded one after the other.

``h5py`` and ``netCDF4`` each bring an HDF5 of their own. A process in which one of them is loaded
while another thread opens a file with the other can end with a segmentation fault (seen with h5py
3.16 and netCDF4 1.7.5). Who opens datasets in threads imports this module first: Python lets one thread load it,
and the others wait.
"""

from __future__ import annotations

import h5py  # noqa: F401 - loaded for whoever comes next
import netCDF4  # noqa: F401
