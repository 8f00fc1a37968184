"""Where and when: the finder's map, its time line, and what it understood of the words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.faces.finder import area, page, results, served, total, words

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["page", "served"]


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
