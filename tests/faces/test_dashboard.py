"""A cluster's dashboard as a person sees it: through the Jupyter server, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import portal
from tests.faces.lab import LONG, Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from portal.federation.cluster import Cluster

#: Whether the web socket has brought the counts of the tasks to the plot of the progress.
DRAWN = """() => Bokeh.documents.some(document => [...document._all_models.values()].some(
    model => /Progress -- total: 50, .*memory: 50/.test(model.text ?? "")))"""


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Iterator[Cluster]:
    with portal.connect(home=lab.home) as fed, fed.cluster(workers=1) as cluster:
        yield cluster


def test_plots_are_drawn_and_follow_the_tasks(quiet_page: Page, lab: Lab, cluster: Cluster) -> None:
    from playwright.sync_api import expect

    page = quiet_page
    client = cluster.client
    page.goto(f"{lab.url}lab?token={lab.token}")
    page.goto(f"{lab.url.rstrip('/')}{cluster.dashboard}")
    expect(page.locator(".navbar")).to_contain_text("Workers")
    expect(page.locator(".bk-Figure").first).to_be_visible(timeout=LONG)
    futures = client.map(lambda number: number + 1, range(50))
    assert sum(client.gather(futures)) == 1275
    page.wait_for_function(DRAWN, timeout=LONG)

    # Links of the dashboard stay below the address that is guarded.
    page.get_by_role("link", name="Workers", exact=True).click()
    expect(page.locator(".bk-Figure, .bk-DataTable").first).to_be_visible(timeout=LONG)
    assert f"/portal/api/dashboards/{cluster.id}/workers" in page.url


def test_dashboard_of_nothing_says_so(quiet_page: Page, lab: Lab, cluster: Cluster) -> None:
    from playwright.sync_api import expect

    page = quiet_page
    page.goto(f"{lab.url}lab?token={lab.token}")
    reply = page.request.get(f"{lab.url}portal/api/dashboards/20200101T000000-none-00000000/status")
    assert reply.status == 404
    page.set_content(reply.text())
    expect(page.locator("body")).to_contain_text("No single run is called")
