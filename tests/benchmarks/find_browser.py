"""From the press of a key to the results on the screen: the finder on a Voilà page, in Chromium.

The index holds synthetic records. Words are typed as people type, a key every 150 ms; each press is
timed in the page, from the event of the key to the first task after the frame that shows an answer
to the words as they then are. A key whose answer was overtaken by the next key's counts until then.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import portal
from tests.benchmarks.fts import make_home, p95
from tests.benchmarks.records import records
from tests.benchmarks.report import figure
from tests.faces.voila import Served, write_page

RECORDS = 1_000_000
TYPED = (
    "rain over texas",
    "sea surface temperature",
    "soil moisture great plains",
    "wind speed 1990",
)
APART = 150
#: Milliseconds that a page, or an answer, may take before the measurement is given up.
PATIENCE = 180_000

_TIMED = """
() => {
    window.pressed = [];
    const field = document.querySelector('.portal-search');
    field.addEventListener('keydown', event => {
        if (event.key.length === 1) {
            window.pressed.push({words: (field.value + event.key).trim(), at: performance.now()});
        }
    });
    document.addEventListener('portal-painted', event => {
        const now = performance.now();
        for (const press of window.pressed) {
            if (!press.took && event.detail.startsWith(press.words)) {
                press.took = now - press.at;
            }
        }
    });
}
"""


def figures(count: int = RECORDS) -> list[dict[str, Any]]:
    """Build an index of ``count`` records, type into the finder, and time each key."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        make_home(directory / "home")
        with portal.connect(home=directory / "home") as fed:
            fed.records.index.upsert(records(count), catalog="synthetic")
        server = Served(write_page(directory / "pages"), directory / "home")
        try:
            taken = _typed(server.url)
        finally:
            server.end()
    what = f"key press to results painted, {count:,} records"
    return [
        figure(f"{what}, median of {len(taken)}", statistics.median(taken), "ms"),
        figure(f"{what}, p95 of {len(taken)}", p95(taken), "ms", goal=100),
    ]


def _typed(url: str) -> list[float]:
    """Return the milliseconds of each key."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(url)
        page.get_by_test_id("portal-result").first.wait_for(timeout=PATIENCE)
        field = page.get_by_role("searchbox", name="Search datasets")
        field.press_sequentially("air temperature arctic", delay=APART)
        page.locator("[data-painted='air temperature arctic']").wait_for(timeout=PATIENCE)
        page.evaluate(_TIMED)
        for words in TYPED:
            field.fill("")
            page.locator("[data-painted='']").wait_for(timeout=PATIENCE)
            field.press_sequentially(words, delay=APART)
            page.locator(f"[data-painted='{words}']").wait_for(timeout=PATIENCE)
        taken: list[float] = page.evaluate("window.pressed.map(press => press.took)")
        browser.close()
    return taken


if __name__ == "__main__":
    for row in figures(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS):
        print(row)
