"""A graphics card draws what is drawn without one: every grid, projection and look, exactly.

The test browser's card is emulated (SwiftShader), which the viewer would leave alone, as it is slower
than none. Here the page is told that it is a real one: all else is the front-end as it is shipped.
"""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from tests.faces.bare import bare
from tests.faces.looks import FLAT, REFERENCES, differs, plot, projections, until
from tests.faces.viewing import until as seen
from tests.viewer.earths import GRIDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserType, Page
VIEW = "section.portal-viewer"
#: Beside what comes of itself: the contexts, to be lost, and names of no emulation.
CARD = """
globalThis.cards = [];
const context = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, options) {
  if (kind !== 'webgl2') return context.call(this, kind, options);
  const gl = context.call(this, kind, { ...options, failIfMajorPerformanceCaveat: false });
  if (gl) cards.push({ gl, lose: gl.getExtension('WEBGL_lose_context') });
  return gl;
};
const parameter = WebGL2RenderingContext.prototype.getParameter;
WebGL2RenderingContext.prototype.getParameter = function (name) {
  return [0x1f01, 0x9246].includes(name) ? 'A graphics card' : parameter.call(this, name);
};
"""
LOSE = """
async () => {
  const { gl, lose } = cards.at(-1);
  const lost = new Promise(done => gl.canvas.addEventListener('webglcontextlost', done, { once: true }));
  lose.loseContext();
  await lost;
}
"""
RESTORE = """
async () => {
  const { gl, lose } = cards.at(-1);
  const back = new Promise(done => gl.canvas.addEventListener('webglcontextrestored', done, { once: true }));
  lose.restoreContext();
  await back;
}
"""
#: The pixels of the cells alone, as RGBA.
CELLS = """
() => {
  const canvas = document.querySelector('.portal-viewer-cells');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
  return btoa(text);
}
"""


@pytest.fixture(scope="module")
def emulating(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any]
) -> Iterator[Browser]:
    """A browser of its own, whose graphics card is emulated."""
    args = [a for a in browser_type_launch_args["args"] if a != "--disable-gpu"] + [
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
    ]
    browser = browser_type.launch(**browser_type_launch_args | {"args": args})
    yield browser
    browser.close()


@pytest.fixture
def carded(emulating: Browser) -> Iterator[Page]:
    """A page with a graphics card, of the size at which the references were made."""
    page = emulating.new_page(viewport={"width": 420, "height": 600})
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.add_init_script(CARD)
    yield page
    page.close()
    assert not problems, "\n".join(problems)


def painter(page: Page) -> str:
    """What painted the picture that is seen."""
    return page.locator(VIEW).get_attribute("data-portal-painter") or ""


def cells(page: Page) -> np.ndarray:
    """The pixels of the cells alone, as RGBA."""
    return np.frombuffer(base64.b64decode(page.evaluate(CELLS)), np.uint8).reshape(-1, 4)


def held(page: Page, name: str) -> None:
    """Hold a picture that a card painted to its reference, which was painted without one.

    The tolerance is that of all faces, `tests.faces.looks.differs`: lines are drawn by a canvas here
    too, but by a browser with a card. The cells alone are held to equality in the test below.
    """
    until(page, lambda: differs(plot(page.locator(VIEW)), REFERENCES / f"{name}.png"))
    assert painter(page) == "webgl2"


@pytest.mark.parametrize("grid", [g for g in GRIDS if g not in {"scrip", "mpas"}])
def test_a_card_draws_maps_as_they_are_drawn_without(carded: Page, grid: str) -> None:
    widget = portal.view(GRIDS[grid]())
    with bare(carded, widget):
        carded.locator(f"{VIEW}[data-portal-frame]").wait_for()
        for name in projections(grid):
            widget.state = {**widget.state, "projection": name}
            held(carded, f"{grid}-{name}")


@pytest.mark.parametrize("name", ["image", "section"])
def test_a_card_draws_what_is_no_map_as_it_is_drawn_without(carded: Page, name: str) -> None:
    make, state = FLAT[name]
    with bare(carded, portal.view(make(), state=state)):
        carded.locator(f"{VIEW}[data-portal-frame]").wait_for()
        held(carded, name)


#: What is changed, one after the other; each has a slice of its own, so that each is painted.
LOOKS: list[dict[str, Any]] = [
    {},
    {"color_map": "magma"},
    {"color_map": "magma_r", "limits": [-2.0, 9.0]},
    {"limits": [0.5, 20.0], "scale": "log"},
    {"limits": [-20.0, 20.0], "scale": "symlog"},
    {"projection": "orthographic", "center": [30.0, 40.0]},
    {"window": [-20.0, 50.0, 0.0, 60.0]},
]


def test_looks_are_the_same_with_a_card_without_and_with_it_again(carded: Page) -> None:
    field = GRIDS["rectilinear"]().field
    times = xr.DataArray(np.arange(1.0, 1 + len(LOOKS)), dims="time")
    widget = portal.view((times * field).to_dataset(name="field"))

    def drawn(kind: str) -> list[np.ndarray]:
        """The cells of each look, painted in this way."""
        found = []
        for i, look in enumerate(LOOKS):
            widget.state = {"variable": "field", "index": {"time": i}, **look}
            seen(carded, f"frame.index.time === {i} && frame.quality === 'still'")
            assert painter(carded) == kind
            found.append(cells(carded))
        return found

    with bare(carded, widget):
        carded.locator(f"{VIEW}[data-portal-frame]").wait_for()
        first = drawn("webgl2")
        for one, next_one in pairwise(first):
            assert not np.array_equal(one, next_one)
        carded.evaluate(LOSE)
        # What was painted stays; what comes next is painted without.
        np.testing.assert_array_equal(cells(carded), first[-1])
        for one, again in zip(first, drawn("canvas"), strict=True):
            np.testing.assert_array_equal(again, one)
        carded.evaluate(RESTORE)
        for one, again in zip(first, drawn("webgl2"), strict=True):
            np.testing.assert_array_equal(again, one)
