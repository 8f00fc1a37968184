"""The viewer on the bare page: what its other tests stand on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

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
