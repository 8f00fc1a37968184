"""What a picture shows, as an array: read through the cache of the pictures, differences taken on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from portal.viewer.cost import chunk_lengths
from portal.viewer.minus import align

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import DTypeLike, NDArray

    from portal.viewer.call import Call
    from portal.viewer.minus import Second
    from portal.viewer.render import Viewer


def through(
    viewer: Viewer, data: str, array: xr.DataArray, minus: Second | None, call: Call
) -> xr.DataArray:
    """Return a variable, or its difference to a second one, that reads as the pictures do.

    Parameters
    ----------
    viewer
        Whose reader it is.
    data
        ``a`` or ``b``: the dataset of `array`.
    array
        The stored variable.
    minus
        What is taken away, at the nearest places of `array`.
    call
        Ends the reading when it is cancelled.

    Returns
    -------
    xarray.DataArray
        Lazy, of real numbers, with the dimensions and coordinates of `array`.
    """
    import xarray as xr

    attrs = dict(array.attrs)
    if array.dtype.kind in "Mm":
        attrs["units"] = "days"
    cells = _Cells(viewer, data, array, minus, call)
    variable = xr.Variable(array.dims, indexing.LazilyIndexedArray(cells), attrs)
    variable.encoding["preferred_chunks"] = chunk_lengths(array)
    if "cell_measures" in array.encoding:
        variable.encoding["cell_measures"] = array.encoding["cell_measures"]
    return xr.DataArray(variable, coords=array.coords, name=array.name)


class _Cells(BackendArray):
    """Cells that are read by index along each dimension."""

    def __init__(
        self, viewer: Viewer, data: str, array: xr.DataArray, minus: Second | None, call: Call
    ) -> None:
        self._viewer, self._data, self._array = viewer, data, array
        self._minus, self._call = minus, call
        self.shape = array.shape
        self.dtype = np.dtype(_real(array.dtype))
        if minus is not None:
            single = self.dtype == np.dtype(_real(minus.array.dtype)) == np.float32
            self.dtype = np.dtype(np.float32 if single else np.float64)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.generic]:
        at: dict[str, int] = {}
        picks: dict[str, NDArray[np.intp]] = {}
        for dim, size, along in zip(self._array.dims, self.shape, key, strict=True):
            if isinstance(along, slice | np.ndarray):
                picks[str(dim)] = np.arange(size, dtype=np.intp)[along]
            else:
                at[str(dim)] = int(along)
        values = self._plane(self._data, self._array, at, picks)
        if self._minus is not None:
            there = align(self._array, self._minus.array, at, picks)
            values = self._minus.taken(values, there, self._plane)
        return values

    def _plane(
        self,
        data: str,
        array: xr.DataArray,
        at: Mapping[str, int],
        picks: Mapping[str, NDArray[np.intp]],
    ) -> NDArray[np.generic]:
        viewer = self._viewer
        source = viewer.source(data, array)
        return viewer.reader.plane(array, source, at, picks, call=self._call).values


def _real(dtype: np.dtype[Any]) -> DTypeLike:
    """Type of the numbers that `portal.viewer.read.as_real` makes."""
    if dtype.kind == "c":
        return np.zeros(0, dtype).real.dtype
    return {"b": np.uint8, "M": np.float64, "m": np.float64}.get(dtype.kind, dtype)
