"""Pixels have exactly the colours of their values, whichever way they are painted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from portal.viewer.colors import CATEGORICAL, COLOR_MAPS, color_table, colored
from tests.faces.bare import bare
from tests.faces.parts import load
from tests.faces.viewing import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, Page

PARTS = ("viewer/paint/painter", "viewer/paint/look", "viewer/paint/seen", "viewer/colors")
PAINT = """
({kind, cells, type, encoding, name, limits, scale, categories, map, width, height, maps}) => {
  const types = {u8: Uint8Array, u16: Uint16Array, f32: Float32Array, f64: Float64Array};
  const number = v => ({nan: NaN, inf: Infinity, '-inf': -Infinity})[v] ?? v;
  const painter = parts.createPainter(kind);
  painter.map(Uint32Array.from(map), width, height);
  painter.cells(types[type].from(cells, number), encoding);
  painter.look(parts.lookOf(maps, name, limits, scale, categories));
  painter.draw();
  const pixels = painter.canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const found = {kind: painter.kind, pixels: Array.from(pixels)};
  painter.dispose();
  return found;
}
"""
KINDS = ("canvas", "webgl2")
NONE = 0xFFFFFFFF


@pytest.fixture(scope="module")
def painting(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any]
) -> Iterator[Browser]:
    """A browser that emulates a graphics card."""
    args = [*browser_type_launch_args["args"], "--use-angle=swiftshader"]
    browser = browser_type.launch(**browser_type_launch_args | {"args": args})
    yield browser
    browser.close()


@pytest.fixture
def page_of_parts(painting: Browser) -> Iterator[Page]:
    page = painting.new_page()
    page.goto("about:blank")
    load(page, *PARTS)
    yield page
    page.close()


def plain(values: np.ndarray) -> list[Any]:
    """Numbers as JSON has them; the others by name."""
    return [v if np.isfinite(v) else str(v) for v in values.ravel().tolist()]


def painted(
    page: Page,
    kind: str,
    cells: np.ndarray,
    *,
    name: str = "viridis",
    limits: tuple[float, float] = (0, 100),
    scale: str = "linear",
    categories: list[list[object]] | None = None,
    encoding: dict[str, object] | None = None,
    over: list[int] | None = None,
    width: int | None = None,
) -> np.ndarray:
    """Return the RGBA of every pixel, shape (pixels, 4)."""
    kinds = {"uint8": "u8", "uint16": "u16", "float32": "f32", "float64": "f64"}
    type_ = kinds[str(cells.dtype)]
    pixels = list(range(cells.size)) if over is None else over
    found = page.evaluate(
        PAINT,
        {
            "kind": kind,
            "cells": plain(cells),
            "type": type_,
            "encoding": encoding or {"dtype": type_},
            "name": name,
            "limits": limits,
            "scale": scale,
            "categories": categories or [],
            "map": pixels,
            "width": width or len(pixels),
            "height": len(pixels) // (width or len(pixels)),
            "maps": dict(COLOR_MAPS),
        },
    )
    assert found["kind"] == kind
    return np.array(found["pixels"], np.uint8).reshape(-1, 4)


U16 = {
    "dtype": "u16",
    "scale": 0.01,
    "offset": -20.0,
    "missing": 65535,
    "plus_infinity": 65534,
    "minus_infinity": 65533,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("scale", "limits"),
    [("linear", (0, 100)), ("log", (0.1, 100)), ("log", (-1, 100)), ("symlog", (-100, 100))],
)
def test_codes_have_the_colours_of_their_values(
    page_of_parts: Page, kind: str, scale: str, limits: tuple[float, float]
) -> None:
    codes = np.append(np.arange(0, 65533, 97), [65533, 65534, 65535]).astype(np.uint16)
    values = -20.0 + 0.01 * codes
    values[-3:] = -np.inf, np.inf, np.nan
    found = painted(page_of_parts, kind, codes, limits=limits, scale=scale, encoding=U16)
    wanted = colored(values, "viridis", limits, scale)
    # The logarithms of two languages may differ in their last digit.
    assert (found != wanted).any(axis=1).sum() <= (0 if scale == "linear" else 2)
    ends = color_table("viridis")[[0, -1]]
    np.testing.assert_array_equal(found[-3:, :3], [*ends, [0, 0, 0]])
    assert found[-3:, 3].tolist() == [255, 255, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_compared_without_rounding(page_of_parts: Page, kind: str, dtype: str) -> None:
    step = float(np.finfo(dtype).eps) * 512
    values = (300 + step * np.arange(-40, 300)).astype(dtype)
    values = np.append(values, [np.nan, np.inf, -np.inf, -1e30, 1e30, 0]).astype(dtype)
    limits = (300.0, 300.0 + 256 * step)
    found = painted(page_of_parts, kind, values, limits=limits)
    np.testing.assert_array_equal(found, colored(values, "viridis", limits))
    assert len(np.unique(found[:340], axis=0)) > 200


@pytest.mark.parametrize("kind", KINDS)
def test_floats_of_all_sizes_and_both_signs(page_of_parts: Page, kind: str) -> None:
    rng = np.random.default_rng(1)
    sizes = 10 ** rng.uniform(-44, 38, 5000)
    values = (sizes * rng.choice([-1, 1], 5000)).astype(np.float32)
    values[:3] = np.nan, np.inf, -np.inf
    for limits in [(-1.0, 1.0), (-1e-30, 1e-30), (-3e38, 3e38), (1e5, 1e7)]:
        found = painted(page_of_parts, kind, values, limits=limits, name="RdBu")
        np.testing.assert_array_equal(found, colored(values, "RdBu", limits))


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_of_a_moving_picture(page_of_parts: Page, kind: str) -> None:
    special = {"missing": 255, "plus_infinity": 254, "minus_infinity": 253}
    codes = np.arange(256, dtype=np.uint8)
    values = 2.0 * codes
    values[253:] = -np.inf, np.inf, np.nan
    encoding = {"dtype": "u8", "scale": 2.0, "offset": 0.0, **special}
    found = painted(page_of_parts, kind, codes, limits=(0, 400), encoding=encoding, name="grey_r")
    np.testing.assert_array_equal(found, colored(values, "grey_r", (0, 400)))


@pytest.mark.parametrize("kind", KINDS)
def test_categories_have_their_colours_and_nothing_lies_between(
    page_of_parts: Page, kind: str
) -> None:
    values = np.array([0, 3, 7, 5, 3.4, np.nan, np.inf])
    categories: list[list[object]] = [[7, "land"], [0, "sea"], [3, "ice"]]
    found = painted(page_of_parts, kind, values, name=CATEGORICAL, categories=categories)
    land, sea, ice = color_table(CATEGORICAL)[:3].tolist()
    assert found[:, :3].tolist() == [sea, ice, land, [0] * 3, ice, [0] * 3, [0] * 3]


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_show_the_cells_of_the_map(page_of_parts: Page, kind: str) -> None:
    values = np.array([0.0, 50.0, 99.0])
    over = [0, 1, 2, NONE, 2, 2, 3, 1]
    found = painted(page_of_parts, kind, values, over=over, width=4)
    table = color_table("viridis")
    colors = [[*table[i].tolist(), 255] for i in (0, 128, 253)]
    nothing = [0, 0, 0, 0]
    order = [colors[0], colors[1], colors[2], nothing, colors[2], colors[2], nothing, colors[1]]
    assert found.tolist() == order


def test_both_painters_have_the_same_pixels(page_of_parts: Page) -> None:
    rng = np.random.default_rng(7)
    codes = rng.integers(0, 65536, 5000, dtype=np.uint16)
    over = [*rng.integers(0, 5000, 60 * 83).tolist(), *([NONE] * 60)]
    first, second = (
        painted(
            page_of_parts,
            k,
            codes,
            limits=(10, 500),
            scale="log",
            encoding=U16,
            over=over,
            width=60,
        )
        for k in KINDS
    )
    np.testing.assert_array_equal(first, second)


MANY = """
async maps => {
  const encoding = {dtype: 'f64'};
  const painters = Array.from({length: 20}, (_, i) => {
    const painter = parts.createPainter('webgl2');
    document.body.append(painter.canvas);
    painter.map(Uint32Array.from({length: 6 * (i + 1)}, (_, p) => p % 2), 6, i + 1);
    painter.cells(Float64Array.of(i, 19 - i), encoding);
    painter.look(parts.lookOf(maps, 'viridis', [0, 20], 'linear'));
    painter.draw();
    return painter;
  });
  const pixel = p => Array.from(p.canvas.getContext('2d').getImageData(0, 0, 2, 1).data);
  const state = () => ({kinds: painters.map(p => p.kind), pixels: painters.map(pixel)});
  const draw = () => painters.forEach(p => p.draw());
  draw();
  const before = state();
  const device = globalThis[Symbol.for('portal.viewer.webgl2.1.any')];
  const heard = name => new Promise(done => device.canvas.addEventListener(name, done, {once: true}));
  const loss = device.gl.getExtension('WEBGL_lose_context');
  const lost = heard('webglcontextlost');
  loss.loseContext();
  await lost;
  // A context is restored only after its loss has been told to everyone.
  await new Promise(done => setTimeout(done));
  const kept = state().pixels;
  draw();
  const without = state();
  const restored = heard('webglcontextrestored');
  loss.restoreContext();
  await restored;
  draw();
  return {before, kept, without, after: state()};
}
"""


def test_twenty_painters_share_one_context_and_outlive_its_loss(page_of_parts: Page) -> None:
    found = page_of_parts.evaluate(MANY, dict(COLOR_MAPS))
    wanted = colored(np.array([[i, 19 - i] for i in range(20)], float), "viridis", (0, 20)).reshape(
        20, 8
    )
    for moment in ("before", "without", "after"):
        np.testing.assert_array_equal(found[moment]["pixels"], wanted)
    np.testing.assert_array_equal(found["kept"], wanted)
    assert set(found["before"]["kinds"]) == {"webgl2"}
    assert set(found["without"]["kinds"]) == {"canvas"}
    assert set(found["after"]["kinds"]) == {"webgl2"}


def test_without_a_preference_an_emulated_card_is_not_used(page_of_parts: Page) -> None:
    assert page_of_parts.evaluate("parts.createPainter().kind") == "canvas"


def test_what_is_seen_is_counted(page_of_parts: Page) -> None:
    found = page_of_parts.evaluate(
        """encoding => {
          const cells = Uint16Array.of(2000, 2100, 2100, 65535, 65534, 65533, 1000);
          const seen = parts.seenOf(cells, encoding);
          const axis = parts.scaleAxis([0, 2], 'linear');
          return [seen.range, seen.positive, Array.from(seen.bins(axis, 4))];
        }""",
        U16,
    )
    assert found == [[-10, 1], 1, [1, 0, 2, 0]]


def dataset() -> xr.Dataset:
    values = np.linspace(250, 300, 18 * 36, dtype=np.float32).reshape(18, 36)
    coords = {"lat": np.arange(-85.0, 90, 10), "lon": np.arange(-175.0, 180, 10)}
    attrs = {"units": "K", "standard_name": "air_temperature"}
    return xr.Dataset({"air": (("lat", "lon"), values, attrs)}, coords)


def look(page: Page) -> list[Any]:
    found: list[Any] = json.loads(
        page.locator(".portal-bar").get_attribute("data-portal-look") or ""
    )
    return found


def pixel(page: Page) -> list[int]:
    """The colour of the cell in the lowest left corner."""
    found: list[int] = page.evaluate(
        """() => {
          const canvas = document.querySelector('.portal-viewer-cells');
          return Array.from(canvas.getContext('2d').getImageData(2, canvas.height - 3, 1, 1).data);
        }"""
    )
    return found


def test_colours_are_changed_without_a_message(quiet_page: Page) -> None:
    page = quiet_page
    with bare(page, portal.view(dataset())):
        page.locator("[data-portal-frame]").wait_for()
        page.wait_for_function("document.querySelector('.portal-bar').dataset.portalLook")
        assert look(page)[0] == "thermal"
        assert pixel(page)[:3] == color_table("thermal")[0].tolist()
        # The still picture may follow the first one: none may come of what is done then.
        until(page, "frame.quality === 'still'")
        asked = "sent.filter(m => m.method === 'frame').length"
        page.get_by_role("button", name="Colours").click()
        before = page.evaluate(asked)
        maps = page.get_by_role("listbox", name="Colour map")
        maps.get_by_role("option", name="viridis").click()
        assert look(page)[0] == "viridis"
        assert pixel(page)[:3] == color_table("viridis")[0].tolist()
        maps.press("ArrowDown")
        assert look(page)[0] == "cividis"
        page.get_by_label("Reversed").check()
        assert look(page)[0] == "cividis_r"
        assert pixel(page)[:3] == color_table("cividis")[-1].tolist()
        page.get_by_label("Lower limit", exact=True).fill("200")
        page.get_by_label("Lower limit", exact=True).press("Enter")
        page.get_by_label("Upper limit", exact=True).fill("2,5e2")
        page.get_by_label("Upper limit", exact=True).press("Enter")
        assert page.locator(".portal-bar-problem").is_visible()
        page.get_by_label("Upper limit", exact=True).fill("300,5")
        page.get_by_label("Upper limit", exact=True).press("Enter")
        assert look(page)[1] == [200, 300.5]
        page.get_by_label("Scale").select_option("log")
        assert look(page)[2] == "log"
        wanted = colored(np.array([250.0]), "cividis_r", (200, 300.5), "log")[0]
        assert pixel(page) == wanted.tolist()
        page.get_by_role("button", name="Fit to what is seen").click()
        assert look(page)[1] == pytest.approx([250, 300], abs=1e-3)
        page.get_by_role("button", name="Reset").click()
        assert look(page)[0] == "thermal"
        assert look(page)[2] == "linear"
        assert page.evaluate(asked) == before


def test_the_bar_takes_keys_wheel_and_drags(quiet_page: Page) -> None:
    page = quiet_page
    with bare(page, portal.view(dataset())):
        page.locator("[data-portal-frame]").wait_for()
        page.wait_for_function("document.querySelector('.portal-bar').dataset.portalLook")
        low, high = look(page)[1]
        page.get_by_role("slider", name="Upper limit of the colours").press("ArrowUp")
        assert look(page)[1] == pytest.approx([low, high + (high - low) / 100])
        page.get_by_role("slider", name="Lower limit of the colours").press("PageDown")
        assert look(page)[1][0] == pytest.approx(low - (high - low) * 0.101)
        box = page.locator(".portal-bar-ramp").bounding_box()
        assert box is not None
        x, middle = box["x"] + 8, box["y"] + box["height"] / 2
        page.locator(".portal-bar-ramp").dblclick(position={"x": 8, "y": box["height"] / 2})
        assert look(page)[1] == [low, high]
        page.mouse.move(x, middle)
        page.mouse.wheel(0, 100)
        page.wait_for_function(
            f"JSON.parse(document.querySelector('.portal-bar').dataset.portalLook)[1][0] < {low}"
        )
        wider = look(page)[1]
        assert wider[1] > high
        page.mouse.down()
        page.mouse.move(x, middle + 20)
        page.mouse.up()
        shifted = look(page)[1]
        assert shifted[1] - shifted[0] == pytest.approx(wider[1] - wider[0])
        assert shifted[0] > wider[0]
