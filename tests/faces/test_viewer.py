"""The viewer's front-end on the bare page: what it asks for, when, and what it shows meanwhile."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from portal.errors import Unreadable
from tests.faces.bare import Bare, bare

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PICTURE = ".portal-viewer-stage canvas[role=img]"


def cube(times: int = 40, side: int = 1) -> xr.Dataset:
    """Each slice holds its own number everywhere; another variable holds its negative."""
    lat, lon = np.arange(-85.0, 90, 10 / side), np.arange(-175.0, 180, 10 / side)
    values = np.broadcast_to(
        np.arange(times, dtype=np.float32)[:, None, None], (times, lat.size, lon.size)
    )
    east = values + (lon > 0).astype(np.float32)
    dims = ("time", "lat", "lon")
    return xr.Dataset(
        {"field": (dims, east, {"units": "K"}), "other": (dims, -east, {"units": "K"})},
        {"lat": lat, "lon": lon},
    )


@pytest.fixture
def view(quiet_page: Page) -> Page:
    return quiet_page


def shown(page: Page) -> dict[str, Any]:
    text = page.get_attribute(".portal-viewer", "data-portal-frame")
    return json.loads(text) if text else {}


def until(page: Page, expression: str) -> None:
    """Wait until an expression of `frame`, what is painted, is true."""
    page.wait_for_function(
        "expression => { const text = document.querySelector('.portal-viewer').dataset.portalFrame;"
        " const frame = text ? JSON.parse(text) : null;"
        " return frame && new Function('frame', `return ${expression}`)(frame); }",
        arg=expression,
    )


def asked(served: Bare, **wanted: Any) -> list[dict[str, Any]]:
    """Return the params of the frames that were asked for and have these values."""
    frames = [m["params"] for m in list(served.heard) if m.get("method") == "frame"]
    return [p for p in frames if all(p.get(k) == v for k, v in wanted.items())]


def slider(page: Page, name: str = "time") -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


class Gate:
    """Holds the kernel's frames back until it is opened."""

    def __init__(self, widget: Any) -> None:
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)
        answer = widget._viewer.answer

        def held(request: Any, *more: Any, **options: Any) -> Any:
            self.begun.release()
            assert self.open.wait(20)
            return answer(request, *more, **options)

        widget._viewer.answer = held


def test_the_next_step_was_fetched_ahead_and_asks_for_nothing(view: Page) -> None:
    with bare(view, portal.view(cube())) as served:
        until(view, "frame.index.time === 0")
        slider(view).press("ArrowRight")
        until(view, "frame.index.time === 1")
        view.wait_for_function("sent.some(m => m.params?.index?.time >= 3)")
        before = len(asked(served, lane="now"))
        at_once = view.evaluate(
            """() => {
                const range = document.querySelector('input[type=range]');
                range.value = 2;
                range.dispatchEvent(new Event('input'));
                return JSON.parse(document.querySelector('.portal-viewer').dataset.portalFrame);
            }"""
        )
        # Painted in the event's own turn: no answer of the kernel could have come meanwhile.
        assert at_once["index"] == {"time": 2}
        assert len(asked(served, lane="now")) == before


def test_a_jump_cancels_what_was_fetched_ahead(view: Page) -> None:
    widget = portal.view(cube(400))
    gate = Gate(widget)
    with bare(view, widget) as served:
        until(view, "frame.index.time === 0")
        slider(view).press("ArrowRight")
        until(view, "frame.index.time === 1")
        view.wait_for_function("sent.some(m => m.params?.index?.time === 3)")
        gate.open.clear()
        slider(view).press("ArrowRight")
        view.wait_for_function(
            "sent.some(m => m.params?.lane === 'ahead' && m.params.index.time > 3)"
        )
        slider(view).press("End")
        view.wait_for_function("sent.some(m => m.cancel)")
        cancelled = {m["id"] for m in served.heard if m.get("cancel")}
        ahead = {m["id"] for m in served.heard if m.get("params", {}).get("lane") == "ahead"}
        assert cancelled <= ahead
        gate.open.set()
        until(view, "frame.index.time === 399")


def test_only_the_newest_position_is_shown(view: Page) -> None:
    widget = portal.view(cube(400))
    gate = Gate(widget)
    with bare(view, widget) as served:
        until(view, "frame.index.time === 0")
        gate.open.clear()
        order = "() => { window.order = []; document.addEventListener('portal-painted', e => order.push(e.detail.index.time)); }"
        view.evaluate(order)
        for time in (100, 200, 300):
            view.evaluate(
                "i => { const r = document.querySelector('input[type=range]');"
                " r.value = i; r.dispatchEvent(new Event('input')); }",
                time,
            )
        gate.open.set()
        until(view, "frame.index.time === 300")
        painted = view.evaluate("order")
        assert painted == sorted(painted)
        # While the first was read, the second was wanted and given up.
        assert not asked(served, index={"time": 200})


def test_what_stands_still_is_asked_for_again_in_full_quality(view: Page) -> None:
    with bare(view, portal.view(cube(5, side=32))) as served:
        until(view, "frame.quality === 'still'")
        slider(view).press("ArrowRight")
        until(view, "frame.index.time === 1 && frame.quality === 'still'")
        stills = asked(served, quality="still", index={"time": 1})
        assert len(stills) == 1
        assert asked(served, quality="moving", index={"time": 1})


def test_playing_shows_each_step_in_its_order(view: Page) -> None:
    with bare(view, portal.view(cube(12))):
        until(view, "frame.index.time === 0")
        view.evaluate(
            "() => { window.order = [];"
            " document.addEventListener('portal-painted', e => order.push(e.detail.index.time)); }"
        )
        view.get_by_label("Speed of playing").select_option("30")
        view.get_by_role("button", name="Play time").click()
        view.wait_for_function("order.length >= 20")
        view.get_by_role("button", name="Pause time").click()
        steps = view.evaluate("order.slice(0, 20)")
        assert steps == [i % 12 for i in range(1, 21)]


def test_a_zoom_asks_for_the_window_that_is_seen(view: Page) -> None:
    with bare(view, portal.view(cube(3, side=32))) as served:
        until(view, "frame.quality === 'still'")
        view.focus(PICTURE)
        for _ in range(3):
            view.keyboard.press("+")
        view.wait_for_function("sent.some(m => m.params?.window)")
        until(view, "frame.quality === 'still'")
        window = asked(served)[-1]["window"]
        # About the middle of the map, 1.5³ times as near.
        np.testing.assert_allclose(window, [-53.3, 53.3, -26.7, 26.7], atol=3)
        view.keyboard.press("0")
        view.wait_for_function("!sent.filter(m => m.method === 'frame').at(-1).params.window")


def test_cells_that_are_held_are_not_asked_for_by_a_zoom(view: Page) -> None:
    with bare(view, portal.view(cube(1))) as served:
        until(view, "frame.quality === 'still'")
        before = len(asked(served))
        plot = view.get_attribute(PICTURE, "data-portal-plot")
        view.focus(PICTURE)
        view.keyboard.press("+")
        tick = "() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 400))"
        view.evaluate(tick)
        assert len(asked(served)) == before
        assert plot is not None
        x, y, width, height = map(float, plot.split())
        view.hover(PICTURE, position={"x": x + 2, "y": y + height / 2})
        text = view.inner_text(".portal-viewer-readout")
        west = re.search(r"([\d.]+)°W", text)
        assert west is not None
        assert float(west[1]) == pytest.approx(120, abs=6)
        assert width > height


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
        readout = view.locator(".portal-viewer-readout")
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
        text = view.inner_text(".portal-viewer-readout")
        here, there = text.split(" · ")
        assert "field" in here
        assert "40 K at" in here
        assert "−40 K at" in there
        assert here.split(" at ")[1] == there.split(" at ")[1]


def test_the_difference_is_asked_of_the_kernel(view: Page) -> None:
    with bare(view, portal.view(cube())) as served:
        until(view, "frame.index.time === 0")
        view.get_by_role("button", name="Compare", exact=True).click()
        view.get_by_label("How").select_option("difference")
        view.get_by_label("Compared with").select_option("a:other")
        view.wait_for_function("sent.some(m => m.params?.minus === 'other')")
        view.wait_for_function("document.querySelector('h3').textContent.includes('minus')")
        assert asked(served, minus="other", variable="field")


def test_any_two_dimensions_on_the_axes(view: Page) -> None:
    with bare(view, portal.view(cube())) as served:
        until(view, "frame.index.time === 0")
        view.get_by_role("button", name="Dimensions on the axes").click()
        view.get_by_label("Across").select_option("time")
        until(view, "'lon' in frame.index")
        assert asked(served)[-1]["x"] == "time"
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


def test_a_store_that_fails_is_said_and_asked_again(view: Page) -> None:
    widget = portal.view(cube())
    answer = widget._viewer.answer

    def broken(*_: Any, **__: Any) -> Any:
        raise Unreadable("The store failed", found="a torn chunk", advice="Look at it again.")

    with bare(view, widget):
        until(view, "frame.index.time === 0")
        widget._viewer.answer = broken
        slider(view).press("End")
        view.locator("[data-portal-problem]").wait_for()
        assert "The store failed" in view.get_by_role("alert").inner_text()
        widget._viewer.answer = answer
        view.get_by_role("button", name="Try again").click()
        until(view, "frame.index.time === 39")
        assert view.get_by_role("alert").is_hidden()


def test_a_kernel_that_died_is_said(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        view.evaluate("() => { model.send = () => { throw new Error('gone'); }; }")
        slider(view).press("End")
        view.locator("[data-portal-problem]").wait_for()
        assert "stopped or was restarted" in view.get_by_role("alert").inner_text()


def test_a_long_read_can_be_stopped(view: Page) -> None:
    widget = portal.view(cube())
    gate = Gate(widget)
    with bare(view, widget) as served:
        until(view, "frame.index.time === 0")
        gate.open.clear()
        slider(view).press("End")
        view.get_by_role("button", name="Stop").click()
        view.wait_for_function("sent.some(m => m.cancel)")
        gate.open.set()
        assert "Stopped" in view.get_by_role("alert").inner_text()
        view.get_by_role("button", name="Try again").click()
        until(view, "frame.index.time === 39")
        assert served.heard


def test_an_empty_dataset_says_so(view: Page) -> None:
    with bare(view, portal.view(xr.Dataset())):
        alert = view.get_by_role("alert")
        alert.wait_for()
        assert alert.inner_text() == "This dataset has no variable to show."


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


def test_two_views_of_one_widget_share_their_frames(view: Page) -> None:
    with bare(view, portal.view(cube())) as served:
        until(view, "frame.index.time === 0")
        before = len(asked(served))
        view.evaluate(
            """async () => {
                const { default: widget } = await import('./widget.js');
                const el = document.createElement('div');
                document.body.append(el);
                widget.render({ model, el });
            }"""
        )
        view.wait_for_function("document.querySelectorAll('[data-portal-frame]').length === 2")
        assert len(asked(served, lane="now")) <= before
