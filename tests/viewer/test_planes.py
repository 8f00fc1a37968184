"""A selection reads its chunks, each once, and keeps those that will be asked for again."""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from xarray.backends import BackendArray
from xarray.core import indexing

from portal.errors import Interrupted, TooLarge, Unreadable
from portal.viewer import Viewer, planes
from portal.viewer.call import Unheard
from portal.viewer.limits import Limits
from portal.viewer.planes import Reader
from tests.helpers import wait_until

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


@settings(deadline=None, max_examples=60)
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


class Ear(Unheard):
    """Hears of the progress."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[int, int, str]] = []

    def progress(self, done: int, total: int, what: str) -> None:
        self.heard.append((done, total, what))


def test_progress_of_a_slow_read_is_told() -> None:
    ear = Ear()
    heard = threading.Event()
    ear.progress = lambda *told: (ear.heard.append(told), heard.set())
    frame = viewer_of(lazy(Store(numbers(), lambda: heard.wait(10)))).frame(
        "v", {}, width=100, height=100, call=ear
    )
    assert frame.header["touched"]["chunks"] == 6
    done, total, what = ear.heard[0]
    assert (total, what) == (6, "chunks")
    assert 0 <= done < 6


def test_a_quick_read_tells_nothing() -> None:
    ear = Ear()
    ds = xr.Dataset({"v": (("t", "y", "x"), numbers())})
    viewer_of(ds).frame("v", {}, width=100, height=100, call=ear)
    assert ear.heard == []


def test_a_store_that_stalls_after_the_first_picture_leaves_limits_of_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = importlib.import_module("portal.viewer.render")  # the package has a function render
    monkeypatch.setattr(module, "SAMPLE_PATIENCE", 0.2)
    reads = iter([True])
    stuck = threading.Event()
    store = Store(numbers((3, 4, 5)), lambda: next(reads, False) or stuck.wait())
    viewer = Viewer(lazy(store, {"t": 1, "y": 4, "x": 5}), reader=Reader())
    frame = viewer.frame("v", {"t": 1}, width=100, height=100)
    low, high = frame.header["limits"]
    assert 20 <= low < high <= 40
    stuck.set()


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, outcome


def test_a_store_that_never_answers_is_left_when_the_call_is_cancelled() -> None:
    stuck, entered = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        stuck.wait()

    viewer = viewer_of(lazy(Store(numbers(), hang)))
    call = Unheard()
    thread, outcome = in_thread(lambda: viewer.frame("v", {}, width=100, height=100, call=call))
    assert entered.wait(10)
    call.cancelled.set()
    thread.join(10)
    assert isinstance(outcome[0], Interrupted)
    stuck.set()


def test_a_cancelled_read_of_dask_ends() -> None:
    entered, go = threading.Event(), threading.Event()
    count = 0

    def slow(block: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        entered.set()
        go.wait(10)
        return block

    values = da.ones((1, 400, 10), chunks=(1, 2, 10)).map_blocks(slow, meta=np.empty((0, 0, 0)))
    viewer = viewer_of(xr.Dataset({"v": (("t", "y", "x"), values)}))
    call = Unheard()
    thread, outcome = in_thread(lambda: viewer.frame("v", {}, width=100, height=100, call=call))
    assert entered.wait(10)
    call.cancelled.set()
    thread.join(10)
    assert isinstance(outcome[0], Interrupted)
    go.set()
    assert count < 200


def test_what_is_ahead_waits_for_what_is_wanted_now() -> None:
    gate, entered = threading.Event(), threading.Event()
    order: list[str] = []

    def hold() -> None:
        entered.set()
        gate.wait(10)

    reader = Reader(0)
    slow, quick = Store(numbers(), hold), Store(numbers(), lambda: order.append("ahead"))
    now, ahead = Viewer(lazy(slow), reader=reader), Viewer(lazy(quick), reader=reader)
    for viewer in (now, ahead):
        viewer.limits = lambda *_: LIMITS
    first, _ = in_thread(lambda: now.frame("v", {}, width=100, height=100))
    assert entered.wait(10)
    second, outcome = in_thread(lambda: ahead.frame("v", {}, width=100, height=100, lane="ahead"))
    second.join(0.3)
    assert second.is_alive()
    assert order == []
    gate.set()
    first.join(10)
    second.join(10)
    assert order == ["ahead"]
    assert outcome[0].header["kind"] == "image"


def test_now_may_wait_for_what_is_being_computed_ahead() -> None:
    entered, go = threading.Event(), threading.Event()

    def slow(block: np.ndarray) -> np.ndarray:
        entered.set()
        go.wait(10)
        return block

    values = da.ones((2, 64, 10), chunks=(2, 2, 10)).map_blocks(slow, meta=np.empty((0, 0, 0)))
    viewer = viewer_of(xr.Dataset({"v": (("t", "y", "x"), values)}))
    first, ahead = in_thread(
        lambda: viewer.frame("v", {"t": 1}, width=100, height=100, lane="ahead")
    )
    assert entered.wait(10)
    second, now = in_thread(lambda: viewer.frame("v", {"t": 0}, width=100, height=100))
    wait_until(lambda: viewer.reader.lanes._now)
    go.set()
    first.join(20)
    second.join(20)
    assert ahead[0].header["touched"]["chunks"] == 32
    assert now[0].header["touched"]["bytes"] == 0


def test_a_chunk_that_two_want_is_read_once() -> None:
    gate, entered = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        gate.wait(10)

    store = Store(numbers(), hold)
    viewer = viewer_of(lazy(store))
    first, _ = in_thread(lambda: viewer.frame("v", {"t": 0}, width=100, height=100))
    assert entered.wait(10)
    second, outcome = in_thread(lambda: viewer.frame("v", {"t": 1}, width=100, height=100))
    wait_until(lambda: threading.active_count() > 2)
    gate.set()
    first.join(10)
    second.join(10)
    assert len(store.reads) == 6
    np.testing.assert_allclose(outcome[0].values()[::-1], store.values[1], atol=0.02)


def test_who_waits_for_a_read_that_fails_reads_itself() -> None:
    gate, entered = threading.Event(), threading.Event()
    fails = [True]

    def hold() -> None:
        entered.set()
        gate.wait(10)
        if fails:
            fails.clear()
            raise OSError("lost")

    values = numbers((1, 4, 5))
    viewer = viewer_of(lazy(Store(values, hold), {"t": 1, "y": 4, "x": 5}))
    first, outcome = in_thread(lambda: viewer.frame("v", {}, width=100, height=100))
    assert entered.wait(10)
    second, found = in_thread(lambda: viewer.frame("v", {}, width=100, height=100))
    gate.set()
    first.join(10)
    second.join(10)
    results = [*outcome, *found]
    assert sum(isinstance(r, Unreadable) for r in results) == 1
    (frame,) = (r for r in results if not isinstance(r, Unreadable))
    np.testing.assert_allclose(frame.values()[::-1], values[0], atol=0.01)
