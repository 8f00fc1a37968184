"""Imports ahead: piece by piece, and all that a view of a store needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import xarray as xr

from portal.ui.warm import MODULES, warm

PIECES = """
import json, sys
from portal.ui.warm import warm

after = [warm(0, 0)]
while after[-1] is not None:
    after.append(warm(after[-1], 0))
before = set(sys.modules)
import portal
import xarray as xr

portal.view(xr.open_zarr(sys.argv[1])).picture(60)
print(json.dumps([after, sorted({name.partition(".")[0] for name in set(sys.modules) - before})]))
"""


def test_a_view_after_it_imports_no_package(tmp_path: Path) -> None:
    store = tmp_path / "store.zarr"
    cells = (("time", "y", "x"), np.arange(60.0).reshape(3, 4, 5))
    times = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "datetime64[ns]")
    xr.Dataset({"t": cells}, {"time": times}).to_zarr(store, zarr_format=2)
    run = [sys.executable, "-W", "error", "-c", PIECES, str(store)]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    after, new = json.loads(done.stdout)
    assert after == [*range(1, len(MODULES) + 1), None]
    assert set(new) <= set(sys.stdlib_module_names)
    assert done.stderr == ""


def test_what_is_imported_takes_one_piece() -> None:
    assert warm(0, 60) is None
