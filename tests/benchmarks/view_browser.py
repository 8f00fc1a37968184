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
import json
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

#: Where there is no graphics card, Chromium by itself puts pages together without one, and emulates it
#: for WebGL alone. To emulate it for all costs every frame of a page tens of milliseconds.
PLAIN: tuple[str, ...] = ()
EMULATED = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
#: Milliseconds that a picture may take before the measurement is given up.
PATIENCE = 90_000
#: Milliseconds without new pixels after which a picture is taken for whole.
STILL = 300
#: Milliseconds between frames that come in time, and how many of them make a browser at rest.
CALM, CALM_FRAMES = 25, 10
#: Milliseconds in which nothing is drawn, before a key is pressed.
PAUSE = 100
#: Milliseconds between two looks at what was noted. To look at every frame, as is the default, makes
#: the browser draw every frame: without a graphics card that takes one of the machine's processors.
LOOK_EVERY = 25

HOOKS = """
(() => {
  const bench = (window.bench = { key: 0, marks: [], last: 0, painted: [], sent: 0, before: 0 });
  const mark = (kind, detail) => {
    bench.last = performance.now();
    if (!bench.key || bench.marks.length > 99) return;
    const sent = bench.sent - bench.before;
    const entry = { kind, detail, sent, at: bench.last - bench.key, took: 0 };
    bench.marks.push(entry);
    const key = bench.key;
    requestAnimationFrame(() => (entry.took = performance.now() - key));
  };
  for (const type of ['keydown', 'pointerdown']) {
    addEventListener(type, () => {
      bench.key = performance.now();
      bench.before = bench.sent;
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
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...given) {
    bench.sent += 1;
    return send.apply(this, given);
  };
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


REST = f"""
new Promise(done => {{
  let last = performance.now();
  let calm = 0;
  const frame = () => {{
    const now = performance.now();
    calm = now - last < {CALM} ? calm + 1 : 0;
    last = now;
    if (calm < {CALM_FRAMES}) requestAnimationFrame(frame); else setTimeout(done, {PAUSE});
  }};
  requestAnimationFrame(frame);
}})
"""


class Shown:
    """A look at the cells in a page."""

    def __init__(self, page: Page, look: Look, output: Locator) -> None:
        self.page = page
        self.look = look
        self.output = output

    def press(self, key: str, slice_: int) -> float:
        """Press a key on the slider; milliseconds until the slice is seen, its number checked."""
        self.page.keyboard.press(key)
        return self.arrived(slice_)

    def arrived(self, slice_: int) -> float:
        """Milliseconds from the last key or click until a slice is seen, its number checked."""
        took = self.took(slice_ if self.look.name == "Portal" else None)
        self.settle()
        seen = self.number() if self.look.picture else slice_
        if seen != slice_:
            raise AssertionError(f"{self.look.name} shows slice {seen}, not {slice_}")
        self.rest()
        return took

    def focus(self) -> None:
        """Let the slider take the keys."""
        self.output.locator(self.look.slider).first.focus()

    def took(self, slice_: int | None = None, kinds: tuple[str, ...] = ()) -> float:
        """Milliseconds from the last key to the frame after its first new pixels."""
        handle = self.page.wait_for_function(
            """([kinds, slice]) => window.bench.marks.find(mark => mark.took
                && kinds.includes(mark.kind)
                && (slice === null || mark.detail.index.time === slice))?.took""",
            arg=[list(kinds or self.look.kinds), slice_],
            polling=LOOK_EVERY,
            timeout=PATIENCE,
        )
        return float(handle.json_value())

    def settle(self) -> None:
        """Wait until no new pixels come."""
        self.page.wait_for_function(
            "still => performance.now() - window.bench.last > still",
            arg=STILL,
            polling=LOOK_EVERY,
            timeout=PATIENCE,
        )

    def rest(self) -> None:
        """Wait until frames come in time again: taking a screenshot holds them up."""
        self.page.evaluate(REST)

    def shot(self) -> np.ndarray:
        """Return what is seen of the picture, as 8-bit RGB of shape (height, width, 3)."""
        from PIL import Image

        shot = self.output.locator(self.look.picture).first.screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def number(self) -> int:
        """Read the number of the slice from the screen."""
        return number_in(self.shot())

    def sent(self, kinds: tuple[str, ...]) -> int:
        """How many messages went to the kernel between the last key and its first new pixels."""
        first = "kinds => window.bench.marks.find(mark => kinds.includes(mark.kind)).sent"
        return int(self.page.evaluate(first, list(kinds)))


class Notebook(Shown):
    """A notebook in a Lab whose kernel is ready, that looks at the cells in one way."""

    def __init__(self, page: Page, lab: Lab, look: Look, name: str, store: Path) -> None:
        super().__init__(page, look, cell(page, 1).locator(".jp-Cell-outputArea"))
        cells = look.setup.strip(), look.cell.format(path=str(store)).strip()
        lab.open(page, lab.write(name, *cells))
        if look.ahead:
            page.locator(".jp-NotebookPanel[data-portal-ahead=done]").wait_for(timeout=PATIENCE)
        self.kernel = lab.kernel(name)
        self._run(0)
        page.wait_for_function(
            "jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount"
        )
        if "portal.view" in look.setup:
            page.locator("section.portal-viewer[data-portal-frame]").wait_for(timeout=PATIENCE)
        self.settle()
        self.rest()

    def _run(self, index: int) -> None:
        cell(self.page, index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def first(self) -> float:
        """Run the cell; milliseconds from the key to the first pixels."""
        self._run(1)
        took = self.took(0 if self.look.name == "Portal" else None)
        self.settle()
        return took


@contextmanager
def browser(*, emulated: bool = False) -> Iterator[Page]:
    """Start a browser, with the hooks in every page; `emulated`: with a graphics card of software."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chrome")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", *(EMULATED if emulated else PLAIN)],
        )
        page = started.new_page(viewport={"width": 1200, "height": 1000})
        page.add_init_script(HOOKS)
        yield page
        started.close()


@contextmanager
def chromium(
    directory: Path, *, ahead: bool = True, emulated: bool = False
) -> Iterator[tuple[Page, Lab]]:
    """Start a Lab and a browser; without `ahead` its setting to import ahead is off."""
    settings = directory / "settings" / "@portal" / "lab"
    settings.mkdir(parents=True)
    (settings / "ahead.jupyterlab-settings").write_text(json.dumps({"importAhead": ahead}))
    lab = Lab(directory)
    try:
        with browser(emulated=emulated) as page:
            yield page, lab
    finally:
        lab.end()
