"""A selection reads its chunks, each once, and keeps those that will be asked for again."""

from __future__ import annotations

import gc
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from portal.errors import TooLarge
from portal.viewer import Viewer, planes
from portal.viewer.call import Unheard
from portal.viewer.planes import Reader
from tests.viewer.stores import SHAPE, Store, lazy, numbers, viewer_of


def test_exactly_the_chunks_of_a_slice_are_read_and_the_next_slice_needs_none() -> None:
    store = Store(numbers())
    viewer = viewer_of(lazy(store))
    first = viewer.frame("v", {"t": 5}, width=100, height=100)
    assert store.reads == [(4, 10, 20)] * 6
    assert first.header["touched"] == {"chunks": 6, "bytes": 6 * 4 * 200 * 4, "cached": 0}
    second = viewer.frame("v", {"t": 6}, width=100, height=100)
    assert len(store.reads) == 6
    assert second.header["touched"] == {"chunks": 6, "bytes": 0, "cached": 6}
    np.testing.assert_allclose(second.values()[::-1], store.values[6], atol=0.02)


def test_a_window_reads_its_chunks_alone() -> None:
    store = Store(numbers())
    viewer = viewer_of(lazy(store))
    frame = viewer.frame("v", {"t": 5}, width=100, height=100, window=(21.0, 30.0, 1.0, 8.0))
    assert store.reads == [(4, 10, 20)]
    assert frame.array("x").tolist() == list(range(21, 31))
    np.testing.assert_allclose(frame.values()[::-1], store.values[5, 1:9, 21:31], atol=0.02)


def test_other_dimensions_can_lie_on_the_axes() -> None:
    store = Store(numbers())
    viewer = viewer_of(lazy(store))
    frame = viewer.frame("v", {"y": 7}, width=100, height=100, x="t", y="x")
    assert frame.header["index"] == {"y": 7}
    np.testing.assert_allclose(frame.values()[::-1], store.values[:, 7, :].T, atol=0.15)


@settings(max_examples=60)
@given(data=st.data())
def test_planes_are_those_of_numpy(data: st.DataObject) -> None:
    values = numbers((5, 11, 13))
    chunks = {d: data.draw(st.integers(1, n)) for d, n in zip("tyx", values.shape, strict=True)}
    cap = data.draw(st.sampled_from([0, 500, 100_000]))
    kind = data.draw(st.sampled_from(["numpy", "dask", "lazy", "opened"]))
    store = Store(values)
    ds = lazy(store, chunks)
    if kind == "numpy":
        ds = xr.Dataset({"v": (("t", "y", "x"), values)})
    elif kind == "dask":
        ds = xr.Dataset(
            {"v": (("t", "y", "x"), da.from_array(values, chunks=chunks_of(chunks)) + 0)}
        )
    elif kind == "opened":
        ds = ds.chunk(chunks)
    dims = data.draw(st.permutations(["t", "y", "x"]))[: data.draw(st.integers(0, 3))]
    sizes = dict(ds.sizes)
    picks = {
        d: data.draw(arrays(np.intp, st.integers(1, 9), elements=st.integers(0, sizes[d] - 1)))
        for d in dims
    }
    at = {d: data.draw(st.integers(0, n - 1)) for d, n in sizes.items() if d not in dims}
    reader = Reader(cap)
    source = reader.source(ds.v.variable)
    expected = xr.DataArray(values, dims=("t", "y", "x")).isel(at | picks).transpose(*dims)
    for _ in range(2):
        plane = reader.plane(ds.v, source, at, picks, call=Unheard())
        assert_near(plane.values, expected.values, exact=cap == 100_000)
    assert reader.nbytes <= cap


def assert_near(found: np.ndarray, expected: np.ndarray, *, exact: bool) -> None:
    assert found.shape == expected.shape
    if exact:
        np.testing.assert_array_equal(found, expected)


def chunks_of(chunks: dict[str, int]) -> tuple[int, ...]:
    return tuple(chunks[d] for d in ("t", "y", "x"))


def test_what_was_read_is_shared_and_goes_with_the_last_viewer() -> None:
    store = Store(numbers())
    ds = lazy(store)
    reader = Reader()
    first, second = Viewer(ds, reader=reader), Viewer(ds.copy(), reader=reader)
    first.frame("v", {"t": 0}, width=100, height=100)
    cached = second.frame("v", {"t": 0}, width=100, height=100).header["touched"]
    assert cached == {"chunks": 6, "bytes": 0, "cached": 6}
    del first
    gc.collect()
    assert reader.nbytes > 0
    del second
    gc.collect()
    assert reader.nbytes == 0


def test_what_xarray_has_loaded_is_not_read_again() -> None:
    values = numbers()
    plane = Reader().plane(
        xr.DataArray(values, dims=("t", "y", "x")),
        None,
        {"t": 1},
        {"y": np.arange(30), "x": np.arange(40)},
        call=Unheard(),
    )
    assert np.shares_memory(plane.values, values)


def test_the_bound_holds_while_all_slices_are_seen() -> None:
    store = Store(numbers())
    cap = 10 * 4 * 10 * 20 * 4
    viewer = viewer_of(lazy(store), cap)
    for t in range(12):
        viewer.frame("v", {"t": t}, width=100, height=100)
        assert viewer.reader.nbytes <= cap
    assert len(store.reads) == 18


def test_chunks_too_large_to_keep_are_not_read_whole() -> None:
    store = Store(numbers())
    viewer = viewer_of(lazy(store, {"t": 12, "y": 30, "x": 40}), cap=30 * 40 * 4)
    frame = viewer.frame("v", {"t": 3}, width=100, height=100)
    assert store.reads == [(1, 30, 40)]
    assert "too large to keep" in " ".join(frame.header["notes"])
    np.testing.assert_allclose(frame.values()[::-1], store.values[3], atol=0.02)


def test_a_plane_that_is_too_large_is_read_with_a_stride() -> None:
    store = Store(numbers((2, 300, 400)))
    viewer = viewer_of(lazy(store, {"t": 2, "y": 300, "x": 400}), cap=10_000)
    frame = viewer.frame("v", {"t": 1}, width=40, height=30, quality="moving")
    (read,) = store.reads
    assert np.prod(read) <= 4 * 30 * 40
    assert frame.header["shape"] == [30, 40]
    rows = (frame.values()[::-1, 0] - store.values[1, 0, 0]) / 400
    np.testing.assert_allclose(rows, np.arange(30) * 10 + 4.5, atol=6)


def test_a_chunk_larger_than_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planes, "LARGEST_SHARE", 0.0)
    viewer = viewer_of(lazy(Store(numbers())), cap=100)
    with pytest.raises(TooLarge, match="does not fit into memory"):
        viewer.frame("v", {"t": 3}, width=100, height=100)


def test_small_chunks_are_read_by_the_dozen() -> None:
    store = Store(numbers((1, 200, 200)))
    viewer_of(lazy(store, {"t": 1, "y": 5, "x": 5})).frame("v", {}, width=400, height=400)
    assert len(store.reads) <= planes.FEW_BLOCKS


@pytest.mark.parametrize("chunks", [{}, None])
def test_files_are_read_chunk_by_chunk(tmp_path: Path, chunks: dict[str, int] | None) -> None:
    ds = xr.Dataset({"v": (("t", "y", "x"), numbers())})
    ds.to_zarr(tmp_path / "a.zarr", encoding={"v": {"chunks": (4, 10, 20)}}, consolidated=False)
    encoding = {"v": {"chunksizes": (4, 10, 20), "zlib": True}}
    ds.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding=encoding)
    for opened in (
        xr.open_zarr(tmp_path / "a.zarr", chunks=chunks, consolidated=False),
        xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf", chunks=chunks),
        xr.open_dataset(tmp_path / "a.nc", engine="netcdf4", chunks=chunks),
    ):
        with opened:
            viewer = viewer_of(opened)
            frame = viewer.frame("v", {"t": 5}, width=100, height=100)
            assert frame.header["touched"]["chunks"] == 6
            assert frame.header["touched"]["bytes"] == 6 * 4 * 200 * 4
            np.testing.assert_allclose(frame.values()[::-1], ds.v[5], atol=0.02)


def test_what_blocks_have_in_common_is_computed_once() -> None:
    count = 0

    def counted(block: np.ndarray) -> np.ndarray:
        nonlocal count
        count += block.size > 1
        return block

    common = da.zeros((30, 40), chunks=40).map_blocks(counted, meta=np.empty((0, 0))).sum()
    values = da.ones(SHAPE, chunks=(4, 10, 20)) + common
    viewer_of(xr.Dataset({"v": (("t", "y", "x"), values)})).frame("v", {}, width=99, height=99)
    assert count == 1
