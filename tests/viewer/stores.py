"""Arrays that know what was read of them, and viewers of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from portal.viewer import Viewer
from portal.viewer.limits import Limits
from portal.viewer.planes import Reader

SHAPE = (12, 30, 40)
CHUNKS = {"t": 4, "y": 10, "x": 20}
LIMITS = Limits(0.0, 1e5, "viridis")


class Store(BackendArray):
    """A lazy array that knows what was read of it."""

    def __init__(self, values: np.ndarray, before: Callable[[], object] = lambda: None) -> None:
        self.values, self.before = values, before
        self.shape, self.dtype = values.shape, values.dtype
        self.reads: list[tuple[int, ...]] = []

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._get
        )

    def _get(self, key: tuple[Any, ...]) -> np.ndarray:
        self.before()
        found = self.values[key]
        self.reads.append(found.shape)
        return found.copy()


def lazy(store: Store, chunks: dict[str, int] | None = CHUNKS) -> xr.Dataset:
    variable = xr.Variable(("t", "y", "x"), indexing.LazilyIndexedArray(store))
    if chunks:
        variable.encoding["preferred_chunks"] = chunks
    return xr.Dataset({"v": variable})


def numbers(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def viewer_of(ds: xr.Dataset, cap: int = 100_000_000) -> Viewer:
    viewer = Viewer(ds, reader=Reader(cap))
    # Limits are found from a sample, which is read besides.
    viewer.limits = lambda *_: LIMITS
    return viewer
