"""A pointer that rests gets the number of the array itself, on pictures without geography too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

import portal
from tests.faces.bare import bare
from tests.faces.viewing import PICTURE, READOUT, asked, until

if TYPE_CHECKING:
    from playwright.sync_api import Page


def rest(page: Page) -> None:
    """Let the pointer rest at the middle of the picture."""
    until(page, "frame.quality === 'still'")
    box = page.locator(PICTURE).first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_where_pixels_are_means_the_cell_is_read(quiet_page: Page) -> None:
    from playwright.sync_api import expect

    rows, columns = np.meshgrid(np.arange(3000), np.arange(2000), indexing="ij")
    values = (rows * 2000 + columns).astype(np.float64)
    with bare(quiet_page, portal.view(xr.Dataset({"field": (("row", "column"), values)}))):
        rest(quiet_page)
        readout = quiet_page.locator(READOUT)
        expect(readout).to_have_text(re.compile("the cell there"))
        text = readout.text_content() or ""
        [number] = re.findall(r"the cell there: (\d+)", text)
        row, column = divmod(int(number), 2000)
        # The middle of the picture, give or take what its axes take of the canvas.
        assert abs(row - 1500) < 500
        assert abs(column - 1000) < 400


def test_where_codes_are_rounded_the_number_is_exact(quiet_page: Page) -> None:
    from playwright.sync_api import expect

    values = np.full((11, 11), 0.123456789)
    values[0, 0] = 1000.0
    with bare(quiet_page, portal.view(xr.Dataset({"field": (("row", "column"), values)}))):
        rest(quiet_page)
        expect(quiet_page.locator(READOUT)).to_contain_text("exactly 0.123456789")


def test_small_values_come_as_they_are_on_a_scale_set_by_hand(quiet_page: Page) -> None:
    values = np.linspace(-1, 1e6, 18 * 36).reshape(18, 36).astype("f4")
    values[9, 18] = 0.002
    ds = xr.Dataset({"v": (("y", "x"), values)})
    with bare(quiet_page, portal.view(ds)) as served:
        until(quiet_page, "frame.quality === 'still'")
        assert not [p for p in asked(served) if p.get("scale")]
        quiet_page.evaluate(
            "() => { model.set('state', {...model.get('state'), scale: 'log', limits: [0.001, 1e6]}); }"
        )
        quiet_page.wait_for_function("sent.some(m => m.params?.scale === 'log')")
