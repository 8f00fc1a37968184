"""Whatever a dataset holds, the viewer shows a picture or says what is the matter, and goes on."""

from __future__ import annotations

import importlib
import math
import threading
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import psutil
import pytest
import xarray as xr

import portal
from portal.viewer.planes import Reader
from tests.faces.bare import bare
from tests.faces.viewing import PICTURE, asked, cube, meanwhile, slider, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIDE = (6, 12)
ANSWER = ".portal-viewer[data-portal-frame], .portal-viewer[data-portal-problem]"
MESSAGE = ".portal-viewer-message:visible p"


def dataset(values: Any, **attrs: Any) -> xr.Dataset:
    """One variable of odd values beside one that is good."""
    good = cube(3).drop_vars("other")
    dims = ("row", "column")[: np.ndim(values)]
    return good.assign(odd=(dims, values, attrs))


def unknown() -> xr.Dataset:
    values = da.arange(12, chunks=4)
    return cube(3).assign(odd=("cell", values[values > 5]))


def infinite() -> np.ndarray:
    values = np.linspace(0, 1, math.prod(SIDE)).reshape(SIDE)
    values[0], values[-1] = np.inf, -np.inf
    return values


ODD = {
    "all missing": (dataset(np.full(SIDE, np.nan)), "No data in this slice"),
    "constant": (dataset(np.full(SIDE, 7.5)), "the same value everywhere in this slice"),
    "infinities": (dataset(infinite()), ""),
    "nothing but infinity": (dataset(np.full(SIDE, np.inf)), "No finite value in this slice"),
    "empty": (dataset(np.empty((0, 4))), "It holds no values: its dimension row has length 0."),
    "a curve with gaps": (dataset(np.array([1, np.nan, np.inf, -2.0])), ""),
    "a curve of nothing": (dataset(np.full(9, np.nan)), "No data"),
    "single value": (dataset(np.float64(42.5), units="m"), "42.5 m"),
    "a single gap": (dataset(np.float64(np.nan)), "no data"),
    "complex": (dataset(np.full(SIDE, 3 + 4j)), "shown by their magnitude"),
    "dates": (dataset(np.full(SIDE, "2001-01-02", "M8[ns]")), "days since 1970-01-01"),
    "not a date": (dataset(np.full(SIDE, "NaT", "M8[ns]")), "No data in this slice"),
    "time spans": (dataset(np.full(SIDE, 36, "m8[h]").astype("m8[ns]")), "shown in days"),
    "true and false": (dataset(np.eye(*SIDE, dtype=bool)), "true is shown as 1"),
    "text": (dataset(np.full(SIDE, "a")), "It holds text, which has no picture"),
    "objects": (dataset(np.full(SIDE, None, object)), "which has no picture"),
    "a length that is not known": (unknown(), ".compute_chunk_sizes()"),
    "units that do not parse": (dataset(infinite(), units="°C/{<b>furlong}²\x00%s"), "furlong"),
    "attributes of another kind": (
        dataset(infinite(), units=np.array([1, 2]), valid_min="low", flag_values=["x", 3]),
        "",
    ),
}


@pytest.mark.parametrize("kind", list(ODD))
def test_odd_variables_are_shown_or_say_why_not(quiet_page: Page, kind: str) -> None:
    """And the good variable beside them is shown when it is chosen."""
    page = quiet_page
    ds, said = ODD[kind]
    with bare(page, portal.view(ds, variable="odd")):
        page.locator(ANSWER).wait_for()
        page.wait_for_function(
            "said => document.querySelector('.portal-viewer').innerText.toLowerCase().includes(said)",
            arg=said.lower(),
        )
        picture = page.locator(f".portal-viewer-cells:visible, {PICTURE}:visible")
        words = page.locator(f"{MESSAGE}, .portal-viewer-single:visible")
        assert picture.count() or words.first.inner_text().strip()
        page.get_by_label("Variable", exact=True).select_option("field")
        until(page, "frame.variable === 'field'")
        slider(page).press("End")
        until(page, "frame.index.time === 2")
        assert page.locator(MESSAGE).count() == 0


def test_a_dataset_of_nothing_says_so(quiet_page: Page) -> None:
    with bare(quiet_page, portal.view(xr.Dataset())):
        quiet_page.get_by_text("This dataset has no variable to show.").first.wait_for()


def test_markup_in_names_is_text(quiet_page: Page) -> None:
    page = quiet_page
    page.add_init_script("window.alert = () => { window.ran = true; }")
    name = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    ds = cube(3).rename(field=name, time="<i>time</i>").assign_attrs(title=name)
    ds[name].attrs |= {"long_name": name, "units": "<b>K</b>"}
    with bare(page, portal.view(ds, title=name)):
        until(page, "frame.quality === 'still'")
        assert name in page.locator("h3").inner_text()
        page.focus(PICTURE)
        page.keyboard.press("t")
        page.keyboard.press("?")
        page.get_by_role("table").wait_for()
        assert page.locator(".portal-viewer :is(script, img, b, i)").count() == 0
        assert page.evaluate("window.ran") is None


def lazy_cube(chunk: Any, chunks: tuple[tuple[int, ...], ...]) -> xr.Dataset:
    values = da.map_blocks(
        lambda block_id=None: chunk(block_id),
        chunks=chunks,
        dtype="f4",
        meta=np.empty((0,) * 3, "f4"),
    )
    return xr.Dataset({"huge": (("time", "lat", "lon"), values)})


def test_a_chunk_larger_than_memory_is_refused_before_it_is_read(
    quiet_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def chunk(block_id: tuple[int, ...]) -> np.ndarray:
        read.append(block_id)
        return np.broadcast_to(np.float32(1), (10, 10_000, 10_000))

    page = quiet_page
    ds = xr.merge(
        [
            lazy_cube(chunk, ((10,), (10_000,), (10_000,))),
            cube(3).rename(lat="y", lon="x", time="t"),
        ]
    )
    free = psutil.virtual_memory()._replace(available=6_000_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with bare(page, portal.view(ds, variable="huge")):
        problem = page.locator(MESSAGE)
        problem.wait_for()
        text = problem.inner_text()
        assert "does not fit into memory" in text
        assert "4,000,000,000 bytes" in text
        assert not read
        page.get_by_label("Variable", exact=True).select_option("field")
        until(page, "frame.variable === 'field'")


def test_a_huge_chunk_that_takes_long_is_stopped(quiet_page: Page) -> None:
    """It is said what comes, it can be stopped, and the rest of the kernel goes on meanwhile."""
    go = threading.Event()
    read: list[Any] = []

    def chunk(block_id: tuple[int, ...]) -> np.ndarray:
        read.append(block_id)
        go.wait(60)
        raise OSError("nobody waits for it any more")

    page = quiet_page
    ds = lazy_cube(chunk, ((10, 10), (10_000,), (10_000,)))
    ds = xr.merge([ds, cube(3).rename(lat="y", lon="x", time="t")])
    try:
        with bare(page, portal.view(ds, variable="huge")):
            meanwhile(page, lambda: read)
            page.get_by_text("Reading chunks of 4 GB: 0 of 1").wait_for()
            page.get_by_role("button", name="Stop", exact=True).click()
            page.get_by_text("Stopped.").wait_for()
            page.get_by_label("Variable", exact=True).select_option("field")
            until(page, "frame.variable === 'field'")
            assert len(read) == 1
    finally:
        go.set()


def test_chunks_too_large_to_keep_are_read_for_what_is_seen_alone(
    quiet_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To fetch their neighbours ahead would read each of them again and again."""
    read: list[Any] = []

    def chunk(block_id: tuple[int, ...]) -> np.ndarray:
        read.append(block_id)
        return np.full((10, 18, 36), block_id[0], "f4")

    page = quiet_page
    module = importlib.import_module("portal.viewer.render")  # the package has a function render
    monkeypatch.setattr(module, "shared_reader", lambda: Reader(cap=10_000))
    with bare(page, portal.view(lazy_cube(chunk, ((10,) * 3, (18,), (36,))))) as served:
        until(page, "frame.index.time === 0 && frame.quality === 'still'")
        page.get_by_text("too large to keep").wait_for()
        slider(page).press("ArrowRight")
        until(page, "frame.index.time === 1 && frame.quality === 'still'")
        before, frames = len(read), len(asked(served, lane="now"))
        for time in range(2, 7):
            slider(page).press("ArrowRight")
            until(page, f"frame.index.time === {time} && frame.quality === 'still'")
        assert set(read[before:]) == {(0, 0, 0)}
        assert len(read) - before <= len(asked(served, lane="now")) - frames


def test_a_store_that_stalls_halfway_can_be_left(quiet_page: Page) -> None:
    go = threading.Event()

    def chunk(block_id: tuple[int, ...]) -> np.ndarray:
        assert block_id[0] == 0 or go.wait(60)
        return np.full((1, 18, 36), block_id[0], "f4")

    page = quiet_page
    try:
        with bare(page, portal.view(lazy_cube(chunk, ((1,) * 5, (18,), (36,))))):
            until(page, "frame.index.time === 0")
            slider(page).press("End")
            page.get_by_text("Reading chunks: 0 of 1").wait_for()
            page.get_by_role("button", name="Stop", exact=True).click()
            page.get_by_text("Stopped.").wait_for()
            slider(page).press("Home")
            until(page, "frame.index.time === 0")
            assert page.locator(MESSAGE).count() == 0
            slider(page).press("End")
            go.set()
            until(page, "frame.index.time === 4")
    finally:
        go.set()


def test_a_store_that_fails_halfway_says_why_and_is_tried_again(quiet_page: Page) -> None:
    down = threading.Event()
    down.set()

    def chunk(block_id: tuple[int, ...]) -> np.ndarray:
        if block_id[0] > 2 and down.is_set():
            raise OSError("the disk <b>is</b> gone")
        return np.full((1, 18, 36), block_id[0], "f4")

    page = quiet_page
    with bare(page, portal.view(lazy_cube(chunk, ((1,) * 5, (18,), (36,))))):
        until(page, "frame.index.time === 0")
        slider(page).press("End")
        page.get_by_text("the disk <b>is</b> gone").first.wait_for()
        assert page.locator(".portal-viewer").get_attribute("data-portal-frame") is None
        slider(page).press("Home")
        until(page, "frame.index.time === 0")
        slider(page).press("End")
        page.get_by_text("the disk <b>is</b> gone").first.wait_for()
        down.clear()
        page.get_by_role("button", name="Try again").click()
        until(page, "frame.index.time === 4")


def test_two_hundred_variables_and_none_of_them_is_read_before_it_is_chosen(
    quiet_page: Page,
) -> None:
    read: list[int] = []

    def made(i: int) -> Any:
        def chunk(block_id: Any = None) -> np.ndarray:
            read.append(i)
            return np.full((18, 36), i, "f4")

        values = da.map_blocks(
            chunk, chunks=((18,), (36,)), dtype="f4", meta=np.empty((0, 0), "f4")
        )
        return ("lat", "lon"), values

    page = quiet_page
    with bare(page, portal.view(xr.Dataset({f"v{i}": made(i) for i in range(200)}))):
        until(page, "frame.variable === 'v0'")
        assert set(read) == {0}
        choice = page.get_by_label("Variable", exact=True)
        assert choice.locator("option").count() == 200
        choice.select_option("v199")
        until(page, "frame.variable === 'v199'")
        assert set(read) == {0, 199}
