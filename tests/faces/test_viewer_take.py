"""The menu "Save": what it hands over is opened again, and is what was seen."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

import portal
from portal.ui.page import save_page
from portal.viewer import COLOR_MAPS
from tests.faces.bare import Bare, bare
from tests.faces.looks import series

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

SVG = "{http://www.w3.org/2000/svg}"
BUSY = "[data-portal-busy]"
STATUS = ".portal-viewer-take-status"


def globe(name: str = "field") -> xr.Dataset:
    """Four times; the quarters are 0 (north-west), 1 (north-east), 2 and 3, then one more each."""
    lat, lon = np.arange(-87.5, 90, 5.0), np.arange(-177.5, 180, 5.0)
    quarters = np.where(lat[:, None] > 0, 0.0, 2.0) + (lon > 0)[None, :]
    steps = np.stack([(quarters + i) % 4 for i in range(4)])
    return xr.Dataset(
        {name: (("time", "lat", "lon"), steps, {"long_name": f"Quarter {name}", "units": "m"})},
        {
            "time": np.array(["2001-01-01", "2001-02-01", "2001-03-01", "2001-04-01"], "M8[ns]"),
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


@pytest.fixture
def shown(quiet_page: Page) -> Iterator[Page]:
    with bare(quiet_page, portal.view(globe())):
        opened(quiet_page)
        yield quiet_page


def opened(page: Page) -> None:
    """Open the menu by keyboard, when the picture is there."""
    page.wait_for_selector("[data-portal-frame]")
    summary = page.locator(".portal-viewer-take > summary")
    summary.focus()
    summary.press("Enter")
    page.get_by_role("group", name="Save").wait_for()


def saved(page: Page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).press("Enter")
    return Path(download.value.path()).read_bytes()


def copied(page: Page, name: str) -> str:
    page.get_by_role("button", name=name).press("Enter")
    field = page.get_by_label("Text to copy")
    field.wait_for()
    return field.input_value()


def color(value: float) -> np.ndarray:
    """Colour of a value between the limits 0 and 3 in viridis."""
    points = np.frombuffer(bytes.fromhex(COLOR_MAPS["viridis"]), np.uint8).reshape(-1, 3)
    at = min(int(value / 3 * 256), 255) / 255 * (len(points) - 1)
    return np.array([np.interp(at, np.arange(len(points)), c) for c in points.T])


def middle(image: Image.Image, value: float) -> tuple[float, float]:
    """Mean row and column of the pixels that have the colour of a value."""
    distance = np.abs(np.asarray(image.convert("RGB")).astype(int) - color(value)).max(axis=2)
    rows, columns = np.nonzero(distance <= 2)
    assert rows.size > 0.03 * image.width * image.height
    return float(rows.mean()), float(columns.mean())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_png_has_the_size_asked_for(quiet_page: Page, scheme: Any, tmp_path: Path) -> None:
    quiet_page.emulate_media(color_scheme=scheme)
    quiet_page.goto(save_page(globe(), tmp_path / "page.html").as_uri())
    opened(quiet_page)
    quiet_page.get_by_label("Width (cm)").fill("10")
    quiet_page.get_by_label("Dots per inch").fill("250")
    image = Image.open(io.BytesIO(saved(quiet_page, "Save as PNG")))
    assert image.width == pytest.approx(10 / 2.54 * 250, abs=1)
    assert image.info["dpi"] == pytest.approx((250, 250), abs=0.1)
    assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    north_west, south_east = middle(image, 0), middle(image, 3)
    assert north_west[0] < south_east[0]
    assert north_west[1] < south_east[1]
    heading = np.asarray(image.convert("L"))[: image.height // 8]
    assert heading.min() < 60


@pytest.mark.parametrize("make", [globe, series])
def test_what_is_saved_is_for_paper_in_the_dark_too(
    quiet_page: Page, make: Callable[[], xr.Dataset]
) -> None:
    ink = "getComputedStyle(document.querySelector('.portal-viewer-title')).color"
    with bare(quiet_page, portal.view(make())):
        found = []
        opened(quiet_page)
        quiet_page.get_by_label("Dots per inch").fill("110")
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            quiet_page.emulate_media(color_scheme=scheme)
            pictures = [saved(quiet_page, f"Save as {kind}") for kind in ("PNG", "SVG")]
            found.append((quiet_page.evaluate(ink), pictures))
        (light, in_light), (dark, in_dark) = found
        assert light != dark
        assert in_light == in_dark
    image = np.asarray(Image.open(io.BytesIO(in_dark[0])).convert("RGB"))
    # The margins are white all around: nothing is cut off.
    assert (np.concatenate([image[:5], image[-5:]]) > 250).all()
    assert (np.concatenate([image[:, :5], image[:, -5:]], axis=1) > 250).all()


def test_a_png_follows_zoom_and_limits(quiet_page: Page) -> None:
    state = {"window": [0, 180, -90, 0], "limits": [0, 6], "index": {"time": 0}}
    with bare(quiet_page, portal.view(globe(), state=state)):
        opened(quiet_page)
        image = Image.open(io.BytesIO(saved(quiet_page, "Save as PNG")))
    middle(image, 1.5)


def test_an_svg_is_xml_with_vectors_and_no_script(quiet_page: Page) -> None:
    with bare(quiet_page, portal.view(globe("<script>bad()</script>"), title="A & B")):
        opened(quiet_page)
        root = ElementTree.fromstring(saved(quiet_page, "Save as SVG"))
    assert root.tag == f"{SVG}svg"
    assert root.get("width") == "16cm"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert "A & B" in (title.text or "")
    assert "<script>bad()</script>" in (title.text or "")
    names = {node.tag.removeprefix(SVG) for node in root.iter()}
    assert names <= {"svg", "title", "desc", "path", "text", "image", "clipPath", "g"}
    texts = {node.text for node in root.iter(f"{SVG}text")}
    assert {"90°W", "0°", "90°E", "time 2001-01-01"} <= texts
    for node in root.iter(f"{SVG}image"):
        assert (node.get("href") or "").startswith("data:image/png;base64,")
    coasts = max(len(node.get("d") or "") for node in root.iter(f"{SVG}path"))
    assert coasts > 20_000
    assert not any(name.startswith("on") for node in root.iter() for name in node.attrib)


def test_the_slice_as_files(shown: Page) -> None:
    ds = globe()
    with xr.open_dataset(io.BytesIO(saved(shown, "Save the slice as NetCDF"))) as taken:
        np.testing.assert_array_equal(taken.field.values, ds.field[0].values)
        assert taken.field.attrs["units"] == "m"
    table = pd.read_csv(io.BytesIO(saved(shown, "Save the slice as CSV")))
    np.testing.assert_array_equal(table.field.to_numpy().reshape(36, 72), ds.field[0].values)


def test_a_page_with_working_sliders(shown: Page, context: BrowserContext, tmp_path: Path) -> None:
    (tmp_path / "view.html").write_bytes(saved(shown, "Save a page with working sliders"))
    alone = context.new_page()
    alone.goto((tmp_path / "view.html").as_uri())
    alone.wait_for_selector("[data-portal-frame]")
    alone.locator("input[type=range]").press("End")
    alone.wait_for_selector("[data-portal-frame*='\"time\":3']")
    alone.close()


def test_the_code_and_the_cell_make_this_view(shown: Page) -> None:
    shown.keyboard.press("Escape")
    shown.locator("input[type=range]").press("ArrowRight")
    shown.wait_for_selector("[data-portal-frame*='\"time\":1']")
    opened(shown)
    names: dict[str, Any] = {"ds": globe()}
    exec(copied(shown, "Copy the xarray code of this view"), names)
    np.testing.assert_array_equal(names["view"].values, globe().field[1].values)
    cell = copied(shown, "Copy a notebook cell of this view")
    made: dict[str, Any] = {"ds": globe()}
    exec(cell.replace("portal.view(", "shown = portal.view("), made)
    assert made["shown"].state["index"] == {"time": 1}


def test_a_link_opens_the_page_at_the_same_view(quiet_page: Page, tmp_path: Path) -> None:
    address = save_page(globe(), tmp_path / "page.html").as_uri()
    quiet_page.goto(address)
    quiet_page.wait_for_selector("[data-portal-frame]")
    quiet_page.locator("input[type=range]").press("End")
    quiet_page.wait_for_selector("[data-portal-frame*='\"time\":3']")
    opened(quiet_page)
    link = copied(quiet_page, "Copy a link")
    assert re.fullmatch(re.escape(address) + r"#view=[\w-]+&of=\w+", link)
    quiet_page.goto("about:blank")
    quiet_page.goto(link)
    quiet_page.wait_for_selector("[data-portal-frame*='\"time\":3']")
    quiet_page.goto("about:blank")
    quiet_page.goto(f"{address}#view=!!!")
    quiet_page.wait_for_selector("[data-portal-frame*='\"time\":0']")


def test_a_link_opens_a_live_view(quiet_page: Page) -> None:
    with bare(quiet_page, portal.view(globe())) as served:
        opened(quiet_page)
        quiet_page.keyboard.press("Escape")
        quiet_page.locator("input[type=range]").press("End")
        quiet_page.wait_for_selector("[data-portal-frame*='\"time\":3']")
        opened(quiet_page)
        link = copied(quiet_page, "Copy a link")
        fragment = link.removeprefix(served.url)
        assert re.fullmatch(r"#view=[\w-]+&of=\w+", fragment)
        fresh = Bare(portal.view(globe()))
        quiet_page.goto(fresh.url + fragment)
        quiet_page.wait_for_selector("[data-portal-frame*='\"time\":3']")
        quiet_page.goto("about:blank")
        fresh.end()


def small(page: Page) -> None:
    page.get_by_label("Width (pixels)").fill("320")
    page.get_by_label("Last step").fill("3")
    page.get_by_label("Frames per second").fill("5")


def test_a_gif_has_its_frames(shown: Page) -> None:
    small(shown)
    image = Image.open(io.BytesIO(saved(shown, "Save as GIF")))
    assert (image.n_frames, image.width) == (3, 320)
    seen = []
    for i in range(3):
        image.seek(i)
        assert image.info["duration"] == 200
        seen.append(image.convert("RGB").copy())
    # Zeros are north-west, then south-east, then south-west.
    first, second, third = (middle(image, 0) for image in seen)
    assert first[0] + 20 < second[0] == pytest.approx(third[0], abs=3)
    assert first[1] == pytest.approx(third[1], abs=3)
    assert first[1] + 40 < second[1]
    shown.wait_for_selector("[data-portal-frame*='\"time\":0']")


def test_an_mp4_has_its_samples_or_says_why_not(shown: Page) -> None:
    small(shown)
    data: list[bytes] = []
    shown.on("download", lambda d: data.append(Path(d.path()).read_bytes()))
    shown.get_by_role("button", name="Save as MP4").press("Enter")
    shown.wait_for_selector(BUSY)
    shown.wait_for_selector(BUSY, state="detached")
    said = shown.inner_text(STATUS)
    if said.startswith("This browser has no encoder"):
        assert said.endswith("Save a GIF instead.")
        return
    assert said.startswith("Saved ")
    (movie,) = data
    assert movie[4:8] == b"ftyp"
    at = movie.index(b"stsz")
    assert struct.unpack(">I", movie[at + 12 : at + 16]) == (3,)


def test_a_movie_can_be_cancelled(shown: Page) -> None:
    shown.evaluate(
        """() => new MutationObserver((_, watch) => {
            const stop = [...document.querySelectorAll('button')].find(b => b.textContent === 'Cancel');
            if (!stop.hidden) { watch.disconnect(); stop.click(); }
        }).observe(document.querySelector('.portal-viewer-take'), {attributes: true, subtree: true})"""
    )
    shown.get_by_role("button", name="Save as GIF").press("Enter")
    shown.wait_for_function(f"document.querySelector('{STATUS}').textContent === 'Cancelled.'")
    assert shown.get_by_role("button", name="Cancel").is_hidden()


@pytest.mark.parametrize(
    ("field", "value", "button", "said"),
    [
        ("Width (cm)", "0", "Save as PNG", "Width (cm) takes 2 to 100."),
        ("Dots per inch", "", "Save as SVG", "Dots per inch takes 36 to 1200."),
        ("Last step", "0", "Save as GIF", "Last step takes 1 to 4."),
        ("First step", "4", "Save as GIF", "The last step comes before the first."),
    ],
)
def test_what_cannot_be_made_is_said(
    shown: Page, field: str, value: str, button: str, said: str
) -> None:
    shown.get_by_label("Last step").fill("3")
    shown.get_by_label(field).fill(value)
    shown.get_by_role("button", name=button).press("Enter")
    shown.wait_for_function(
        "([s, said]) => document.querySelector(s).textContent === said", arg=[STATUS, said]
    )


def test_a_picture_too_large_for_the_browser_is_refused(shown: Page) -> None:
    shown.get_by_label("Width (cm)").fill("100")
    shown.get_by_label("Dots per inch").fill("1200")
    shown.get_by_role("button", name="Save as PNG").press("Enter")
    shown.wait_for_selector(BUSY, state="detached")
    assert "too many for a browser" in shown.inner_text(STATUS)


def test_names_and_keys(shown: Page) -> None:
    unnamed = shown.evaluate(
        """() => [...document.querySelectorAll('.portal-viewer-take :is(input, select, button, textarea)')]
            .filter(e => !e.ariaLabel && !(e.labels && e.labels.length) && !e.textContent).length"""
    )
    assert unnamed == 0
    shown.get_by_label("Width (cm)").press("Escape")
    assert shown.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert shown.get_by_role("group", name="Save").is_hidden()
