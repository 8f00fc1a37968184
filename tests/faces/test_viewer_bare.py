"""The viewer on the bare page: what its other tests stand on."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from playwright.sync_api import expect

import portal
from tests.faces.bare import bare

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_key_press_steps_to_the_next_slice(quiet_page: Page) -> None:
    values = np.arange(3 * 18 * 36, dtype=np.float32).reshape(3, 18, 36)
    ds = xr.Dataset(
        {"field": (("time", "lat", "lon"), values, {"units": "K"})},
        {"lat": np.arange(-85.0, 90, 10), "lon": np.arange(-175.0, 180, 10)},
    )
    with bare(quiet_page, portal.view(ds)):
        root = quiet_page.locator(".portal-viewer")
        root.and_(quiet_page.locator("[data-portal-frame]")).wait_for()
        quiet_page.locator("input[type=range]").press("ArrowRight")
        quiet_page.wait_for_function(
            "JSON.parse(document.querySelector('[data-portal-frame]').dataset.portalFrame)"
            ".index.time === 1"
        )
        shown = json.loads(root.get_attribute("data-portal-frame") or "")
        assert shown["variable"] == "field"


def test_a_profile_stands_upright(quiet_page: Page) -> None:
    page = quiet_page
    level = np.array([1000.0, 850, 500, 200, 100])
    ds = xr.Dataset(
        {"t": ("plev", np.arange(5.0) ** 2, {"units": "K"})},
        {"plev": ("plev", level, {"units": "hPa", "axis": "Z", "positive": "down"})},
    )
    with bare(page, portal.view(ds)):
        axes = page.locator("canvas[data-portal-plot]").first
        left, top, width, height = map(
            float, (axes.get_attribute("data-portal-plot") or "").split()
        )
        edge = axes.bounding_box()
        assert edge is not None
        said = page.locator(".portal-viewer-readout")
        for y, value, at in ((top + 2, 16, "100"), (top + height - 2, 0, "1000")):
            page.mouse.move(edge["x"] + left + width / 2, edge["y"] + y)
            expect(said).to_contain_text(re.compile(rf"\b{value} K\b.*\b{at} hPa"))
        axes.focus()
        axes.press("ArrowUp")
        expect(said).to_contain_text("850 hPa")
