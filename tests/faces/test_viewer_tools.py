"""Points, boxes and lines over a view: what they say is what xarray says."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import portal
from tests.faces.bare import bare
from tests.faces.viewing import meanwhile

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.faces.bare import Bare


@pytest.fixture(scope="module")
def ds() -> xr.Dataset:
    rng = np.random.default_rng(0)
    values = rng.normal(280, 8, (24, 3, 18, 36)).astype(np.float32)
    values[:, :, 0, :] = np.nan
    return xr.Dataset(
        {
            "t": (
                ("time", "depth", "lat", "lon"),
                values,
                {"units": "K", "long_name": "Temperature"},
            )
        },
        {
            "time": np.arange("2001-01", "2003-01", dtype="M8[M]").astype("M8[ns]"),
            "depth": ("depth", [5.0, 20.0, 50.0], {"units": "m", "positive": "down"}),
            "lat": ("lat", np.arange(-85.0, 90, 10), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(-175.0, 180, 10), {"units": "degrees_east"}),
        },
    )


@pytest.fixture
def shown(quiet_page: Page, ds: xr.Dataset) -> Iterator[tuple[Page, Bare]]:
    with bare(quiet_page, portal.view(ds)) as served:
        quiet_page.locator(".portal-viewer[data-portal-frame]").wait_for()
        yield quiet_page, served


def pixel(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where on the page a place of a whole map in plate carrée is."""
    edge = page.locator(".portal-viewer-overlay").first.bounding_box()
    assert edge is not None
    return (
        edge["x"] + (lon + 180) / 360 * edge["width"],
        edge["y"] + (90 - lat) / 180 * edge["height"],
    )


def click(page: Page, lon: float, lat: float) -> None:
    page.mouse.click(*pixel(page, lon, lat))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*pixel(page, *start))
    page.mouse.down()
    page.mouse.move(*pixel(page, *((a + b) / 2 for a, b in zip(start, end, strict=True))))
    page.mouse.move(*pixel(page, *end))
    page.mouse.up()


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def saved(page: Page, part: Locator) -> list[list[str]]:
    with page.expect_download() as download:
        part.click()
    return list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))


def test_a_click_shows_the_series_at_that_place(shown: tuple[Page, Bare], ds: xr.Dataset) -> None:
    page, _ = shown
    click(page, 23, 47)
    points = card(page, "Points")
    points.locator(".portal-reading[data-state=done]").wait_for()
    assert points.get_by_text("45°N 25°E").is_visible()
    rows = saved(page, points.get_by_role("button", name="Save the series as CSV"))
    assert rows[0] == ["time", "1 45°N 25°E (K)"]
    assert rows[1][0] == "2001-01-01"
    series = ds.t.sel(lat=45, lon=25).isel(depth=0)
    np.testing.assert_array_equal([np.float32(r[1]) for r in rows[1:]], series.values)
    chart = points.locator("canvas")
    said = chart.get_attribute("aria-label") or ""
    assert "from time 2001-01-01 to time 2002-12-01" in said
    assert "45°N 25°E between" in said


def test_points_are_compared_and_removed(shown: tuple[Page, Bare]) -> None:
    page, _ = shown
    click(page, 25, 45)
    points = card(page, "Points")
    items = points.get_by_role("listitem")
    points.locator("li:nth-child(1) [data-state=done]").wait_for()
    click(page, -95, -35)
    points.locator("li:nth-child(2) [data-state=done]").wait_for()
    marks = page.locator(".portal-mark-point")
    assert marks.count() == 2
    colors = {marks.nth(i).locator("circle").get_attribute("fill") for i in range(2)}
    assert len(colors) == 2
    points.get_by_role("button", name="Remove point 1, 45°N 25°E").click()
    assert items.count() == 1
    assert points.get_by_text("35°S 95°W").is_visible()


def test_a_point_is_undone_and_done_again(shown: tuple[Page, Bare]) -> None:
    page, _ = shown
    click(page, 25, 45)
    points = card(page, "Points")
    points.locator("li [data-state=done]").wait_for()
    canvas = page.locator(".portal-viewer-stage canvas[role=img]").first
    canvas.press("Control+z")
    points.wait_for(state="hidden")
    canvas.press("Control+Shift+z")
    points.get_by_text("45°N 25°E").wait_for()
    assert points.get_by_role("listitem").count() == 1


def test_the_keys_alone_pick_a_point_and_read_its_chart(
    shown: tuple[Page, Bare], ds: xr.Dataset
) -> None:
    from playwright.sync_api import expect

    page, _ = shown
    canvas = page.locator(".portal-viewer-stage canvas[role=img]").first
    canvas.press("ArrowRight")
    canvas.press("Enter")
    points = card(page, "Points")
    points.locator("li [data-state=done]").wait_for()
    chart = points.locator("canvas[aria-label]")
    chart.wait_for()
    chart.press("End")
    said = points.locator(".portal-chart-readout")
    chart.press("ArrowRight")
    label = points.locator(".portal-point-name").inner_text()
    lat, lon = (float(p[:-2]) * (-1 if p[-1] in "SW" else 1) for p in label.split())
    value = ds.t.sel(lat=lat, lon=lon).isel(depth=0).values
    step = 1 if "2001-02" in said.inner_text() else 0
    assert f"{value[step]:.3f}"[:5] in said.inner_text()
    points.get_by_text("Numbers").click()
    expect(points.locator("tbody tr")).to_have_count(24)


def test_a_profile_points_down(shown: tuple[Page, Bare], ds: xr.Dataset) -> None:
    page, served = shown
    click(page, 25, 45)
    points = card(page, "Points")
    points.locator("li [data-state=done]").wait_for()
    points.get_by_label("Along").select_option("depth")
    page.wait_for_function("sent.filter(m => m.method === 'series').length === 2")
    points.locator("li [data-state=done]").wait_for()
    rows = saved(page, points.get_by_role("button", name="Save the series as CSV"))
    profile = ds.t.sel(lat=45, lon=25).isel(time=0)
    np.testing.assert_array_equal([float(r[0]) for r in rows[1:]], ds.depth.values)
    np.testing.assert_array_equal([np.float32(r[1]) for r in rows[1:]], profile.values)
    asked = [m["params"] for m in served.heard if m.get("method") == "series"]
    assert asked[-1]["along"] == "depth"


def statistic(page: Page, name: str) -> float:
    text = card(page, "Box").locator(f"[data-portal-stat={name}]").get_attribute("data-value")
    assert text is not None
    return float(text)


def expected_box(ds: xr.Dataset, ends: list[float]) -> xr.DataArray:
    x0, y0, x1, y1 = ends
    inside = (ds.lon >= x0) & (ds.lon <= x1) & (ds.lat >= y0) & (ds.lat <= y1)
    return ds.t.isel(depth=0).astype("f8").where(inside)


def test_a_box_is_drawn_and_counted(shown: tuple[Page, Bare], ds: xr.Dataset) -> None:
    page, served = shown
    page.get_by_role("button", name="Draw a box").click()
    drag(page, (-62, 12), (41, 68))
    box = card(page, "Box")
    box.locator("[data-portal-stat=mean]").wait_for()
    ends = next(m["params"]["ends"] for m in served.heard if m.get("method") == "box")
    np.testing.assert_allclose(ends, [-62, 12, 41, 68], atol=1.5)
    cells = expected_box(ds, ends)
    weighted = cells[0].weighted(np.cos(np.deg2rad(ds.lat)))
    assert statistic(page, "mean") == pytest.approx(weighted.mean().item())
    assert statistic(page, "deviation") == pytest.approx(weighted.std().item())
    assert statistic(page, "low") == cells[0].min().item()
    assert statistic(page, "count") == cells[0].count().item()
    assert "cosine of latitude" in box.inner_text()
    box.get_by_label("Mean along").select_option("time")
    box.locator(".portal-reading[data-state=done]").wait_for()
    rows = saved(page, box.get_by_role("button", name="Save the means as CSV"))
    means = cells.weighted(np.cos(np.deg2rad(ds.lat))).mean(("lat", "lon"))
    np.testing.assert_allclose([float(r[1]) for r in rows[1:]], means.values)


def test_the_ends_of_a_box_are_typed(shown: tuple[Page, Bare], ds: xr.Dataset) -> None:
    page, _ = shown
    button = page.get_by_role("button", name="Draw a box")
    button.press("Enter")
    box = card(page, "Box")
    for name, value in (("x from", 0), ("y from", -90), ("x to", 50), ("y to", 20)):
        box.get_by_label(name).fill(str(value))
    box.get_by_label("y to").press("Enter")
    box.locator("[data-portal-stat=missing]").wait_for()
    cells = expected_box(ds, [0, -90, 50, 20])[0]
    assert statistic(page, "missing") == 5
    assert statistic(page, "count") == cells.count().item()
    assert statistic(page, "high") == cells.max().item()
    box.get_by_role("button", name="Close Box").click()
    assert box.is_hidden()
    assert page.locator(".portal-mark-shape").count() == 0


def test_a_line_and_the_section_under_it(shown: tuple[Page, Bare], ds: xr.Dataset) -> None:
    page, _ = shown
    page.get_by_role("button", name="Draw a line").click()
    line = card(page, "Line")
    for name, value in zip(
        ("x of one end", "y of one end", "x of the other", "y of the other"),
        (-25, -45, -25, 65),
        strict=True,
    ):
        line.get_by_label(name).fill(str(value))
    line.get_by_role("button", name="Show").click()
    chart = line.locator("canvas[aria-label^='Values along']")
    chart.wait_for()
    rows = saved(page, line.get_by_role("button", name="Save the values"))
    expected = ds.t.isel(time=0, depth=0).sel(lon=-25, lat=slice(-45, 65))
    np.testing.assert_array_equal([np.float32(r[1]) for r in rows[1:]], expected.values)
    assert float(rows[-1][0]) == pytest.approx(110 * np.pi / 180 * 6371.0, rel=0.05)
    line.get_by_label("Section through").select_option("depth")
    section = line.locator("canvas[aria-label^='Section along']")
    section.wait_for()
    assert section.get_attribute("aria-label") == "Section along the line: 3 rows of 12 cells"
    line.locator(".portal-reading[data-state=done]").wait_for()
    section.press("ArrowDown")
    value = ds.t.isel(time=0).sel(lon=-25, lat=-45).values[1]
    assert f"{value:.3f}"[:5] in line.locator(".portal-chart-readout").nth(1).inner_text()


def slow(ds: xr.Dataset) -> tuple[xr.Dataset, threading.Event]:
    """The dataset with chunks, all but the first, that wait until they are let go."""
    gate = threading.Event()
    source = ds.t.values

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        assert block_id[0] == 0 or gate.wait(20)
        return source[block_id[0] : block_id[0] + 1]

    return in_chunks(ds, block), gate


def in_chunks(ds: xr.Dataset, block: Callable[[tuple[int, ...]], np.ndarray]) -> xr.Dataset:
    """The dataset in one chunk a time, each made by a function."""
    data = da.map_blocks(
        lambda block_id=None: block(block_id),
        chunks=((1,) * 24, (3,), (18,), (36,)),
        dtype="f4",
        meta=np.empty((0,) * 4, "f4"),
    )
    return ds.assign(t=(ds.t.dims, data, ds.t.attrs))


def test_reading_is_shown_and_stopped(quiet_page: Page, ds: xr.Dataset) -> None:
    page = quiet_page
    held, gate = slow(ds)
    with bare(page, portal.view(held)) as served:
        page.locator(".portal-viewer[data-portal-frame]").wait_for()
        click(page, 25, 45)
        points = card(page, "Points")
        stop = points.get_by_role("button", name="Stop reading")
        stop.wait_for()
        # The slice of the picture is there: the others have to be read.
        points.get_by_text("23 chunks").wait_for()
        stop.click()
        points.locator("li [data-state=stopped]").wait_for()
        page.wait_for_function("sent.some(m => m.cancel)")
        meanwhile(page, lambda: any(m.get("cancel") for m in list(served.heard)))
        gate.set()
        click(page, -95, 35)
        points.locator("li:nth-child(2) [data-state=done]").wait_for()


def test_a_store_that_fails_is_said(quiet_page: Page, ds: xr.Dataset) -> None:
    def fail(block_id: tuple[int, ...]) -> np.ndarray:
        if block_id[0]:
            raise OSError("the disk is gone")
        return np.zeros((1, 3, 18, 36), "f4")

    page = quiet_page
    with bare(page, portal.view(in_chunks(ds, fail))):
        page.locator(".portal-viewer[data-portal-frame]").wait_for()
        click(page, 25, 45)
        failed = card(page, "Points").locator("li [data-state=failed]")
        failed.wait_for()
        assert "the disk is gone" in failed.inner_text()
