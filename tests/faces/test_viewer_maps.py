"""Every pixel of a map shows the cell at its place: for each kind of grid, in each projection.

Places are reckoned here from the formulas of Snyder, Map Projections: A Working Manual (USGS
Professional Paper 1395, 1987), and Robinson's own table, apart from the code that draws the maps.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

import portal
from portal.viewer import COLOR_MAPS, Viewer
from tests.faces.bare import bare
from tests.faces.looks import (
    FLAT,
    PROJECTIONS,
    REFERENCES,
    differs,
    plot,
    projections,
    until,
    write,
)
from tests.viewer.earths import GRIDS, code

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Page

    Floats = NDArray[np.float64]

VIEW = "section.portal-viewer"
GLOBAL = [n for n in GRIDS if n != "region"]
#: How much the value of a cell may differ from that of a place in it: by its size.
WITHIN = {
    "rectilinear": 0.25,
    "irregular": 0.35,
    "displaced": 0.35,
    "tripolar": 0.25,
    "region": 0.2,
}

# Length of each parallel and its distance from the equator, every 5 degrees (Snyder and Voxland,
# An Album of Map Projections, USGS Professional Paper 1453, 1989, table on page 222).
TABLE = """
1 0.9986 0.9954 0.99 0.9822 0.973 0.96 0.9427 0.9216 0.8962 0.8679 0.835 0.7986 0.7597 0.7186
0.6732 0.6213 0.5722 0.5322
0 0.062 0.124 0.186 0.248 0.31 0.372 0.434 0.4958 0.5571 0.6176 0.6769 0.7346 0.7903 0.8435
0.8936 0.9394 0.9761 1
"""
PARALLELS, HEIGHTS = np.array(TABLE.split(), dtype=float).reshape(2, 19)


def places(name: str, width: int, height: int, south: float, north: float) -> tuple[Floats, Floats]:
    """Longitude and latitude of the middle of each pixel of a map of the Earth about 0° E.

    Shape (height, width); NaN outside the map.
    """
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)
    if name == "plate":
        scale = min(width / 360, height / (north - south))
        lon, lat = x / scale, y / scale + (south + north) / 2
        outside = (np.abs(lon) > 180) | (np.abs(lat) > 90)
    elif name == "robinson":
        half, top = 0.8487 * np.pi, 1.3523
        scale = min(width / (2 * half), height / (2 * top))
        lat = np.interp(np.abs(y) / scale / top, HEIGHTS, np.arange(0, 91, 5)) * np.sign(y)
        parallel = np.interp(np.abs(lat), np.arange(0, 91, 5), PARALLELS)
        lon = x / scale / parallel / half * 180
        outside = (np.abs(lon) > 180) | (np.abs(y) > top * scale)
    else:
        radius = min(width, height) / 2
        rho = np.hypot(x, y) / radius
        outside = rho > 1
        inner = np.minimum(rho, 1)
        # Snyder (20-18) and (21-15): the angle from the middle; the equator is the rim of both.
        c = np.arcsin(inner) if name == "orthographic" else 2 * np.arctan(inner)
        pole = {"orthographic": 0, "north": 90, "south": -90}[name]
        sin, cos = np.sin(np.radians(pole)), np.cos(np.radians(pole))
        # Snyder (20-14) and (20-15)
        share = np.divide(
            y / radius * np.sin(c) * cos, inner, where=inner > 0, out=np.zeros_like(y)
        )
        lat = np.degrees(np.arcsin(np.clip(np.cos(c) * sin + share, -1, 1)))
        lon = np.degrees(
            np.arctan2(
                x / radius * np.sin(c), inner * cos * np.cos(c) - y / radius * sin * np.sin(c)
            )
        )
    return np.where(outside, np.nan, lon), np.where(outside, np.nan, lat)


def values(page: Page, pixels: Floats) -> tuple[Floats, Floats]:
    """What the colours of pixels stand for, and how far they are from any colour of the map."""
    told = page.locator("[data-portal-look]").get_attribute("data-portal-look") or ""
    name, (low, high), _ = json.loads(told)
    points = COLOR_MAPS[name].replace("#", "").replace(" ", "")
    stops = [
        [int(points[i + k : i + k + 2], 16) for k in (0, 2, 4)] for i in range(0, len(points), 6)
    ]
    at = np.linspace(0, 1, 256)
    ends = np.linspace(0, 1, len(stops))
    table = np.stack([np.interp(at, ends, np.array(stops)[:, k]) for k in range(3)], axis=1)
    away = np.linalg.norm(pixels[:, None, :] - table[None], axis=-1)
    return low + at[away.argmin(axis=1)] * (high - low), away.min(axis=1)


def opened(page: Page) -> None:
    page.locator(".portal-viewer[data-portal-frame]").wait_for()


@pytest.mark.parametrize("grid", GLOBAL)
def test_every_pixel_shows_the_cell_at_its_place(quiet_page: Page, grid: str) -> None:
    page, ds = quiet_page, GRIDS[grid]()
    page.set_viewport_size({"width": 640, "height": 700})
    south, north = Viewer(ds).frame("field", width=99, height=99).header["y"]["range"]

    def wrong(name: str) -> str:
        pixels = plot(page.locator(VIEW))
        height, width = pixels.shape[:2]
        lon, lat = places(name, width, height, south, north)
        # Beside the rim a pixel is half map, half ground.
        known = np.isfinite(lon)
        rim = known & ~np.all([np.roll(known, s, a) for s in (-2, 2) for a in (0, 1)], axis=0)
        inside = np.argwhere(known & ~rim & (lat > south + 3) & (lat < north - 3))[::23]
        outside = np.argwhere(~known & ~rim)[::23]
        at = tuple(inside.T)
        found, away = values(page, pixels[at])
        low, high = json.loads(
            page.locator("[data-portal-look]").get_attribute("data-portal-look") or ""
        )[1]
        expected = np.clip(code(lon[at], lat[at]), low, high)
        # The net of meridians is drawn over some; a tripolar grid has a thin seam.
        off = (np.abs(found - expected) > WITHIN.get(grid, 0.3)) | (away > 30)
        ground = pixels[tuple(outside.T)]
        spilt = (
            (np.abs(ground - np.median(ground, axis=0)).max(axis=1) > 40).mean()
            if len(ground)
            else 0
        )
        told = f"{grid} in {name}: {off.mean():.1%} of {len(off)} wrong, {spilt:.1%} spilt"
        return told if off.mean() > 0.05 or spilt > 0.02 else ""

    widget = portal.view(ds, state={"coasts": False})
    with bare(page, widget):
        opened(page)
        for name in PROJECTIONS:
            widget.state = {**widget.state, "projection": name}
            until(page, lambda name=name: wrong(name))  # type: ignore[misc]


@pytest.mark.parametrize(
    "grid", ["rectilinear", "irregular", "region", "displaced", "tripolar", "columns", "ugrid"]
)
def test_maps_look_as_they_did(quiet_page: Page, grid: str) -> None:
    """The plot's box alone is compared: texts look different wherever fonts do.

    ``PORTAL_REFERENCES=write`` takes what is seen now as what is right.
    """
    page = quiet_page
    page.set_viewport_size({"width": 420, "height": 600})

    widget = portal.view(GRIDS[grid]())
    with bare(page, widget):
        opened(page)
        for name in projections(grid):
            widget.state = {**widget.state, "projection": name}
            held(page, f"{grid}-{name}")


@pytest.mark.parametrize("name", FLAT)
def test_what_is_no_map_looks_as_it_did(quiet_page: Page, name: str) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 420, "height": 600})
    make, state = FLAT[name]
    with bare(page, portal.view(make(), state=state)):
        opened(page)
        held(page, name)


def held(page: Page, name: str) -> None:
    """Hold what is seen to its reference, or make it that."""
    path = REFERENCES / f"{name}.png"
    if os.environ.get("PORTAL_REFERENCES") == "write":
        write(page.locator(VIEW), path)
    until(page, lambda: differs(plot(page.locator(VIEW)), path))


def test_a_globe_turns_with_the_pointer(quiet_page: Page) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 640, "height": 700})
    widget = portal.view(GRIDS["rectilinear"](), state={"projection": "orthographic"})
    with bare(page, widget):
        opened(page)
        height, width = plot(page.locator(VIEW)).shape[:2]
        axes = page.locator("[data-portal-plot]")
        left, top = map(float, (axes.get_attribute("data-portal-plot") or "").split()[:2])
        box = axes.bounding_box()
        assert box is not None
        x, y = box["x"] + left + width / 2, box["y"] + top + height / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y, steps=6)
        page.mouse.up()
        # What was in the middle has moved to the right: a place west of it is there now.
        turned = -np.degrees(60 / (min(width, height) / 2))
        until(
            page,
            lambda: (
                ""
                if abs(widget.state["center"][0] - turned) < 3
                else f"{widget.state['center']} instead of {turned:.0f}"
            ),
        )


def test_finer_coasts_are_fetched_for_a_closer_look(quiet_page: Page) -> None:
    page = quiet_page
    widget = portal.view(GRIDS["rectilinear"]())
    with bare(page, widget) as served:
        opened(page)
        asked = [m["method"] for m in served.heard if "method" in m]
        assert "asset" not in asked
        before = plot(page.locator(VIEW))
        widget.state = {**widget.state, "window": [-12, 30, 45, 66]}
        until(
            page,
            lambda: (
                "" if "asset" in [m.get("method") for m in served.heard] else "nothing was asked"
            ),
        )
        until(
            page,
            lambda: (
                ""
                if not np.array_equal(plot(page.locator(VIEW)), before)
                else "nothing has changed"
            ),
        )
