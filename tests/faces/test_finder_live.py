"""The finder while laboratories answer late, or do not answer: who is waited for, and who failed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.drivers.catalogs.servers.processes import free_port
from tests.drivers.catalogs.servers.small_stac import FREE_TEXT, feature, small_stac
from tests.faces.voila import Served, write_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = 120_000


def facility(home: Path, name: str, url: str) -> None:
    path = home / "facilities" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'name = "{name}"\naccess = "public"\n[catalog.stac]\ndriver = "stac"\nurl = "{url}"\n'
    )


def test_late_answers_join_and_failures_are_named(quiet_page: Page, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    late = [feature(f"late-{n}", f"Turbidity measured late {n}") for n in range(3)]
    home = tmp_path / "home"
    with small_stac(features=late, declares=(FREE_TEXT,), searches=True) as slow:
        facility(home, "slow", slow.served.url)
        facility(home, "down", f"http://127.0.0.1:{free_port()}")
        server = Served(write_page(tmp_path / "pages"), home)
        try:
            page = quiet_page
            page.goto(server.url)
            results = page.get_by_test_id("portal-result")
            results.first.wait_for(timeout=PAGE)
            slow.served.fault = "slow"
            words = page.get_by_role("searchbox", name="Search datasets")
            words.fill("turbidity")
            pending = page.get_by_test_id("portal-pending")
            expect(pending).to_contain_text(re.compile(r"Waiting for .*\bslow"))
            expect(results.first).to_contain_text("Linke turbidity")

            # What the reader is at stays where it is, and keeps the focus.
            words.press("ArrowDown")
            expect(results.first).to_be_focused()
            slow.served.released.set()
            expect(results.filter(has_text="measured late")).to_have_count(3, timeout=PAGE)
            expect(results.first).to_contain_text("Linke turbidity")
            expect(results.first).to_be_focused()
            expect(pending).to_be_hidden(timeout=PAGE)
            expect(page.get_by_test_id("portal-problems")).to_contain_text("down", timeout=PAGE)
            page.close()
        finally:
            server.end()
