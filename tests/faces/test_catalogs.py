"""Datasets of a STAC server, a Tiled server and an S3 bucket: found, opened, viewed, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.drivers.catalogs.servers.stac import grid, stac_server
from tests.drivers.catalogs.servers.stores import serving_s3
from tests.drivers.catalogs.servers.tiled import tiled_server, write_sample
from tests.faces.lab import LONG, Lab, add_cell, output, sidebar
from tests.faces.voila import Served

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

DASHBOARDS = Path(__file__).parents[2] / "notebooks" / "dashboards"


class Wanted(NamedTuple):
    """A dataset, and the words, the box (west, south, east, north) and the years that find it."""

    words: str
    box: tuple[int, int, int, int]
    years: str
    title: str
    variable: str


WANTED = (
    Wanted("air temperature", (-130, 10, -100, 60), "2001/2001", "Air temperature of 2001", "t2m"),
    Wanted("sea surface temperature", (110, -40, 160, 40), "2010/2010", "by satellite", "sst"),
    Wanted("wind speed", (-10, 10, 20, 60), "2015/2015", "Wind in a bucket", "wind"),
)


@pytest.fixture(scope="module")
def facilities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The facility files of the three servers, by name."""
    directory = tmp_path_factory.mktemp("servers")
    bucket = directory / "bucket"
    for path in (directory / "stac", directory / "tiled", bucket):
        path.mkdir()
    grid(title="Wind in a bucket", first="2015-01-01", west=0.0, name="wind").to_zarr(
        bucket / "wind.zarr", zarr_format=2, consolidated=True
    )
    with ExitStack() as stack:
        stac = stack.enter_context(stac_server(directory / "stac"))
        tiled, secret = stack.enter_context(tiled_server(directory / "tiled"))
        write_sample(tiled, secret)
        s3 = stack.enter_context(serving_s3(bucket, "lab"))
        key = directory / "tiled.key"
        key.write_text(secret)
        key.chmod(0o600)
        yield {
            "stac": f'driver = "stac"\nurl = "{stac}"\nallow = ["127.0.0.1"]\n',
            "tiled": f'driver = "tiled"\nurl = "{tiled}"\nkey_file = "{key}"\n',
            "bucket": 'driver = "folder"\npath = "s3://lab"\n'
            f'storage_options = {{ endpoint_url = "{s3}", anon = true }}\n',
        }


def write_facilities(home: Path, facilities: dict[str, str]) -> None:
    folder = home / "facilities"
    folder.mkdir(parents=True, exist_ok=True)
    for name, catalog in facilities.items():
        text = f'name = "{name}"\naccess = "public"\n[catalog.data]\n{catalog}'
        (folder / f"{name}.toml").write_text(text)


def find(page: Page, finder: Locator, wanted: Wanted) -> None:
    """Find a dataset by its words, a box drawn on the map and a time, and open its details."""
    from playwright.sync_api import expect

    back = finder.get_by_role("button", name="Back to results")
    if back.is_visible():
        back.click()
    filters = finder.get_by_test_id("portal-filters")
    if filters.get_attribute("open") is None:
        filters.locator("summary").first.click()
    clear = finder.get_by_role("button", name="Clear all")
    if clear.is_visible():
        clear.click()
    finder.get_by_role("searchbox", name="Search datasets").fill(wanted.words)
    time = finder.get_by_role("textbox", name="Time", exact=True)
    time.fill("1700/1701")
    time.press("Enter")
    result = finder.get_by_test_id("portal-result").filter(has_text=wanted.title)
    expect(finder.get_by_test_id("portal-pending")).to_be_hidden(timeout=LONG)
    expect(result).to_have_count(0)
    time.fill(wanted.years)
    time.press("Enter")
    expect(result).to_have_count(1, timeout=LONG)  # and with it the page has its height

    world = finder.get_by_test_id("portal-map")
    world.scroll_into_view_if_needed()
    frame = world.bounding_box()
    assert frame is not None
    west, south, east, north = wanted.box
    scale = frame["width"] / 360
    page.mouse.move(frame["x"] + (west + 180) * scale, frame["y"] + (90 - north) * scale)
    page.mouse.down()
    page.mouse.move(frame["x"] + (east + 180) * scale, frame["y"] + (90 - south) * scale, steps=4)
    page.mouse.up()
    drawn = finder.get_by_role("textbox", name="West, south, east, north").input_value()
    assert [float(part) for part in drawn.split(",")] == pytest.approx(wanted.box, abs=3)
    result.click(timeout=LONG)
    finder.get_by_test_id("portal-details-title").filter(has_text=wanted.title).wait_for(
        timeout=LONG
    )


def test_in_voila(quiet_page: Page, facilities: dict[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    home = tmp_path / "home"
    write_facilities(home, facilities)
    server = Served(DASHBOARDS, home)
    page = quiet_page
    try:
        page.set_viewport_size({"width": 1400, "height": 1000})
        page.goto(server.url)
        finder = page.locator(".portal-finder")
        finder.get_by_test_id("portal-result").first.wait_for(timeout=LONG)
        for wanted in WANTED:
            find(page, finder, wanted)
            finder.get_by_role("button", name="Use in analysis").click()
            chosen = page.locator(".portal-explore-run strong", has_text=wanted.title)
            chosen.wait_for(timeout=LONG)
            page.get_by_role("button", name="View", exact=True).click()
            expect(page.locator("[data-portal-frame]").first).to_have_attribute(
                "data-portal-frame", re.compile(f'"{wanted.variable}"'), timeout=LONG
            )
        page.close()
    finally:
        server.end()


def test_in_lab(quiet_page: Page, facilities: dict[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    lab = Lab(tmp_path)
    try:
        write_facilities(lab.home, facilities)
        quiet_page.set_viewport_size({"width": 1400, "height": 1000})
        page = lab.open(quiet_page, lab.write("catalogs.ipynb", ""))
        panel = sidebar(page)
        for wanted in WANTED:
            find(page, panel.locator(".portal-finder"), wanted)
            panel.get_by_role("button", name="Insert and run").click()
            shown = output(page, 0).locator(".xr-wrap")
            expect(shown).to_contain_text(wanted.variable, timeout=LONG)
            index = add_cell(page, "portal.view(ds)")
            expect(output(page, index).locator(".portal-viewer")).to_have_attribute(
                "data-portal-frame", re.compile(f'"{wanted.variable}"'), timeout=LONG
            )
        page.close()
    finally:
        lab.end()
