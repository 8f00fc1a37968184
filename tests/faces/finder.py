"""A page with the finder alone, on records of a test's own, and what a person does on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def finder_page(directory: Path) -> Iterator[Served]:
    """Serve the page; the records are in its index."""
    home = directory / "home"
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "fields.toml").write_text('name = "Fields"\naccess = "public"\n')
    with portal.connect(home=home) as fed:
        fed.records.index.upsert(records(), catalog="fields")
    server = Served(write_page(directory / "pages"), home)
    try:
        yield server
    finally:
        server.end()


def opened(page: Page, served: Served) -> Page:
    """Open the page in a wide window."""
    page.set_viewport_size({"width": 1200, "height": 900})
    page.goto(served.url)
    results(page).first.wait_for(timeout=PAGE)
    return page


def results(page: Page) -> Locator:
    return page.get_by_test_id("portal-result")


def words(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search datasets")


def total(page: Page, text: str | re.Pattern[str]) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_test_id("portal-status")).to_contain_text(text)


def area(page: Page) -> Locator:
    return page.get_by_label("West, south, east, north")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the page for the tests of a file."""
    with finder_page(tmp_path_factory.mktemp("finder")) as server:
        yield server


@pytest.fixture
def page(quiet_page: Page, served: Served) -> Page:
    """Open it."""
    return opened(quiet_page, served)
