"""The finder as a person uses it, by mouse and by keyboard alone, on a page of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faces.finder import (
    HOSTILE,
    PAGE,
    page,
    results,
    served,
    total,
    words,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["page", "served"]


def test_it_searches_as_one_types(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).press_sequentially("gauges")
    total(page, "2 datasets")
    expect(results(page)).to_have_text([re.compile("Gauges in"), re.compile("Gauges in")])
    expect(page.locator(".portal-finder")).to_have_attribute("data-painted", "gauges")
    # A word that is begun finds what goes on with it, with other words beside it too.
    words(page).fill("gauges in ken")
    total(page, re.compile(r"^1 dataset ·"))
    expect(results(page)).to_contain_text("Gauges in Kenya")
    words(page).fill("nothing is called qwertz")
    expect(page.get_by_test_id("portal-empty")).to_contain_text("Nothing matches")
    page.get_by_role("button", name="Show everything").click()
    expect(words(page)).to_have_value("")
    expect(words(page)).to_be_focused()
    expect(results(page)).to_have_count(20)


def test_facets_narrow_and_are_lifted(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).fill("peat cores")
    total(page, "45 datasets")
    page.get_by_role("button", name="Keyword odd, 22").click()
    total(page, "22 datasets")
    chip = page.get_by_role("button", name="Keyword odd, 22")
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(chip).to_be_focused()
    page.get_by_role("button", name="Remove the filter Keyword: odd").click()
    total(page, "45 datasets")
    page.get_by_role("button", name="Facility fields, 45").click()
    page.get_by_role("button", name="Keyword even, 23").click()
    total(page, "23 datasets")
    page.get_by_role("button", name="Clear all").click()
    total(page, "45 datasets")
    expect(page.get_by_test_id("portal-active")).to_be_hidden()


def test_long_facets_are_searched(page: Page) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name=re.compile("Keyword: show")).click()
    field = page.get_by_label("Filter the values of Keyword")
    expect(field).to_be_focused()
    field.press_sequentially("soi")
    chips = page.get_by_role("group", name="Keyword").locator(".portal-chip")
    expect(chips).to_have_text([re.compile("soil")])


def test_a_search_is_saved_and_found_after_a_reload(page: Page) -> None:
    from playwright.sync_api import expect

    saved = page.get_by_test_id("portal-saved")
    words(page).fill("peat cores")
    page.get_by_role("button", name="Keyword odd, 22").click()
    page.get_by_label("Sort").select_option("newest")
    total(page, "22 datasets")
    saved.locator("summary").click()
    saved.get_by_role("button", name="Save").click()
    expect(saved.get_by_role("alert")).to_contain_text("Give the search a name")
    saved.get_by_label("Name of this search").fill("Odd peat")
    saved.get_by_role("button", name="Save").click()
    expect(saved.get_by_role("listitem")).to_have_text([re.compile("Odd peat")])

    page.reload()
    results(page).first.wait_for(timeout=PAGE)
    saved.locator("summary").click()
    saved.get_by_role("button", name="Search Odd peat").click()
    expect(words(page)).to_have_value("peat cores")
    total(page, "22 datasets")
    expect(results(page).first).to_contain_text("field 43")
    saved.locator("summary").click()
    saved.get_by_role("button", name="Forget Odd peat").click()
    expect(saved).to_contain_text("None yet.")
    page.keyboard.press("Escape")
    expect(saved.get_by_label("Name of this search")).to_be_hidden()


def test_sort_and_pages(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).fill("peat cores")
    page.get_by_label("Sort").select_option("oldest")
    expect(results(page).first).to_contain_text("field 00")
    page.get_by_label("Sort").select_option("newest")
    expect(results(page).first).to_contain_text("field 44")
    pages = page.get_by_role("navigation", name="Pages of results")
    expect(pages).to_contain_text("1–20 of 45")
    expect(pages.get_by_role("button", name="Previous")).to_be_disabled()
    pages.get_by_role("button", name="Next").click()
    expect(results(page).first).to_contain_text("field 24")
    expect(results(page).first).to_be_focused()
    pages.get_by_role("button", name="Next").click()
    expect(pages).to_contain_text("41–45 of 45")
    expect(results(page)).to_have_count(5)
    words(page).press_sequentially(" field")
    expect(pages).to_contain_text("1–20 of 45")


def test_details_and_their_citation(page: Page) -> None:
    from playwright.sync_api import expect

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    words(page).fill("air temperature north america e1")
    results(page).filter(has_text="scenario E1").click()
    details = page.get_by_label("Dataset", exact=True)
    expect(page.get_by_test_id("portal-details-title")).to_be_focused(timeout=PAGE)
    expect(details.get_by_role("table", name="Variables")).to_contain_text("latitude")
    expect(details).to_contain_text("as stored")
    details.get_by_role("button", name="Copy the citation in BibTeX").click()
    expect(details.get_by_role("button", name="Copy the citation in BibTeX")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("@")
    details.get_by_role("button", name="Copy code").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("ds = fed.open(")
    details.locator("summary", has_text="Dimensions").click()
    expect(details.get_by_role("table", name="Dimensions")).to_contain_text("time")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    expect(results(page).filter(has_text="scenario E1")).to_be_focused()


def test_a_record_is_saved_in_other_formats(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).fill("air temperature north america e1")
    results(page).filter(has_text="scenario E1").click()
    details = page.get_by_label("Dataset", exact=True)
    details.locator("summary", has_text="Export").click(timeout=PAGE)
    with page.expect_download() as download:
        details.get_by_role("button", name="BibTeX", exact=True).click()
    assert Path(download.value.path()).read_text().startswith("@")
    expect(details.get_by_test_id("portal-said")).to_contain_text("Saved as")


def test_a_press_on_a_list_that_is_drawn_anew_opens_what_was_pressed(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).fill("gauges")
    total(page, "2 datasets")
    box = results(page).filter(has_text="Texas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.evaluate(
        """() => {
            const field = document.querySelector('.portal-finder input[type=search]');
            field.value = 'gauges kenya';
            field.dispatchEvent(new Event('input', { bubbles: true }));
        }"""
    )
    total(page, re.compile(r"^1 dataset ·"))
    page.mouse.up()
    title = page.get_by_test_id("portal-details-title")
    expect(title).to_contain_text("Gauges in Texas", timeout=PAGE)


def test_a_title_that_is_code_is_text(page: Page) -> None:
    from playwright.sync_api import expect

    before = page.title()
    words(page).fill("spring")
    result = results(page).filter(has_text="of spring")
    expect(result).to_contain_text(HOSTILE)
    expect(page.get_by_role("button", name="Keyword <b>bold</b>, 1")).to_be_visible()
    result.click()
    title = page.get_by_test_id("portal-details-title")
    expect(title).to_have_text(HOSTILE)
    assert page.locator(".portal-finder script, .portal-finder img[src=x]").count() == 0
    assert page.title() == before


def test_by_keyboard_alone(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).focus()
    page.keyboard.type("linke turbidity")
    expect(results(page).first).to_contain_text("Linke turbidity")
    page.keyboard.press("ArrowDown")
    expect(results(page).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("portal-details-title")).to_have_text(
        re.compile("Linke"), timeout=PAGE
    )
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Open", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("portal-said")).to_contain_text("Chosen: sandia:linke-turbidity")
    page.keyboard.press("Escape")
    expect(results(page).first).to_be_focused()
    page.keyboard.press("/")
    expect(words(page)).to_be_focused()

    # From the words every control is reached in the order in which it is read.
    page.keyboard.press("Control+A")
    page.keyboard.type("peat cores")
    total(page, "45 datasets")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.closest('[data-testid]')?.dataset.testid")
        )
        if reached[-1] == "portal-result":
            break
    seen = list(dict.fromkeys(reached))
    assert seen.index("portal-map") < seen.index("portal-timeline") < seen.index("portal-result")


def test_pictures_come_when_they_are_in_sight(page: Page) -> None:
    words(page).fill("altitude")
    picture = results(page).filter(has_text="Altitude").locator("img")
    picture.wait_for(timeout=PAGE)
    assert (picture.get_attribute("src") or "").startswith("data:image/png;base64,")


def test_it_fits_a_sidebar_in_both_themes(page: Page) -> None:
    from playwright.sync_api import expect

    page.set_viewport_size({"width": 340, "height": 900})
    page.reload()
    results(page).first.wait_for(timeout=PAGE)
    expect(page.get_by_test_id("portal-map")).to_be_hidden()
    page.locator("summary", has_text="Filters").click()
    expect(page.get_by_test_id("portal-map")).to_be_visible()
    finder = page.locator(".portal-finder")
    assert finder.evaluate("node => node.scrollWidth <= node.clientWidth")
    for dark in (True, False):
        page.emulate_media(color_scheme="dark" if dark else "light")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(not dark).lower())
        ground = finder.evaluate("node => getComputedStyle(node).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 3 * 128) == dark
