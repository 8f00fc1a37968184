"""What one does with the viewer: by pointer, by keyboard, in either theme, narrow and wide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from tests.faces.bare import bare
from tests.faces.looks import plot
from tests.faces.viewing import PICTURE, READOUT, Gate, asked, cube, meanwhile, slider, until

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def view(quiet_page: Page) -> Page:
    return quiet_page


def test_undo_and_redo(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        slider(view).press("End")
        until(view, "frame.index.time === 39")
        view.get_by_label("Variable", exact=True).select_option("other")
        until(view, "frame.variable === 'other'")
        view.focus(PICTURE)
        view.keyboard.press("Control+z")
        until(view, "frame.variable === 'field' && frame.index.time === 39")
        view.keyboard.press("Control+z")
        until(view, "frame.index.time === 0")
        assert slider(view).input_value() == "0"
        view.keyboard.press("Control+Shift+Z")
        until(view, "frame.index.time === 39")
        view.get_by_role("button", name="Redo").click()
        until(view, "frame.variable === 'other'")
        assert view.get_by_role("button", name="Redo").is_disabled()


def test_the_keyboard_does_all_of_it(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        view.focus(PICTURE)
        view.keyboard.press("]")
        until(view, "frame.index.time === 1")
        view.keyboard.press("[")
        until(view, "frame.index.time === 0")
        readout = view.locator(READOUT)
        view.keyboard.press("ArrowRight")
        first = readout.inner_text()
        assert re.match(r"[01] K at", first)
        view.keyboard.press("ArrowRight")
        assert readout.inner_text() != first
        view.keyboard.press("?")
        assert view.get_by_role("region", name="Keys").is_visible()
        view.keyboard.press("t")
        assert view.get_by_role("table").is_visible()
        assert view.get_by_role("row").count() > 10
        view.keyboard.press("Escape")
        assert view.get_by_role("table").is_hidden()
        assert readout.inner_text().strip() == ""
        view.keyboard.press(" ")
        until(view, "frame.index.time >= 2")
        view.keyboard.press(" ")
        assert view.get_by_role("button", name="Play time").is_visible()
        view.keyboard.press("Tab")
        focused = view.evaluate("document.activeElement.tagName")
        assert focused in {"BUTTON", "INPUT", "SELECT", "SUMMARY", "DIV"}


def test_what_a_frame_does_not_reach_is_filled_with_what_was_seen_before(view: Page) -> None:
    lat, lon = np.linspace(-89, 89, 500), np.linspace(-179.5, 179.5, 1_500)
    field = np.broadcast_to(lon.astype(np.float32), (2, lat.size, lon.size))
    ds = xr.Dataset({"field": (("time", "lat", "lon"), field)}, {"lat": lat, "lon": lon})
    widget = portal.view(ds, state={"coasts": False})
    gate = Gate(widget)
    with bare(view, widget) as served:
        until(view, "frame.quality === 'still'")
        viewer = view.locator(".portal-viewer")
        view.focus(PICTURE)
        view.keyboard.press("+")
        view.keyboard.press("+")
        meanwhile(view, lambda: [p for p in asked(served, quality="still") if p.get("window")])
        until(view, "frame.quality === 'still'")
        for keys in (["Shift+ArrowRight"] * 2, ["-"]):
            gate.open.clear()
            before = len(asked(served))
            for key in keys:
                view.keyboard.press(key)
            held = plot(viewer)
            meanwhile(view, lambda before=before: len(asked(served)) > before)
            assert view.locator(".portal-viewer-rim").is_visible()
            gate.open.set()
            view.locator(".portal-viewer-rim").wait_for(state="hidden")
            apart = np.abs(held - plot(viewer)).max(axis=-1)
            assert apart[5:-5, 5:-5].max() < 16, keys


def test_a_step_can_be_typed(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        view.get_by_role("button", name="Type a step of time").click()
        view.keyboard.type("31")
        view.keyboard.press("Enter")
        until(view, "frame.index.time === 30")
        view.get_by_role("button", name="Next time").click()
        until(view, "frame.index.time === 31")


def test_two_variables_are_linked(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        view.get_by_role("button", name="Compare", exact=True).click()
        view.get_by_label("Compared with").select_option("a:other")
        view.keyboard.press("Escape")
        second = view.locator(".portal-viewer-pane").nth(1)
        second.and_(view.locator("[data-portal-frame*='other']")).wait_for()
        slider(view).press("End")
        second.and_(view.locator("""[data-portal-frame*='"time":39']""")).wait_for()
        until(view, "frame.variable === 'field' && frame.index.time === 39")
        pictures = view.locator(PICTURE)
        box = pictures.nth(0).bounding_box()
        assert box is not None
        view.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2)
        view.locator(READOUT, has_text="−40 K at").wait_for()
        text = view.inner_text(READOUT)
        here, there = text.split(" · ")
        assert "field" in here
        assert "40 K at" in here
        assert "−40 K at" in there
        assert here.split(" at ")[1] == there.split(" at ")[1]


def test_the_difference_is_asked_of_the_kernel(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        view.get_by_role("button", name="Compare", exact=True).click()
        view.get_by_label("How").select_option("difference")
        view.get_by_label("Compared with").select_option("a:other")
        minus = "sent.some(m => m.params?.minus === 'other' && m.params.variable === 'field')"
        view.wait_for_function(minus)
        view.wait_for_function("document.querySelector('h3').textContent.includes('minus')")


def test_any_two_dimensions_on_the_axes(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        view.get_by_role("button", name="Dimensions on the axes").click()
        view.get_by_label("Across").select_option("time")
        until(view, "'lon' in frame.index")
        assert view.evaluate("sent.some(m => m.params?.x === 'time')")
        assert slider(view, "lon").count() == 1
        assert slider(view, "time").count() == 0


def test_two_hundred_variables_can_be_filtered(view: Page) -> None:
    ds = cube(2).rename(field="v0").drop_vars("other")
    ds = ds.assign({f"v{i}": ds.v0 + i for i in range(1, 200)})
    with bare(view, portal.view(ds)):
        until(view, "frame.variable === 'v0'")
        view.get_by_label("Filter by name").fill("v19")
        assert view.get_by_label("Variable", exact=True).locator("option").count() == 12
        view.get_by_label("Filter by name").press("Enter")
        until(view, "frame.variable === 'v19'")


def test_a_summary_for_those_who_do_not_see_it(view: Page) -> None:
    with bare(view, portal.view(cube(), title="Numbers")):
        until(view, "frame.index.time === 0")
        name = "Numbers: field (K), time 1 of 40, values from 0 K to 1 K"
        view.wait_for_function(
            "name => document.querySelector('[role=status].portal-viewer-live').textContent === name",
            arg=name,
        )
        assert view.get_attribute(PICTURE, "aria-label") == name


@pytest.mark.parametrize("width", [360, 900])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(view: Page, width: int, scheme: Any) -> None:
    view.set_viewport_size({"width": width, "height": 700})
    view.emulate_media(color_scheme=scheme)
    with bare(view, portal.view(cube())):
        until(view, "frame.quality === 'still'")
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        more = view.get_by_role("button", name="Tools", exact=True)
        assert more.is_visible() == (width == 360)
        if width == 360:
            more.click()
        assert view.get_by_role("button", name="Zoom in").is_visible()
        ink = view.evaluate("getComputedStyle(document.querySelector('.portal-viewer')).color")
        light = sum(map(int, re.findall(r"\d+", ink)[:3])) > 380
        assert light == (scheme == "dark")


def test_an_export_is_as_the_screen(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.quality === 'still'")
        view.locator("summary").filter(has_text="Save").click()
        with view.expect_download() as download:
            view.get_by_role("button", name="Save as PNG").click()
        assert download.value.suggested_filename.endswith(".png")
