"""Pictures of every kind of grid, and the references that they are held to on every face."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from PIL import Image

import portal
from tests.viewer.earths import GRIDS, code

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from playwright.sync_api import FloatRect, Locator, Page

    from portal.ui.widgets.viewer import ViewerWidget

    Floats = NDArray[np.float64]

ROOT = Path(__file__).parents[2]
REFERENCES = Path(__file__).with_name("references")
PROJECTIONS = ("plate", "robinson", "orthographic", "north", "south")
#: Seconds for a picture to be drawn, and to be drawn by a kernel on a machine that may be busy.
PATIENCE = 8.0
LONG_PATIENCE = 90.0


def image() -> xr.Dataset:
    """Rows and columns that lie nowhere on the Earth, with a hole."""
    row, column = np.meshgrid(np.arange(90.0), np.arange(140.0), indexing="ij")
    values = np.sin(row / 9) + column / 70
    values[30:45, 60:90] = np.nan
    return xr.Dataset({"field": (("row", "column"), values)})


def ocean() -> xr.Dataset:
    """Depths below a map: sections and profiles."""
    lon, lat = np.arange(1.25, 360, 2.5), np.arange(-88.75, 90, 2.5)
    depth = np.array([0.0, 10, 30, 60, 120, 250, 500])
    field = code(*np.meshgrid(lon, lat)) * np.exp(-depth / 200)[:, None, None]
    down = {"units": "m", "positive": "down"}
    return xr.Dataset(
        {"field": (("depth", "lat", "lon"), field), "profile": ("depth", field[:, 60, 40])},
        {
            "depth": ("depth", depth, down),
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


def series() -> xr.Dataset:
    """Three years of days, a month of which is missing."""
    day = np.arange(1096)
    values = 280 + 10 * np.cos(day / 365.25 * 2 * np.pi)
    values[400:430] = np.nan
    time = np.datetime64("2001-01-01", "ns") + day * np.timedelta64(1, "D")
    return xr.Dataset({"field": ("time", values, {"units": "K"})}, {"time": time})


#: What has no geography: a dataset and the state that shows it.
FLAT: dict[str, tuple[Callable[[], xr.Dataset], dict[str, Any]]] = {
    "image": (image, {}),
    "section": (ocean, {"variable": "field", "x": "lat", "y": "depth", "index": {"lon": 20}}),
    "profile": (ocean, {"variable": "profile"}),
    "series": (series, {}),
}
#: One of each kind; the bare page has more of them.
KINDS = ("rectilinear", "tripolar", "columns", "ugrid")


def projections(grid: str) -> tuple[str, ...]:
    """The projections of a grid, with its rows and columns where it has them."""
    return PROJECTIONS if grid in {"columns", "ugrid"} else (*PROJECTIONS, "grid")


def views() -> list[ViewerWidget]:
    """A view of each of `KINDS`, then one of each of `FLAT`."""
    maps = [portal.view(GRIDS[name]()) for name in KINDS]
    return [*maps, *(portal.view(make(), state=state) for make, state in FLAT.values())]


def plot(viewer: Locator) -> Floats:
    """The box of the first plot as it is on the screen, (height, width, 3)."""
    axes = viewer.locator("[data-portal-plot]").first
    axes.scroll_into_view_if_needed()
    told, at = axes.get_attribute("data-portal-plot"), axes.bounding_box()
    assert told is not None
    assert at is not None
    left, top, width, height = map(float, told.split())
    # A browser draws a canvas that lies between two pixels at the nearer one.
    x, y = int(at["x"] + 0.5) + left, int(at["y"] + 0.5) + top
    clip: FloatRect = {"x": x, "y": y, "width": width, "height": height}
    shot = viewer.page.screenshot(clip=clip)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.float64)


def reference(path: Path) -> Floats:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.float64)


def differs(now: Floats, path: Path) -> str:
    """Say how a picture differs from its reference; nothing where it is the same to the eye."""
    if not path.exists():
        return f"there is no {path.name}"
    then = reference(path)
    if now.shape != then.shape:
        return f"{path.name}: {now.shape} instead of {then.shape}"
    apart = np.abs(now - then).max(axis=-1)
    much = (apart > 48).mean()
    told = f"{path.name}: {much:.2%} of the pixels differ, by {apart.mean():.2f} on average"
    return told if much > 0.02 or apart.mean() > 6 else ""


def until(page: Page, check: Callable[[], str], patience: float = PATIENCE) -> None:
    """Look again and again until nothing is wrong; a picture takes a moment to be drawn."""
    end = time.monotonic() + patience
    while (wrong := check()) and time.monotonic() < end:
        # Its requests are let through meanwhile.
        page.evaluate("new Promise(requestAnimationFrame)")
    assert not wrong, wrong


def write(viewer: Locator, path: Path) -> None:
    """Keep what is seen, once it no longer changes."""
    before, now = None, plot(viewer)
    while before is None or not np.array_equal(before, now):
        viewer.page.wait_for_timeout(300)
        before, now = now, plot(viewer)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(now.astype(np.uint8)).quantize(256).save(path, optimize=True)
