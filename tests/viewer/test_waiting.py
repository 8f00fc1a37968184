"""Slow reads: told of, left when nobody waits, read once for all who want them, and in their order."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from portal.errors import Interrupted, Unreadable
from portal.viewer import FrameRequest, Viewer, lanes, tools_methods
from portal.viewer.call import Unheard
from portal.viewer.planes import Reader
from tests.helpers import wait_until
from tests.viewer.stores import LIMITS, Store, lazy, numbers, viewer_of


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


def test_limits_are_looked_for_once() -> None:
    gate, entered = threading.Event(), threading.Event()
    reads = iter([True, True])

    def hold() -> None:
        if not next(reads, False):
            entered.set()
            gate.wait(10)

    store = Store(numbers((3, 4, 5)), hold)
    viewer = Viewer(lazy(store, {"t": 1, "y": 4, "x": 5}), reader=Reader())
    # Alone, a frame reads no other for its limits, and leaves them to be found.
    alone = viewer.answer(FrameRequest("v", {"t": 1}, 100, 100), alone=True)
    assert len(store.reads) == 1
    assert 20 <= alone.header["limits"][0] < alone.header["limits"][1] <= 40
    first, one = in_thread(lambda: viewer.frame("v", {"t": 1}, width=100, height=100))
    assert entered.wait(10)
    second, other = in_thread(lambda: viewer.frame("v", {"t": 1}, width=100, height=100))
    second.join(0.2)
    assert second.is_alive()
    gate.set()
    first.join(10)
    second.join(10)
    assert one[0].header["limits"] == other[0].header["limits"]
    assert len(store.reads) == 3
    again = viewer.answer(FrameRequest("v", {"t": 1}, 100, 100), alone=True)
    assert again.header["limits"] == one[0].header["limits"]


def test_who_waits_for_limits_that_are_given_up_finds_them_itself() -> None:
    gate, entered = threading.Event(), threading.Event()
    reads = iter([True])

    def hold() -> None:
        if not next(reads, False):
            entered.set()
            gate.wait(10)

    viewer = Viewer(lazy(Store(numbers((3, 4, 5)), hold), {"t": 1, "y": 4, "x": 5}))
    call = Unheard()
    first, one = in_thread(lambda: viewer.frame("v", {}, width=9, height=9, call=call))
    assert entered.wait(10)
    second, other = in_thread(lambda: viewer.frame("v", {}, width=9, height=9))
    call.cancelled.set()
    first.join(10)
    gate.set()
    second.join(10)
    assert isinstance(one[0], Interrupted)
    assert other[0].header["limits"][1] > 50


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

    reader = Reader()
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
    assert set(order) == {"ahead"}
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


def test_a_series_lets_pictures_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_PATIENCE", 60)
    store = Store(numbers())
    viewer = viewer_of(lazy(store, {"t": 1, "y": 30, "x": 40}))
    params = {"variable": "v", "index": {}, "at": {"y": 3, "x": 5}, "along": "t"}
    done = threading.Event()

    def ask() -> None:
        tools_methods(viewer)["series"](params, Unheard())
        done.set()

    with viewer.reader.lanes.enter("now", Unheard()):
        threading.Thread(target=ask, daemon=True).start()
        assert not done.wait(0.1)
        assert store.reads == []
    assert done.wait(60)
    assert len(store.reads) == 12


def test_a_picture_that_never_comes_does_not_hold_up_a_series() -> None:
    viewer = viewer_of(lazy(Store(numbers())))
    params = {"variable": "v", "index": {}, "at": {"y": 3, "x": 5}, "along": "t"}
    with viewer.reader.lanes.enter("now", Unheard()):
        assert tools_methods(viewer)["series"](params, Unheard())["cancelled"] is False


def test_the_exact_value_of_a_cell_that_is_seen_is_not_read_again() -> None:
    store = Store(numbers())
    viewer = viewer_of(lazy(store))
    viewer.frame("v", {"t": 5}, width=40, height=30)
    before = len(store.reads)
    params = {"variable": "v", "index": {"t": 5}, "at": {"y": 13, "x": 21}}
    found = tools_methods(viewer)["value"](params, Unheard())
    assert found["value"] == store.values[5, 13, 21]
    assert len(store.reads) == before
