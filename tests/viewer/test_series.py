"""A series is read once, as it can be, and told as it comes."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import xarray as xr

from portal.errors import Unreadable
from portal.viewer import Viewer
from portal.viewer.planes import Reader
from portal.viewer.tools import tools_methods
from tests.viewer.test_tools import Asked, ask


class Slow:
    """An array that counts what is read of it, and fails or is cancelled where it is told to."""

    def __init__(self, ds: xr.Dataset) -> None:
        import dask.array as da

        self.read: list[int] = []
        self.fail_at: int | None = None
        #: After some steps it waits for this.
        self.going_on = threading.Event()
        self.going_on.set()
        source = ds.t.values

        def block(block_id: tuple[int, ...]) -> np.ndarray:
            self.read.append(block_id[0])
            if len(self.read) > 8:
                self.going_on.wait(20)
            if block_id[0] == self.fail_at:
                raise OSError("the disk is gone")
            return source[block_id[0] : block_id[0] + 1]

        chunks = ((1,) * ds.sizes["time"], *((n,) for n in ds.t.shape[1:]))
        data = da.map_blocks(
            lambda block_id=None: block(block_id),
            chunks=chunks,
            dtype="f4",
            meta=np.empty((0,) * 4, "f4"),
        )
        self.ds = ds.assign(t=(ds.t.dims, data, ds.t.attrs))


def test_each_chunk_of_a_pencil_is_read_once(plain: xr.Dataset) -> None:
    slow = Slow(plain)
    params = {"variable": "t", "index": {"depth": 2}, "at": {"cell": 36 + 2}, "along": "time"}
    _, call = ask(slow.ds, "series", params)
    assert sorted(slow.read) == list(range(30))
    np.testing.assert_array_equal(call.values()[:, 0], plain.t[:, 2, 1, 2])


def test_a_cancelled_series_stops_reading(plain: xr.Dataset) -> None:
    slow = Slow(plain)
    call = Asked(cancel_after=1)
    slow.going_on = call.cancelled
    params = {"variable": "t", "index": {}, "at": {"cell": 36 + 2}, "along": "time"}
    result = tools_methods(Viewer(slow.ds))["series"](params, call)
    assert result["cancelled"] is True
    assert len(slow.read) < 30
    assert np.isfinite(call.values()).any()


def test_what_comes_at_once_is_one_part(plain: xr.Dataset) -> None:
    params = {"variable": "t", "index": {}, "at": {"cell": 36 + 2}, "along": "time"}
    _, call = ask(plain, "series", params)
    ((header, (positions, values)),) = call.parts
    assert header["cost"]["chunks"] == 0
    assert header["done"] == header["total"] == positions.size == values.size == 30


def test_the_cost_of_a_store_that_stalls_is_said(plain: xr.Dataset) -> None:
    slow = Slow(plain)
    slow.read = [0] * 30
    call = Asked(cancel_after=1)
    slow.going_on = call.cancelled
    params = {"variable": "t", "index": {}, "at": {"cell": 36 + 2}, "along": "time"}
    result = tools_methods(Viewer(slow.ds))["series"](params, call)
    assert result["cancelled"] is True
    ((header, arrays),) = call.parts
    assert header["cost"]["chunks"] == 30
    assert len(arrays) == 1


@pytest.mark.parametrize("holder", ["dask", "zarr", "dask-zarr"])
def test_what_the_pictures_have_read_is_not_read_again(held: dict[str, Any], holder: str) -> None:
    ds = held[holder].copy()
    viewer = Viewer(ds, reader=Reader())
    params = {"variable": "t", "index": {}, "at": {"cell": 3 * 36 + 3}, "along": "time"}
    costs = []
    for step in (0, 16, 29):
        viewer.frame("t", {"time": step}, width=36, height=18)
        call = Asked()
        tools_methods(viewer)["series"](params, call)
        costs.append(call.parts[0][0]["cost"]["chunks"])
        np.testing.assert_array_equal(call.values()[:, 0], ds.t[:, 0, 3, 3])
    for step in range(30):
        viewer.frame("t", {"time": step}, width=36, height=18)
    call = Asked()
    tools_methods(viewer)["series"](params, call)
    ((header, (_, values)),) = call.parts
    np.testing.assert_array_equal(values, ds.t[:, 0, 3, 3])
    assert header["cost"]["chunks"] == 0
    assert costs == sorted(costs, reverse=True)
    assert 0 < costs[0] < (3 if holder == "dask" else 5)


def test_a_failing_store_is_said(plain: xr.Dataset) -> None:
    slow = Slow(plain)
    slow.fail_at = 17
    params = {"variable": "t", "index": {}, "at": {"cell": 36 + 2}, "along": "time"}
    with pytest.raises(Unreadable, match="the disk is gone"):
        ask(slow.ds, "series", params)
