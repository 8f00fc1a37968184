"""What the viewer asks its kernel for, when, and what it shows meanwhile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from portal.errors import Unreadable
from tests.faces.bare import bare
from tests.faces.viewing import PICTURE, READOUT, Gate, asked, cube, meanwhile, slider, until

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def view(quiet_page: Page) -> Page:
    return quiet_page


def test_the_next_step_was_fetched_ahead_and_asks_for_nothing(view: Page) -> None:
    with bare(view, portal.view(cube())) as served:
        until(view, "frame.index.time === 0")
        view.evaluate(
            "() => { window.came = new Set(); model.on('msg:custom', m => came.add(m.id)); }"
        )
        slider(view).press("ArrowRight")
        until(view, "frame.index.time === 1")
        view.wait_for_function("sent.some(m => m.params?.index?.time === 2 && came.has(m.id))")
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

        def cancelled() -> set[str]:
            heard = list(served.heard)
            ahead = {m["id"] for m in heard if m.get("params", {}).get("lane") == "ahead"}
            return ahead & {m["id"] for m in heard if m.get("cancel")}

        meanwhile(view, cancelled)
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
        until(view, "frame.quality === 'still'")
        view.evaluate(
            "() => { window.order = [];"
            " document.addEventListener('portal-painted', ({ detail: { index } }) =>"
            " order.at(-1) === index.time || order.push(index.time)); }"
        )
        view.get_by_label("Speed of playing").select_option("30")
        view.get_by_role("button", name="Play time").click()
        view.wait_for_function("order.length >= 20")
        view.get_by_role("button", name="Pause time").click()
        steps = view.evaluate("order.slice(0, 20)")
        assert steps == [i % 12 for i in range(1, 21)]


def test_a_zoom_asks_for_the_window_that_is_seen(view: Page) -> None:
    from playwright.sync_api import expect

    with bare(view, portal.view(cube(3, side=32))):
        until(view, "frame.quality === 'still'")
        view.focus(PICTURE)
        view.keyboard.press("+")
        view.wait_for_function("sent.some(m => m.params?.window)")
        until(view, "frame.quality === 'still'")
        window = view.evaluate("sent.find(m => m.params?.window).params.window")
        # About the middle of the map, 1.5 times as near.
        np.testing.assert_allclose(window, [-120, 120, -60, 60], atol=3)
        view.keyboard.press("0")
        plot = view.get_attribute(PICTURE, "data-portal-plot")
        assert plot is not None
        x, y, _, height = map(float, plot.split())
        view.hover(PICTURE, position={"x": x + 1, "y": y + height / 2})
        expect(view.locator(READOUT)).to_contain_text(re.compile("1(79|80).*W"))


def test_cells_that_are_held_are_not_asked_for_by_a_zoom(view: Page) -> None:
    from playwright.sync_api import expect

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
        expect(view.locator(READOUT)).to_contain_text("°W")
        text = view.inner_text(READOUT)
        west = re.search(r"([\d.]+)°W", text)
        assert west is not None
        assert float(west[1]) == pytest.approx(120, abs=6)
        assert width > height


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


def test_two_views_of_one_widget_share_their_frames(view: Page) -> None:
    with bare(view, portal.view(cube())) as served:
        until(view, "frame.quality === 'still'")
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


def test_a_state_that_comes_back_late_moves_nothing(view: Page) -> None:
    with bare(view, portal.view(cube())):
        until(view, "frame.index.time === 0")
        for time in range(1, 12):
            slider(view).press("ArrowRight")
            until(view, f"frame.index.time === {time}")
        first = view.evaluate("model.get('state')")
        slider(view).press("End")
        until(view, "frame.index.time === 39")
        view.wait_for_function("model.get('state').index.time === 39")
        view.evaluate("state => model.set('state', state)", {**first, "index": {"time": 5}})
        until(view, "frame.index.time === 5")
