"""Import ahead what a view needs: JupyterLab has an idle kernel do it before a cell is run."""

from __future__ import annotations

import importlib
import time
import warnings
from contextlib import suppress
from typing import Final

#: What a view of a store imports, in an order in which no module takes long after those before it.
#: Those that are not installed are passed over: these packages go on without them too.
MODULES: Final = (
    "portal",
    "numpy",
    "pyarrow",
    "pandas",
    "xarray",
    "zarr",
    "dask",
    "scipy.special",
    "scipy.sparse",
    "scipy.fft",
    "numba",
    "sparse",
    "dask.array",
    "pint",
    "anywidget",
    "portal.ui.widgets.viewer",
    "portal.viewer.still",
)
#: Seconds after which a piece ends, with the module that is being imported.
PIECE: Final = 0.1


def warm(at: int = 0, seconds: float = PIECE) -> int | None:
    """Import a piece of what a view needs.

    It belongs on the kernel's main thread: a cell that imports meanwhile would meet modules that
    are half made.

    Parameters
    ----------
    at
        Where to begin in `MODULES`.
    seconds
        After so long the rest is left to the next piece.

    Returns
    -------
    int or None
        Where the next piece begins; None where nothing is left.
    """
    end = time.monotonic() + seconds
    with warnings.catch_warnings():
        # Whoever imports them is warned, not whoever opened a notebook.
        warnings.simplefilter("ignore")
        while at < len(MODULES):
            with suppress(ImportError):
                importlib.import_module(MODULES[at])
            at += 1
            if time.monotonic() > end:
                return at
        _rehearse()
    return None


def _rehearse() -> None:
    """Look at four cells: what is read and made once only at the first look is there afterwards."""
    import numpy as np
    import xarray as xr
    from zarr.storage import MemoryStore

    from portal.viewer import FrameRequest, Viewer
    from portal.viewer.still import still

    store = MemoryStore()
    cells = (("lat", "lon"), np.eye(2, dtype=np.float32))
    places = {"lat": [-45.0, 45.0], "lon": [-90.0, 90.0]}
    xr.Dataset({"cells": cells}, places).to_zarr(store, consolidated=False)
    viewer = Viewer(xr.open_zarr(store, consolidated=False))
    still(viewer.answer(FrameRequest("cells", {}, 64, 32)))
