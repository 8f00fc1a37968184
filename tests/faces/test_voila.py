"""The dashboard as it is served: the whole main job, in a real browser, behind the token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.faces.voila import Served
from tests.helpers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

DASHBOARDS = Path(__file__).parents[2] / "notebooks" / "dashboards"
#: Milliseconds: a page starts a kernel, a run starts a cluster, on a machine that may be busy.
PAGE, RUN = 120_000, 120_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(DASHBOARDS, tmp_path_factory.mktemp("voila") / "home")
    yield server
    server.end()


def opened(page: Page, served: Served) -> Page:
    page.goto(served.url)
    page.locator(".portal-result").first.wait_for(timeout=PAGE)
    return page


def field(page: Page, name: str) -> Locator:
    """A field of the right side, by its label."""
    return page.locator(".portal-explore-run").get_by_label(name, exact=True)


def choose(page: Page, words: str, title: str) -> None:
    """Find a dataset by words and open it, as a person does."""
    back = page.get_by_role("button", name="Back to results")
    if back.is_visible():
        back.click()
    page.get_by_role("searchbox").fill(words)
    page.locator(".portal-result", has_text=title).first.click()
    page.get_by_test_id("portal-details-title").get_by_text(title).wait_for(timeout=120_000)
    page.get_by_role("button", name="Open", exact=True).click()
    page.locator(".portal-explore-run strong", has_text=title).wait_for()


def test_the_whole_main_job(quiet_page: Page, served: Served) -> None:
    from playwright.sync_api import expect

    page = opened(quiet_page, served)
    assert "portal.connect" not in page.content()

    # Find
    page.get_by_role("searchbox").fill("turbidity")
    page.locator(".portal-result", has_text="Linke turbidity").wait_for()
    field(page, "Analysis").select_option(index=1)
    choose(page, "north america a1b", "scenario A1B")
    scenario = field(page, "scenario")
    expect(scenario).to_have_value("metoffice:a1b-north-america")

    # Look at it; the slider moves on.
    page.get_by_role("button", name="View", exact=True).click()
    frame = page.locator("[data-portal-frame]").first
    frame.wait_for(timeout=PAGE)
    page.get_by_role("slider", name="time").press("End")
    page.locator("[data-portal-frame*='\"time\":239']").wait_for()

    # A bad value is refused before anything runs, and named.
    years = field(page, "years")
    years.fill("0")
    years.press("Tab")
    page.get_by_role("button", name="Run", exact=True).click()
    alert = page.get_by_role("alert").filter(has_text="'years'")
    expect(alert).to_contain_text("greater than or equal to 1")
    assert page.get_by_test_id("portal-run").count() == 0

    # Run
    years.fill("10")
    years.press("Tab")
    page.get_by_role("button", name="Run", exact=True).click()
    state = page.get_by_test_id("portal-run-state")
    expect(state).to_have_text(re.compile("new|queued|active"), timeout=RUN)
    expect(alert).to_have_count(0)
    expect(page.get_by_role("progressbar").first).to_be_visible()
    expect(state).to_have_text("completed", timeout=RUN)
    page.locator("[data-portal-frame*='local_warming']").wait_for(timeout=PAGE)

    # Publish, and find it again.
    publish = page.get_by_role("button", name="Publish")
    publish.click()
    expect(page.get_by_role("alert").filter(has_text="Give the result a title")).to_be_visible()
    title = field(page, "Title")
    title.fill("How warm it gets")
    title.press("Tab")
    publish.click()
    page.get_by_text("Published as").wait_for(timeout=PAGE)
    page.get_by_role("button", name="Show in finder").click()
    result = page.locator(".portal-result", has_text="How warm it gets")
    result.click()
    details = page.get_by_label("Dataset", exact=True).first
    expect(details).to_contain_text("local:how-warm-it-gets")


def test_two_inputs_are_picked_and_joined(quiet_page: Page, served: Served) -> None:
    from playwright.sync_api import expect

    page = opened(quiet_page, served)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="lacks its input")).to_be_visible()
    choose(page, "altitude", "Altitude of the land")
    expect(field(page, "turbidity")).to_have_value("sandia:altitude")
    page.get_by_role("button", name="Use as relief").click()
    expect(field(page, "relief")).to_have_value("sandia:altitude")
    choose(page, "linke", "Linke turbidity")
    page.get_by_role("button", name="Use as turbidity").click()
    expect(field(page, "turbidity")).to_have_value("sandia:linke-turbidity")
    expect(field(page, "relief")).to_have_value("sandia:altitude")

    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-portal-frame*='annual_mean']").wait_for(timeout=RUN)
    field(page, "Variable").select_option("land")
    page.locator("[data-portal-frame*='\"land\"']").wait_for()


def test_closing_the_page_ends_its_kernel(quiet_page: Page, served: Served) -> None:
    server = psutil.Process(served.process.pid)
    before = set(server.children())
    page = opened(quiet_page, served)
    (kernel,) = set(server.children()) - before
    page.close(run_before_unload=True)
    wait_until(lambda: kernel not in server.children())


def test_it_fits_the_window_in_the_readers_theme(quiet_page: Page, served: Served) -> None:
    from playwright.sync_api import expect

    page = opened(quiet_page, served)
    for width in (480, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.body.scrollWidth") <= width
        fields = page.locator(".portal-explore-run :is(input, select):visible")
        assert fields.count() >= 5
        for i in range(fields.count()):
            box = fields.nth(i).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
        left = page.locator(".portal-explore-find").bounding_box()
        right = page.locator(".portal-explore-run").bounding_box()
        assert left is not None
        assert right is not None
        assert (right["x"] > left["x"] + 100) == (width == 1400)
    for dark in (True, False):
        page.emulate_media(color_scheme="dark" if dark else "light")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(not dark).lower())
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 3 * 128) == dark


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/voila",
        "/voila/tree",
        "/voila/tree/..",
        "/voila/render/explore.ipynb",
        "/voila/api/contents/",
        "/voila/files/explore.ipynb",
        "/voila/files/picture.png",
        "/api/contents",
        "/api/kernels",
        "/api/sessions",
        "/files/explore.ipynb",
        "/nbconvert/html/explore.ipynb",
    ],
)
def test_without_the_token_there_is_no_page(served: Served, path: str) -> None:
    for query in ("", "?token=0123456789"):
        status, location, body = served.get(path + query)
        assert status in (302, 403, 404), path
        if status == 302:
            assert re.search(r"/login\?next=|/voila/render/", location), location
        assert b"portal.ui.dashboards" not in body
        assert b"explore" not in body.replace(b"explore.ipynb", b"")


def test_with_the_token_only_the_dashboards_are_there(served: Served) -> None:
    token = parse_qs(urlsplit(served.url).query)["token"][0]
    status, _, body = served.get("/api/contents", Authorization=f"token {token}")
    assert status == 200
    assert [entry["name"] for entry in json.loads(body)["content"]] == ["explore.ipynb"]
    for path in ("/voila/tree/../..", "/api/contents/../tutorials", "/voila/files/picture.png"):
        status, _, _ = served.get(path, Authorization=f"token {token}")
        assert status in (403, 404), path
    # No other extension has been loaded.
    assert served.get("/lab", Authorization=f"token {token}")[0] == 404
    assert served.get("/api/terminals", Authorization=f"token {token}")[0] == 404


def test_it_listens_on_this_machine_alone(served: Served) -> None:
    port = urlsplit(served.url).port
    listening = psutil.Process(served.process.pid).net_connections("inet")
    addresses = {c.laddr.ip for c in listening if c.status == "LISTEN" and c.laddr.port == port}
    assert addresses == {"127.0.0.1"}


def test_several_pages_have_a_list(quiet_page: Page, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for name in ("one", "two"):
        (pages / f"{name}.ipynb").write_bytes((DASHBOARDS / "explore.ipynb").read_bytes())
    server = Served(pages, tmp_path / "home")
    try:
        quiet_page.goto(server.url)
        quiet_page.get_by_text("one.ipynb").wait_for(timeout=PAGE)
        assert quiet_page.get_by_text("two.ipynb").is_visible()
    finally:
        server.end()


def test_it_does_not_serve_without_authentication(tmp_path: Path) -> None:
    server = Served(DASHBOARDS, tmp_path / "home", "--IdentityProvider.token=")
    assert server.process.wait(60) != 0
    assert "without authentication" in server.log.read_text()
