"""The list of runs in JupyterLab: what is missing in it, and a run that is started from it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import portal
from portal.sample.analyses import warming
from tests.faces.lab import LONG, Lab, sidebar

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A server with a run, and with a place that does not answer."""
    facilities = tmp_path / "home" / "facilities"
    facilities.mkdir(parents=True)
    (facilities / "away.toml").write_text(
        'name = "Away"\n[compute.host]\ndriver = "ssh"\nhost = "127.0.0.1"\nport = 9\n'
    )
    with portal.connect(home=tmp_path / "home") as fed:
        fed.run(warming, scenario="metoffice:e1-north-america", title="E1", at="local")
    server = Lab(tmp_path)
    yield server
    server.end()


def test_what_is_missing_and_a_run_once_more(lab: Lab, quiet_page: Page) -> None:
    from playwright.sync_api import expect

    panel = sidebar(lab.open(quiet_page), "Runs")
    expect(panel.get_by_test_id("portal-missing")).to_contain_text("away.host", timeout=LONG)
    panel.locator("[data-run]").filter(has_text="E1").click()
    first = panel.get_by_test_id("portal-run").first
    again = first.get_by_test_id("portal-run-again").first
    again.get_by_text("Run again").click()
    again.get_by_label("Where").fill("")
    again.get_by_role("button", name="Start").click()
    second = first.get_by_test_id("portal-run")
    expect(second).to_have_attribute("data-state", "completed", timeout=LONG)
    panel.get_by_role("button", name="Back to runs").click()
    expect(panel.locator("[data-run]")).to_have_count(2)
    with portal.connect(home=lab.home) as fed:
        newest, oldest = fed.runs()
        assert newest.spec.repeats == oldest.id
