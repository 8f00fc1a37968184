"""What else one does in the viewer, in JupyterLab: jump, colour, hover, click, play, drag."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from portal.viewer.cache import CAP
from tests.benchmarks.fts import p95
from tests.benchmarks.report import figure
from tests.benchmarks.view_browser import LOOK_EVERY, Notebook, Shown, chromium
from tests.benchmarks.view_kernel import ROW_BYTES
from tests.benchmarks.view_peers import PORTAL, Look

JUMPS = 30
STEPS = 60
PLAYED = 200
#: Where one clicks, as parts of the picture's width.
CLICKS = (0.5, 0.23, 0.71, 0.37, 0.62)
#: The calls by which the viewer gives a picture in other colours to the browser.
DRAWN = ("drawImage", "putImageData")
BEAT = 1000 / 20

#: The array B of the figures: fine pictures, in memory.
IN_MEMORY = Look(
    "Portal",
    """
import numpy as np
import portal
import xarray as xr
random = np.random.default_rng(20261121)
field = random.random((12, 2160, 4320), dtype="float32")
portal.view(xr.Dataset({{"cells": (("time", "y", "x"), field)}}))
""",
    PORTAL.kinds,
    PORTAL.slider,
    "",
)


@contextmanager
def opened(store: Path, look: Look = PORTAL, *, emulated: bool = False) -> Iterator[Notebook]:
    """Open the viewer on a store in a Lab of its own, its first picture there."""
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as name,
        chromium(Path(name), emulated=emulated) as (page, lab),
    ):
        notebook = Notebook(page, lab, look, "look.ipynb", store)
        notebook.first()
        notebook.focus()
        yield notebook


def jumps(notebook: Shown) -> list[float]:
    """Click into the slider here and there: nothing of these slices is fetched ahead."""
    slider = notebook.output.locator(notebook.look.slider).first
    random = np.random.default_rng(20261121)
    taken = []
    for share in random.permutation(np.linspace(0.02, 0.98, JUMPS)):
        slider.scroll_into_view_if_needed()
        notebook.rest()
        box = slider.bounding_box()
        assert box is not None
        notebook.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        taken.append(notebook.arrived(int(slider.input_value())))
    return taken


def slices(store: Path) -> list[dict[str, Any]]:
    """One slice a chunk: jumps, colours, hover, playing, a click, and memory."""
    with opened(store) as notebook:
        far = jumps(notebook)
        colours = recolour(notebook)
        hover = hovered(notebook)
        dropped = played(notebook)
        charted = clicked(notebook)
        memory = dragged(notebook)
    return [
        figure("jump to a far slice, Lab, p50", statistics.median(far), "ms"),
        figure("jump to a far slice, Lab, p95", p95(far), "ms", goal=80),
        figure("colour map changed to pixels, p95", p95(colours), "ms", goal=16),
        figure("hover to read-out, p95", p95(hover), "ms", goal=16),
        figure(f"frames dropped in {PLAYED} at 20 a second", dropped, "", goal=0),
        figure("click to first points of 1,000 slices, p50", charted[0], "ms", goal=200),
        figure("click to the whole series of 1,000 slices, p50", charted[1], "ms", goal=3500),
        figure(
            "memory of the kernel over 1,000 slices, above the first",
            memory,
            "MB",
            goal=(CAP + 2 * ROW_BYTES["slices"]) / 1e6,
        ),
    ]


def emulated(store: Path) -> list[dict[str, Any]]:
    """Jump, play and click where a graphics card is emulated, which holds every frame of a page up."""
    with opened(store, emulated=True) as notebook:
        far = jumps(notebook)
        dropped = played(notebook)
        charted = clicked(notebook)
    said = "graphics card emulated"
    return [
        figure(f"jump to a far slice, Lab, {said}, p50", statistics.median(far), "ms"),
        figure(f"jump to a far slice, Lab, {said}, p95", p95(far), "ms"),
        figure(f"frames dropped in {PLAYED} at 20 a second, {said}", dropped, ""),
        figure(f"click to first points of 1,000 slices, {said}, p50", charted[0], "ms"),
    ]


def blocks(store: Path) -> list[dict[str, Any]]:
    """Chunks of 20 × 250 × 250: steps with the decoded chunks kept, and a click."""
    with opened(store) as notebook:
        taken = [notebook.press("ArrowRight", number) for number in range(1, STEPS)]
        charted = clicked(notebook)
    return [
        figure("next slice, chunks (20, 250, 250), p50", statistics.median(taken), "ms", goal=16),
        figure("next slice, chunks (20, 250, 250), p95", p95(taken), "ms"),
        figure("click to the series, chunks (20, 250, 250), p50", charted[1], "ms", goal=250),
    ]


def in_memory(store: Path) -> list[dict[str, Any]]:
    """B: 2160 × 4320 × 12 in memory, there and back; each step is drawn from the whole slice."""
    with opened(store, IN_MEMORY) as notebook:
        taken = [notebook.press("ArrowRight", number) for number in range(1, 12)]
        taken += [notebook.press("ArrowLeft", number) for number in reversed(range(11))]
    return [
        figure("B, 2160 × 4320 × 12 in memory, slider to pixels, p95", p95(taken), "ms", goal=60)
    ]


def recolour(notebook: Notebook) -> list[float]:
    """Change the colour map by the keyboard; its pixels may need no message."""
    notebook.output.get_by_role("button", name="Colours").click()
    notebook.output.get_by_role("listbox").first.focus()
    notebook.settle()
    taken = []
    for key in ["ArrowDown"] * 8 + ["ArrowUp"] * 8:
        before = notebook.shot()
        notebook.rest()
        notebook.page.keyboard.press(key)
        taken.append(notebook.took(kinds=DRAWN))
        notebook.settle()
        assert not notebook.sent(DRAWN), "the kernel was asked for colours"
        assert (notebook.shot() != before).any(), "the colours are the same"
    notebook.page.keyboard.press("Escape")
    return taken


def hovered(notebook: Notebook) -> list[float]:
    """Move the pointer over the picture, and time the read-out, which may need no message."""
    page = notebook.page
    box = notebook.output.locator("canvas[role=img]").first.bounding_box()
    assert box is not None
    page.evaluate(
        """() => {
            const root = document.querySelector('.portal-viewer');
            const line = root.querySelector('.portal-viewer-readout');
            window.bench.hover = [];
            let moved = 0;
            let sent = 0;
            root.addEventListener('pointermove', () => {
                moved = performance.now();
                sent = window.bench.sent;
            }, true);
            new MutationObserver(() => {
                const [at, asked] = [moved, window.bench.sent - sent];
                moved = 0;
                if (at) requestAnimationFrame(
                    () => window.bench.hover.push([performance.now() - at, asked])
                );
            }).observe(line, { childList: true, characterData: true, subtree: true });
        }"""
    )
    for number in range(60):
        page.mouse.move(box["x"] + 100 + 5 * number, box["y"] + 100 + 2 * number)
        page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
    found = page.evaluate("window.bench.hover")
    assert not any(asked for _, asked in found), "the kernel was asked for a read-out"
    taken = [float(took) for took, _ in found]
    assert len(taken) > 30, f"{len(taken)} read-outs"
    return taken


def played(notebook: Notebook) -> int:
    """Play at 20 frames a second; how many of 200 frames came a beat late, or never."""
    page = notebook.page
    notebook.focus()
    page.keyboard.press("Home")
    notebook.settle()
    notebook.output.get_by_label("Speed of playing").select_option("20")
    page.evaluate("window.bench.painted = []")
    notebook.output.locator("canvas[role=img]").first.focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "count => window.bench.painted.filter(p => p.detail.index).length > count",
        arg=PLAYED,
        timeout=120_000,
    )
    page.keyboard.press("Space")
    frames = page.evaluate("window.bench.painted.map(p => [p.at, p.detail.index.time])")
    steps = {number: at for at, number in reversed(frames)}
    assert set(range(1, PLAYED)) <= set(steps), "a slice was left out"
    times = [steps[number] for number in range(1, PLAYED)]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    return sum(round(gap / BEAT) - 1 for gap in gaps if gap > 1.5 * BEAT)


def clicked(notebook: Notebook) -> tuple[float, float]:
    """Click into the picture; milliseconds to a series' first points and to its whole, medians."""
    canvas = notebook.output.locator("canvas[role=img]").first
    taken = []
    for share in CLICKS:
        canvas.scroll_into_view_if_needed()
        notebook.rest()
        box = canvas.bounding_box()
        assert box is not None
        notebook.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        found = notebook.page.wait_for_function(
            """() => {
                const drawn = window.bench.marks.filter(
                    m => m.kind === 'portal-charted' && m.took && m.detail.values
                );
                const whole = drawn.find(m => m.detail.all);
                return whole && [drawn[0].took, whole.took];
            }""",
            polling=LOOK_EVERY,
            timeout=120_000,
        ).json_value()
        taken.append((float(found[0]), float(found[1])))
        notebook.settle()
        notebook.output.get_by_role("button", name="Close Points").click()
        notebook.settle()
    first, whole = zip(*taken, strict=True)
    print(f"clicks {', '.join(f'{f:,.0f}/{w:,.0f}' for f, w in taken)} ms", flush=True)
    return statistics.median(first), statistics.median(whole)


def dragged(notebook: Notebook) -> float:
    """Hold the right arrow through all slices; MB by which the kernel's peak grew."""
    page = notebook.page
    notebook.focus()
    page.keyboard.press("Home")
    notebook.settle()
    before = notebook.kernel.memory_info().rss
    with Peak(notebook.kernel) as peak:
        for _ in range(999):
            page.keyboard.press("ArrowRight")
        notebook.took(999)
        notebook.settle()
    return (peak.rss - before) / 1e6


class Peak:
    """The largest resident memory of a process, looked at 20 times a second."""

    def __init__(self, process: psutil.Process) -> None:
        self.rss = 0
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.rss = max(self.rss, self._process.memory_info().rss)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
