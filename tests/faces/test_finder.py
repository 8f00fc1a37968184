"""The finder as a person uses it, by mouse and by keyboard alone, on a page of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import portal
from portal.core.item import Item
from portal.core.query import BBox, Interval
from portal.core.variable import Variable
from tests.faces.voila import Served, write_page

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

#: Milliseconds: a page starts a kernel, on a machine that may be busy.
PAGE = 120_000
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> of spring'


def records() -> Iterator[Item]:
    """Fields of soil from west to east, one a year; rain over two places; a title that is code."""
    for number in range(45):
        yield Item.build(
            "fields",
            f"soil-{number:02d}",
            title=f"Peat cores of field {number:02d}",
            bbox=BBox(-170 + 7 * number, 30, -168 + 7 * number, 32),
            time=Interval.of(str(1970 + number)),
            variables=[Variable("peat", ("depth",), "Depth of the peat", "", "m", "float32")],
            keywords=["soil", "even" if number % 2 == 0 else "odd"],
            citation=f"A. Digger (2020). Field {number}.",
        )
    for place, west in (("Texas", -102), ("Kenya", 36)):
        yield Item.build(
            "fields",
            f"rain-{place.lower()}",
            title=f"Gauges in {place}",
            bbox=BBox(west, 0 if place == "Kenya" else 28, west + 4, 33),
            time=Interval.of("1995/2005"),
            variables=[
                Variable("pr", ("time",), "", "precipitation_flux", "kg m-2 s-1", "float32")
            ],
        )
    yield Item.build("fields", "hostile", title=HOSTILE, keywords=["<b>bold</b>"], time="2020")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("finder")
    home = directory / "home"
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "fields.toml").write_text('name = "Fields"\naccess = "public"\n')
    with portal.connect(home=home) as fed:
        fed.records.index.upsert(records(), catalog="fields")
    server = Served(write_page(directory / "pages"), home)
    yield server
    server.end()


@pytest.fixture
def page(quiet_page: Page, served: Served) -> Page:
    quiet_page.set_viewport_size({"width": 1200, "height": 900})
    quiet_page.goto(served.url)
    results(quiet_page).first.wait_for(timeout=PAGE)
    return quiet_page


def results(page: Page) -> Locator:
    return page.get_by_test_id("portal-result")


def words(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search datasets")


def total(page: Page, text: str | re.Pattern[str]) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_test_id("portal-status")).to_contain_text(text)


def area(page: Page) -> Locator:
    return page.get_by_label("West, south, east, north")


def test_it_searches_as_one_types(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).press_sequentially("gauges")
    total(page, "2 datasets")
    expect(results(page)).to_have_text([re.compile("Gauges in"), re.compile("Gauges in")])
    expect(page.locator(".portal-finder")).to_have_attribute("data-painted", "gauges")
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


def test_a_box_is_drawn_moved_resized_and_cleared(page: Page) -> None:

    words(page).fill("peat cores")
    total(page, "45 datasets")
    frame = page.get_by_test_id("portal-map").bounding_box()
    assert frame is not None

    def at(lon: float, lat: float) -> tuple[float, float]:
        return (
            frame["x"] + (lon + 180) / 360 * frame["width"],
            frame["y"] + (90 - lat) / 180 * frame["height"],
        )

    def drag(start: tuple[float, float], end: tuple[float, float]) -> list[float]:
        page.mouse.move(*at(*start))
        page.mouse.down()
        page.mouse.move(*at(*end), steps=4)
        page.mouse.up()
        return [float(part) for part in area(page).input_value().split(",")]

    box = drag((-100, 50), (-40, 10))
    assert box == pytest.approx([-100, 10, -40, 50], abs=1.5)
    total(page, re.compile(r"^(8|9|10) datasets"))
    box = drag((-70, 20), (-20, 20))
    assert box == pytest.approx([-50, 10, 10, 50], abs=3)
    box = drag((10, 30), (60, 30))
    assert box == pytest.approx([-50, 10, 60, 50], abs=4)

    # Across the antimeridian, beyond the picture's edge.
    page.get_by_role("button", name="Clear all").click()
    total(page, "45 datasets")
    box = drag((150, 60), (200, 0))
    assert box == pytest.approx([150, 0, -160, 60], abs=2)
    west, _, east, _ = box
    inside = sum(-168 + 7 * n >= west or -170 + 7 * n <= east for n in range(45))
    total(page, f"{inside} datasets")


def test_a_box_by_keyboard(page: Page) -> None:
    from playwright.sync_api import expect

    world = page.get_by_role("application", name="Map")
    world.focus()
    world.press("Enter")
    expect(area(page)).to_have_value("-45, -22.5, 45, 22.5")
    world.press("ArrowRight")
    world.press("ArrowUp")
    expect(area(page)).to_have_value("-35, -12.5, 55, 32.5")
    world.press("Shift+ArrowLeft")
    world.press("Alt+ArrowDown")
    expect(area(page)).to_have_value("-35, -13.5, 45, 31.5")
    expect(page.get_by_test_id("portal-active")).to_contain_text("Area")
    world.press("Delete")
    expect(area(page)).to_have_value("")
    expect(world).to_be_focused()
    area(page).fill("1, 2, 3")
    area(page).press("Enter")
    expect(page.get_by_role("alert").filter(has_text="four numbers")).to_be_visible()


def test_years_by_mouse_and_by_keyboard(page: Page) -> None:
    from playwright.sync_api import expect

    words(page).fill("peat cores")
    total(page, "45 datasets")
    low, high = (page.get_by_role("slider", name=f"{end} year") for end in ("From", "To"))
    expect(low).to_have_attribute("aria-valuetext", "1970")
    expect(high).to_have_attribute("aria-valuetext", "2014")
    low.focus()
    for _ in range(3):
        low.press("PageUp")
    low.press("ArrowRight")
    expect(page.get_by_label("Time", exact=True).and_(page.locator("input"))).to_have_value(
        "2001/2014"
    )
    total(page, "14 datasets")
    expect(low).to_be_focused()
    low.press("Delete")
    total(page, "45 datasets")

    chart = page.get_by_test_id("portal-timeline").bounding_box()
    assert chart is not None
    year = chart["width"] / 45
    middle = chart["y"] + chart["height"] / 2
    page.mouse.move(chart["x"] + 10.5 * year, middle)
    page.mouse.down()
    page.mouse.move(chart["x"] + 14.5 * year, middle, steps=3)
    page.mouse.up()
    total(page, "5 datasets")
    expect(low).to_have_attribute("aria-valuetext", "1980")


def test_what_was_understood_is_shown_and_taken_back(page: Page) -> None:
    from playwright.sync_api import expect

    understood = page.get_by_test_id("portal-understood")
    words(page).fill("rain over texas since 1990")
    total(page, re.compile(r"^1 dataset\b"))
    expect(results(page)).to_contain_text("Gauges in Texas")
    expect(understood).to_contain_text("rain → precipitation_flux")
    expect(understood).to_contain_text("over texas → Texas")
    expect(understood).to_contain_text("since 1990 → 1990 – …")
    expect(page.get_by_test_id("portal-map-box")).to_have_class(re.compile("portal-map-meant"))

    # The place is changed by hand, on the map.
    understood.get_by_role("button", name="Change the box of Texas on the map").click()
    expect(area(page)).to_have_value(re.compile(r"^-10\d"))
    expect(page.get_by_role("application", name="Map")).to_be_focused()
    page.get_by_role("button", name="Remove the filter Area").first.click()

    # The quantity is narrowed to one of its names.
    understood.get_by_label("Choose what “rain” means").click()
    understood.get_by_role("button", name="Search only for precipitation_flux").click()
    expect(words(page)).to_have_value("precipitation_flux over texas since 1990")
    expect(words(page)).to_be_focused()

    # A place is taken for words, and then for a place again.
    words(page).fill("gauges in texas")
    expect(understood).to_contain_text("in texas → Texas")
    understood.get_by_role("button", name="Take “in texas” as plain words").click()
    expect(understood).not_to_contain_text("→ Texas")
    understood.get_by_role("button", name="Let “in texas” mean something again").click()
    expect(understood).to_contain_text("in texas → Texas")


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
    expect(page.get_by_test_id("portal-details-title")).to_be_focused()
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
    details.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        details.get_by_role("button", name="BibTeX", exact=True).click()
    assert Path(download.value.path()).read_text().startswith("@")
    expect(details.get_by_test_id("portal-said")).to_contain_text("Saved as")


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
    expect(page.get_by_test_id("portal-details-title")).to_have_text(re.compile("Linke"))
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
