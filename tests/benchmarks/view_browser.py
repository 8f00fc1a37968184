"""A notebook in JupyterLab, in Chromium: how long after a key press its new pixels are there.

A press is timed in the page, from the event of the key to the animation frame after the call that
gave the browser new pixels. Which call that is is hooked, not polled: a texture or a draw of WebGL,
``putImageData``, ``drawImage``, or an image that was loaded. A peer's first such call after the press
counts, though it may still carry the old picture; the viewer's counts by its own event, which names
the slice. Afterwards, outside the timed part, the picture itself is looked at: a press whose slice is
not there does not count, and is an error.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.view_data import number_in
from tests.benchmarks.view_peers import Look
from tests.faces.lab import Lab, cell

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

#: Milliseconds that a picture may take before the measurement is given up.
PATIENCE = 180_000
#: Milliseconds without new pixels after which a picture is taken for whole.
STILL = 300

HOOKS = """
(() => {
  const bench = (window.bench = { key: 0, marks: [], last: 0, painted: [] });
  const mark = (kind, detail) => {
    bench.last = performance.now();
    if (!bench.key || bench.marks.length > 99) return;
    const entry = { kind, detail, at: bench.last - bench.key, took: 0 };
    bench.marks.push(entry);
    const key = bench.key;
    requestAnimationFrame(() => (entry.took = performance.now() - key));
  };
  for (const type of ['keydown', 'pointerdown']) {
    addEventListener(type, () => {
      bench.key = performance.now();
      bench.marks = [];
    }, true);
  }
  const hook = (owner, names) => {
    for (const name of names) {
      const own = owner?.prototype[name];
      if (own) owner.prototype[name] = function (...given) {
        mark(name);
        return own.apply(this, given);
      };
    }
  };
  hook(window.CanvasRenderingContext2D, ['putImageData', 'drawImage']);
  hook(window.OffscreenCanvasRenderingContext2D, ['putImageData']);
  for (const owner of [window.WebGLRenderingContext, window.WebGL2RenderingContext]) {
    hook(owner, ['texImage2D', 'texSubImage2D', 'drawArrays', 'drawElements']);
  }
  const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src');
  Object.defineProperty(HTMLImageElement.prototype, 'src', {
    ...source,
    set(value) {
      this.addEventListener('load', () => mark('image'), { once: true });
      source.set.call(this, value);
    }
  });
  for (const name of ['portal-painted', 'portal-charted']) {
    addEventListener(name, event => {
      bench.painted.push({ name, at: performance.now(), detail: event.detail });
      mark(name, event.detail);
    });
  }
})();
"""


class Notebook:
    """A notebook in a Lab whose kernel is ready, that looks at the cells in one way."""

    def __init__(self, page: Page, lab: Lab, look: Look, name: str, store: Path) -> None:
        self.page = page
        self.look = look
        lab.open(page, lab.write(name, look.setup, look.cell.format(path=str(store)).strip()))
        self.kernel = lab.kernel(name)
        self._run(0)
        page.wait_for_function(
            "jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount"
        )

    def _run(self, index: int) -> None:
        cell(self.page, index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    @property
    def output(self) -> Locator:
        return cell(self.page, 1).locator(".jp-Cell-outputArea")

    def first(self) -> float:
        """Run the cell; milliseconds from the key to the first pixels."""
        self._run(1)
        took = self.took(0 if self.look.name == "Portal" else None)
        self.settle()
        return took

    def press(self, key: str, slice_: int) -> float:
        """Press a key on the slider; milliseconds until the slice is seen, its number checked."""
        self.page.keyboard.press(key)
        took = self.took(slice_ if self.look.name == "Portal" else None)
        self.settle()
        seen = self.number() if self.look.picture else slice_
        if seen != slice_:
            raise AssertionError(f"{self.look.name} shows slice {seen}, not {slice_}")
        return took

    def focus(self) -> None:
        """Let the slider take the keys."""
        self.output.locator(self.look.slider).first.focus()

    def took(self, slice_: int | None = None) -> float:
        """Milliseconds from the last key to the frame after its first new pixels."""
        handle = self.page.wait_for_function(
            """([kinds, slice]) => window.bench.marks.find(mark => mark.took
                && kinds.includes(mark.kind)
                && (slice === null || mark.detail.index.time === slice))?.took""",
            arg=[list(self.look.kinds), slice_],
            timeout=PATIENCE,
        )
        return float(handle.json_value())

    def settle(self) -> None:
        """Wait until no new pixels come."""
        self.page.wait_for_function(
            "still => performance.now() - window.bench.last > still", arg=STILL, timeout=PATIENCE
        )

    def number(self) -> int:
        """Read the number of the slice from the screen."""
        from PIL import Image

        shot = self.output.locator(self.look.picture).first.screenshot()
        return number_in(np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")))


@contextmanager
def chromium(directory: Path) -> Iterator[tuple[Page, Lab]]:
    """Start a Lab and a browser, with the hooks in every page."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chrome")
    lab = Lab(directory)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program,
                args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
            )
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            page.add_init_script(HOOKS)
            yield page, lab
            browser.close()
    finally:
        lab.end()
