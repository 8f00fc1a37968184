"""Two datasets in one view: side by side they move together, and the tools read both."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from tests.faces.bare import bare
from tests.faces.test_viewer_tools import card, click, drag, saved
from tests.faces.viewing import PICTURE, READOUT, slider, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

MONTHS = np.arange("2001-01", "2002-01", dtype="M8[M]").astype("M8[ns]")


def model(months: np.ndarray, side: int, base: float, units: str = "K") -> xr.Dataset:
    """A field of `base` + longitude + 10 × latitude + the month, on a grid of `side` degrees."""
    lat = np.arange(-90 + side / 2, 90, side)
    lon = np.arange(-180 + side / 2, 180, side)
    month = months.astype("M8[M]").astype(int) - 31 * 12
    values = base + lon + 10 * lat[:, None] + 1000.0 * month[:, None, None]
    return xr.Dataset(
        {"t": (("time", "lat", "lon"), values, {"units": units, "long_name": "Temperature"})},
        {
            "time": months,
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


@pytest.fixture(scope="module")
def first() -> xr.Dataset:
    return model(MONTHS, 10, 0)


@pytest.fixture(scope="module")
def coarse() -> xr.Dataset:
    """Other cells, and only every third month, newest first."""
    return model(MONTHS[::-3], 30, 5)


def side_by_side(**more: Any) -> dict[str, Any]:
    return {"compare": {"mode": "side", "data": "b", "variable": "t"}, **more}


def difference(**more: Any) -> dict[str, Any]:
    return {"compare": {"mode": "difference", "data": "b", "variable": "t"}, **more}


def second(page: Page, expression: str = "true") -> Locator:
    """Wait until what the second picture shows is so."""
    page.wait_for_function(
        "expression => { const pane = document.querySelectorAll('.portal-viewer-pane')[1];"
        " const frame = pane?.dataset.portalFrame && JSON.parse(pane.dataset.portalFrame);"
        " return frame && new Function('frame', `return ${expression}`)(frame); }",
        arg=expression,
    )
    return page.locator(".portal-viewer-pane").nth(1)


@contextmanager
def compared(page: Page, first: xr.Dataset, other: xr.Dataset) -> Iterator[Locator]:
    """Show two datasets side by side until both are still; give the second picture."""
    with bare(page, portal.view(first, compare=other, state=side_by_side())):
        until(page, "frame.quality === 'still'")
        yield second(page, "frame.quality === 'still'")


def test_other_grids_move_together_by_their_labels(
    quiet_page: Page, first: xr.Dataset, coarse: xr.Dataset
) -> None:
    page = quiet_page
    with bare(page, portal.view(first, compare=coarse, state=side_by_side())):
        until(page, "frame.index.time === 0")
        pane = second(page, "frame.index.time === 3")  # March is the nearest it has to January
        assert "the other dataset" in pane.locator("h4").inner_text()
        slider(page).press("End")
        until(page, "frame.index.time === 11")
        second(page, "frame.index.time === 0")
        overlays = page.locator(".portal-viewer-overlay")
        for picture, zoomed in ((0, False), (1, False), (0, True), (1, True)):
            if zoomed and picture == 0:
                page.get_by_role("button", name="Zoom in").click()
                page.wait_for_function("model.get('state').window")
            west, east = (page.evaluate("model.get('state').window") or [-180, 180])[:2]
            edge = overlays.nth(picture).bounding_box()
            assert edge is not None
            page.mouse.move(edge["x"] + 0.3 * edge["width"], edge["y"] + 0.3 * edge["height"])
            lon = west + 0.3 * (east - west)
            here, there = (float(n) for n in re.findall(r"([\d.]+)°W", page.inner_text(READOUT)))
            assert here == pytest.approx(-lon, abs=6)
            assert there == pytest.approx(-lon, abs=20)


def test_the_read_out_and_the_points_say_both(
    quiet_page: Page, first: xr.Dataset, coarse: xr.Dataset
) -> None:
    page = quiet_page
    with compared(page, first, coarse):
        click(page, 15, 45)
        points = card(page, "Points")
        page.wait_for_function(
            "document.querySelectorAll('.portal-marks .portal-mark-point').length === 2"
        )
        points.locator(".portal-reading[data-state=done]").wait_for()
        here, there = page.inner_text(READOUT).split(" · ")[:2]
        numbers = [
            float(re.search(r"([\d,.]+) K", text)[1].replace(",", "")) for text in (here, there)
        ]
        np.testing.assert_allclose(numbers, [465, 2470], rtol=1e-3)
        points.locator("canvas[aria-label*='(the other dataset) between']").wait_for()
        rows = saved(page, points.get_by_role("button", name="Save the series as CSV"))
    assert rows[0] == [
        "time",
        "1 45°N 15°E · Temperature (K)",
        "1 45°N 15°E · Temperature (the other dataset) (K)",
    ]
    found = np.array([[float(v or "nan") for v in row[1:]] for row in rows[1:]])
    np.testing.assert_array_equal(found[:, 0], first.t.sel(lat=45, lon=15).values)
    theirs = coarse.t.sel(lat=45, lon=15).reindex(time=first.time)
    known = theirs.notnull().values
    np.testing.assert_array_equal(found[known, 1], theirs.values[known])


def test_a_click_on_the_second_picture_picks_that_place(
    quiet_page: Page, first: xr.Dataset, coarse: xr.Dataset
) -> None:
    page = quiet_page
    with compared(page, first, coarse) as pane:
        edge = pane.locator(".portal-viewer-overlay").bounding_box()
        assert edge is not None
        page.mouse.click(edge["x"] + edge["width"] * 0.625, edge["y"] + edge["height"] * 0.25)
        points = card(page, "Points")
        points.locator(".portal-reading[data-state=done]").wait_for()
        assert points.locator(".portal-point-name").inner_text() in {"45°N 45°E", "45°N 35°E"}


def test_a_box_counts_in_both_and_a_line_lies_on_both(
    quiet_page: Page, first: xr.Dataset, coarse: xr.Dataset
) -> None:
    page = quiet_page
    with compared(page, first, coarse):
        page.get_by_role("button", name="Draw a box").click()
        drag(page, (-60, 0), (60, 60))
        box = card(page, "Box")
        means = box.locator("[data-portal-stat=mean]")
        page.wait_for_function("document.querySelectorAll('[data-portal-stat=mean]').length === 2")
        ends = [float(f.input_value()) for f in box.locator("form input").all()]
        west, south, east, north = ends
        for i, (ds, step) in enumerate(((first, 0), (coarse, 3))):
            inside = ds.t[step].where(
                (ds.lon >= west) & (ds.lon <= east) & (ds.lat >= south) & (ds.lat <= north)
            )
            expected = inside.weighted(np.cos(np.deg2rad(ds.lat))).mean().item()
            found = float(means.nth(i).get_attribute("data-value") or "nan")
            assert found == pytest.approx(expected)
        assert "Temperature (the other dataset)" in box.inner_text()
        box.get_by_label("Mean along").select_option("time")
        box.locator(".portal-reading[data-state=done]").wait_for()
        rows = saved(page, box.get_by_role("button", name="Save the means as CSV"))
        assert rows[0][1:] == [
            "Mean · Temperature (K)",
            "Mean · Temperature (the other dataset) (K)",
        ]
        page.get_by_role("button", name="Draw a line").click()
        drag(page, (-60, 45), (60, 45))
        line = card(page, "Line")
        line.locator("canvas[aria-label*='(the other dataset) between']").wait_for()


def test_tools_read_the_difference(quiet_page: Page, first: xr.Dataset) -> None:
    page = quiet_page
    other = model(MONTHS, 10, 3).isel(lat=slice(None, None, -1))
    other["t"] = other.t * (1 + (other.lon > 0))
    expected = (first.t - other.t).astype("f8")
    with bare(page, portal.view(first, compare=other, state=difference())):
        until(page, "frame.quality === 'still'")
        click(page, 15, 45)
        points = card(page, "Points")
        points.locator(".portal-reading[data-state=done]").wait_for()
        rows = saved(page, points.get_by_role("button", name="Save the series as CSV"))
        found = [float(row[1]) for row in rows[1:]]
        np.testing.assert_allclose(found, expected.sel(lat=45, lon=15).values)
        page.get_by_role("button", name="Draw a box").click()
        drag(page, (-60, 0), (60, 60))
        box = card(page, "Box")
        mean = box.locator("[data-portal-stat=mean]")
        mean.wait_for()
        west, south, east, north = (float(f.input_value()) for f in box.locator("form input").all())
        inside = expected[0].where(
            (first.lon >= west) & (first.lon <= east) & (first.lat >= south) & (first.lat <= north)
        )
        weighted = inside.weighted(np.cos(np.deg2rad(first.lat))).mean().item()
        assert float(mean.get_attribute("data-value") or "nan") == pytest.approx(weighted)


@pytest.mark.parametrize("kind", ["other units", "other dimensions", "no second dataset"])
def test_why_there_is_no_difference(quiet_page: Page, first: xr.Dataset, kind: str) -> None:
    page = quiet_page
    others = {
        "other units": (model(MONTHS, 10, 0, "mm"), "one is in K, the other in mm"),
        "other dimensions": (first.rename(lat="row"), "it has no dimension lat"),
        "no second dataset": (None, "There is no second dataset"),
    }
    other, said = others[kind]
    with bare(page, portal.view(first, compare=other, state=difference())):
        page.get_by_text(said).first.wait_for()
        if other is not None:
            page.get_by_role("button", name="Compare", exact=True).click()
            page.get_by_label("Compared with").select_option("")
            until(page, "frame.variable === 't'")


def test_two_clicks_are_two_steps_of_undo_and_a_drag_is_one(
    quiet_page: Page, first: xr.Dataset
) -> None:
    page = quiet_page
    with bare(page, portal.view(first)):
        until(page, "frame.quality === 'still'")
        click(page, 15, 45)
        click(page, -105, -35)
        items = card(page, "Points").get_by_role("listitem")
        page.wait_for_function("model.get('state').points.length === 2")
        thumb = slider(page).bounding_box()
        assert thumb is not None
        middle = thumb["y"] + thumb["height"] / 2
        page.mouse.move(thumb["x"] + 9, middle)
        page.mouse.down()
        for share in (0.2, 0.5, 0.8):
            page.mouse.move(thumb["x"] + share * thumb["width"], middle)
            # It stands still under the pointer for a while: the state is kept then.
            page.wait_for_function(
                "share => Math.abs(model.get('state').index.time / 11 - share) < 0.15", arg=share
            )
        page.mouse.up()
        picture = page.locator(PICTURE).first
        picture.press("Control+z")
        until(page, "frame.index.time === 0")
        assert items.count() == 2
        picture.press("Control+z")
        page.wait_for_function("document.querySelectorAll('.portal-points li').length === 1")
        picture.press("Control+z")
        card(page, "Points").wait_for(state="hidden")
        assert page.get_by_role("button", name="Undo").is_disabled()
