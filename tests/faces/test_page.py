"""The self-contained page, in a real browser: the right pixels at the right places."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from portal.errors import InvalidInput, InvalidParameter, TooLarge
from portal.ui.page import page as make_page
from portal.ui.page import page_to_take, save_page
from portal.viewer import COLOR_MAPS
from portal.viewer.state import ViewState

if TYPE_CHECKING:
    from playwright.sync_api import Page

FRAME = "[data-portal-frame]"


def globe(*, falling: bool, from_zero: bool) -> xr.Dataset:
    """Two times; the north-west quarter is 0, north-east 1, south-west 2, south-east 3; then swapped."""
    lat = np.arange(-87.5, 90, 5.0)
    lon = np.arange(2.5, 360, 5.0) if from_zero else np.arange(-177.5, 180, 5.0)
    lat = lat[::-1] if falling else lat
    east = ((lon + 180) % 360 - 180) > 0
    quarters = np.where(lat[:, None] > 0, 0.0, 2.0) + east[None, :]
    return xr.Dataset(
        {
            "field": (
                ("time", "lat", "lon"),
                np.stack([quarters, 3 - quarters]),
                {"long_name": "Quarter", "units": "m"},
            )
        },
        {
            "time": np.array(["2001-01-01", "2001-02-01"], "M8[ns]"),
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


def opened(page: Page, path: Path) -> Page:
    page.goto(path.as_uri())
    page.wait_for_selector(FRAME)
    return page


def plot(page: Page) -> tuple[float, float, float, float]:
    text = page.get_attribute("canvas", "data-portal-plot")
    assert text is not None
    left, top, width, height = map(float, text.split())
    return left, top, width, height


def place(page: Page, lat: float, lon: float) -> tuple[float, float]:
    left, top, width, height = plot(page)
    return left + (lon + 180) / 360 * width, top + (90 - lat) / 180 * height


def color_at(page: Page, lat: float, lon: float) -> tuple[int, ...]:
    x, y = place(page, lat, lon)
    left, top, _, _ = plot(page)
    read = """([x, y]) => {
        const canvas = document.querySelector('.portal-viewer-cells');
        const ratio = canvas.width / canvas.clientWidth;
        const cell = [...canvas.getContext('2d').getImageData(x * ratio, y * ratio, 1, 1).data];
        const behind = getComputedStyle(canvas).backgroundColor.match(/\\d+/g).map(Number);
        return cell[3] ? cell : behind;
    }"""
    return tuple(page.evaluate(read, [x - left, y - top])[:3])


def expected_color(value: float) -> tuple[int, ...]:
    """Colour of a value between the limits 0 and 3 in viridis."""
    table = COLOR_MAPS["viridis"]
    points = [
        [int(table[i + j : i + j + 2], 16) for j in (0, 2, 4)] for i in range(0, len(table), 6)
    ]
    at = min(int(value / 3 * 256), 255) / 255 * (len(points) - 1)
    return tuple(
        round(float(np.interp(at, np.arange(len(points)), [p[c] for p in points])))
        for c in range(3)
    )


QUARTERS = {0: (45, -90), 1: (45, 90), 2: (-45, -90), 3: (-45, 90)}


@pytest.mark.parametrize("falling", [True, False])
@pytest.mark.parametrize("from_zero", [True, False])
def test_places_have_their_colours(
    quiet_page: Page, tmp_path: Path, falling: bool, from_zero: bool
) -> None:
    ds = globe(falling=falling, from_zero=from_zero)
    opened(quiet_page, save_page(ds, tmp_path / "page.html", title="Quarters"))
    for value, (lat, lon) in QUARTERS.items():
        np.testing.assert_allclose(
            color_at(quiet_page, lat, lon), expected_color(value), atol=1, err_msg=f"{lat}, {lon}"
        )


def test_a_slider_changes_the_frame_by_keyboard(quiet_page: Page, tmp_path: Path) -> None:
    ds = globe(falling=True, from_zero=True)
    opened(quiet_page, save_page(ds, tmp_path / "page.html"))
    slider = quiet_page.get_by_role("slider", name="time")
    assert slider.get_attribute("aria-valuetext") == "2001-01-01"
    slider.press("ArrowRight")
    shown = {"variable": "field", "index": {"time": 1}, "quality": "still"}
    text = json.dumps(shown, separators=(",", ":"))
    quiet_page.wait_for_selector(f"[data-portal-frame='{text}']")
    assert slider.get_attribute("aria-valuetext") == "2001-02-01"
    assert quiet_page.inner_text("output") == "2001-02-01"
    for value, (lat, lon) in QUARTERS.items():
        np.testing.assert_allclose(
            color_at(quiet_page, lat, lon), expected_color(3 - value), atol=1
        )


def test_hover_says_value_units_and_place(quiet_page: Page, tmp_path: Path) -> None:
    ds = globe(falling=True, from_zero=True)
    opened(quiet_page, save_page(ds, tmp_path / "page.html"))
    x, y = place(quiet_page, -42.5, 92.5)
    quiet_page.hover("canvas", position={"x": x, "y": y})
    readout = quiet_page.locator(".portal-viewer-readout")
    assert readout.inner_text() == "3 m at 42.5°S, 92.5°E"
    quiet_page.hover("h3")
    assert readout.inner_text().strip() == ""
    quiet_page.focus("canvas")
    quiet_page.keyboard.press("ArrowUp")
    assert re.fullmatch(r"\d m at [\d.]+°[NS], [\d.]+°[EW]", readout.inner_text())


def test_missing_values_are_said_and_shown(quiet_page: Page, tmp_path: Path) -> None:
    ds = globe(falling=True, from_zero=True)
    ds["field"] = ds.field.where((ds.lat < 0) & (ds.time == ds.time[0]))
    opened(quiet_page, save_page(ds, tmp_path / "page.html"))
    x, y = place(quiet_page, 42.5, 92.5)
    quiet_page.hover("canvas", position={"x": x, "y": y})
    assert quiet_page.inner_text(".portal-viewer-readout") == "no data at 42.5°N, 92.5°E"
    assert color_at(quiet_page, 45, 90) == (233, 233, 233)
    quiet_page.get_by_role("slider", name="time").press("End")
    alert = quiet_page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "No data in this slice."


def test_a_series_has_a_line_and_a_gap(quiet_page: Page, tmp_path: Path) -> None:
    times = np.arange("2000-01", "2010-01", dtype="M8[M]").astype("M8[ns]")
    values = np.sin(np.arange(times.size) / 9)
    values[40:60] = np.nan
    ds = xr.Dataset({"wave": ("time", values, {"units": "V"})}, {"time": times})
    opened(quiet_page, save_page(ds, tmp_path / "page.html"))
    left, top, width, height = plot(quiet_page)
    readout = quiet_page.locator(".portal-viewer-readout")
    quiet_page.hover("canvas", position={"x": left + width * 0.42, "y": top + height / 2})
    assert readout.inner_text().startswith("no data at time 2004-")
    quiet_page.hover("canvas", position={"x": left + 1, "y": top + height / 2})
    assert readout.inner_text() == "0 V at time 2000-01-01"


def test_what_cannot_be_shown_says_why(quiet_page: Page, tmp_path: Path) -> None:
    ds = globe(falling=True, from_zero=True).assign(words=("n", ["a", "b"]))
    opened(quiet_page, save_page(ds, tmp_path / "page.html"))
    quiet_page.get_by_label("Variable").select_option("words")
    alert = quiet_page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text().startswith("It holds text")
    quiet_page.get_by_label("Variable").select_option("field")
    quiet_page.wait_for_selector(FRAME)
    assert alert.is_hidden()


NASTY = '</script><script>window.bad = 1</script><img src=x onerror="window.bad = 2">'


def test_text_of_records_stays_text(quiet_page: Page, tmp_path: Path) -> None:
    ds = globe(falling=True, from_zero=True).rename(field=NASTY)
    ds[NASTY].attrs = {"long_name": NASTY, "units": NASTY}
    opened(quiet_page, save_page(ds, tmp_path / "page.html", title=NASTY))
    assert quiet_page.evaluate("window.bad") is None
    assert quiet_page.locator("img").count() == 0
    assert NASTY in quiet_page.inner_text("h3")
    assert quiet_page.title() == NASTY


def test_the_policy_forbids_the_outside(quiet_page: Page, tmp_path: Path) -> None:
    opened(quiet_page, save_page(globe(falling=True, from_zero=True), tmp_path / "page.html"))
    # An unhandled refusal would be a console error: the page itself asks for nothing.
    policy = quiet_page.get_attribute("meta[http-equiv]", "content")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize("width", [320, 1200])
def test_it_fits_the_window(quiet_page: Page, tmp_path: Path, width: int) -> None:
    quiet_page.set_viewport_size({"width": width, "height": 700})
    opened(quiet_page, save_page(globe(falling=True, from_zero=True), tmp_path / "page.html"))
    assert quiet_page.evaluate("document.documentElement.scrollWidth") <= width
    _, _, across, height = plot(quiet_page)
    assert across / height == pytest.approx(2, rel=0.05)


def test_every_control_has_a_name(quiet_page: Page, tmp_path: Path) -> None:
    ds = globe(falling=True, from_zero=True).assign(other=("n", [1.0, 2.0]))
    opened(quiet_page, save_page(ds, tmp_path / "page.html"))
    unnamed = quiet_page.evaluate(
        """() => [...document.querySelectorAll('select, input, canvas, button')].filter(
            e => e.checkVisibility() && !e.ariaLabel && !e.ariaHidden && !e.textContent.trim()
                && !(e.labels && e.labels.length)).length"""
    )
    assert unnamed == 0
    focusable = quiet_page.locator("select, input, canvas[tabindex]")
    for i in range(focusable.count()):
        assert focusable.nth(i).get_attribute("data-lm-suppress-shortcuts") == "true"


def noise(times: int, side: int) -> xr.Dataset:
    values = np.random.default_rng(1).normal(size=(times, side, side)).astype(np.float32)
    return xr.Dataset({"noise": (("step", "y", "x"), values)})


def held(text: str) -> dict[str, Any]:
    found = re.search(r'id="portal-page-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_a_large_dataset_is_reduced_and_the_page_says_so() -> None:
    text = make_page(noise(20, 600), max_bytes=1_000_000)
    assert len(text.encode()) <= 1_000_000
    content = held(text)
    assert len(content["frames"]["noise"]) == 20
    assert content["notes"][0].startswith("Pictures are reduced to at most")


def test_what_is_too_large_to_read_whole_is_refused() -> None:
    huge = xr.Dataset({"v": (("t", "y", "x"), da.zeros((10_000, 500, 500), chunks=(1, 500, 500)))})
    with pytest.raises(TooLarge, match="would read it whole"):
        page_to_take(huge, ViewState(variable="v"), "")


def test_a_geometry_is_held_once() -> None:
    content = held(make_page(globe(falling=True, from_zero=False)))
    frames = content["frames"]["field"]
    assert len(frames) == 2
    (key,) = content["geometries"]
    assert set(content["geometries"][key]["header"]["arrays"]) >= {"x_edges", "y_edges"}
    for frame in frames.values():
        assert frame["header"]["geometry"] == key
        assert set(frame["header"]["arrays"]) == {"cells"}
        assert "x" not in frame["header"]


def test_many_steps_are_thinned_and_the_page_says_so() -> None:
    text = make_page(noise(2_000, 20), max_bytes=600_000)
    assert len(text.encode()) <= 600_000
    content = held(text)
    assert 10 <= len(content["frames"]["noise"]) < 2_000
    assert content["notes"][0].startswith("Of 2,000 steps of step, ")


def test_what_is_left_out_is_named() -> None:
    ds = noise(100, 20).assign(
        second=("t", np.zeros(3)), third=noise(1_000, 4).noise.rename(step="s", y="j", x="i")
    )
    content = held(make_page(ds, max_bytes=900_000))
    assert set(content["frames"]) == {"noise", "second"}
    assert content["notes"][0] == "Not held by this page, for its size: third."


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (np.zeros(3), {}, InvalidInput, "needs an xarray Dataset or DataArray"),
        (xr.Dataset(), {}, InvalidParameter, "nothing to show"),
        (noise(1, 3), {"variable": "nope"}, InvalidParameter, "no variable 'nope'"),
        (noise(1, 300), {"max_bytes": 30_000}, TooLarge, "does not fit"),
    ],
)
def test_bad_input(
    data: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make_page(data, **options)
