"""A run's widget on a page of its own: why it is there, and the same once more with a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import portal
from portal.sample.analyses import warming
from portal.ui.widgets.run import RunWidget
from tests.faces.bare import bare

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONG = 120_000


def test_a_run_is_run_again_with_a_change(quiet_page: Page, fed: portal.Federation) -> None:
    from playwright.sync_api import expect

    run = fed.run(warming, scenario="metoffice:e1-north-america", title="E1", years=10)
    page = quiet_page
    with bare(page, RunWidget(run)):
        first = page.get_by_test_id("portal-run").first
        first.get_by_text("Why there").click()
        table = first.get_by_title("Where it could have run").content_frame
        expect(table.get_by_role("rowheader", name="local.default")).to_be_visible()
        expect(first).to_have_attribute("data-state", "completed", timeout=LONG)

        again = first.get_by_test_id("portal-run-again")
        again.get_by_text("Run again").click()
        expect(again.get_by_label("Where")).to_have_value("local.default")
        parameters = again.get_by_label("Parameters")
        parameters.fill("{")
        again.get_by_role("button", name="Start").click()
        expect(again.get_by_role("alert")).to_contain_text("not JSON")
        parameters.fill('{"years": "many"}')
        again.get_by_role("button", name="Start").click()
        expect(again.get_by_role("alert")).to_contain_text("years")
        parameters.fill('{"years": 20}')
        again.get_by_role("button", name="Start").click()
        second = first.get_by_test_id("portal-run")
        expect(second).to_have_attribute("data-state", "completed", timeout=LONG)
    found = {held.id: held.spec.parameters for held in fed.runs()}
    assert sorted(found.values(), key=str) == [{"years": 10}, {"years": 20}]
    assert fed.runs()[0].spec.repeats == run.id
