"""What the tests of the viewer share: a dataset that tells its slices apart, and looks at the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from tests.faces.bare import Bare

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

READOUT = ".portal-viewer > .portal-viewer-readout"
PICTURE = ".portal-viewer-stage canvas[role=img]"


def cube(times: int = 40, side: int = 1) -> xr.Dataset:
    """Each slice holds its own number everywhere; another variable holds its negative."""
    lat = np.arange(0.5, 18 * side) * 10 / side - 90
    lon = np.arange(0.5, 36 * side) * 10 / side - 180
    values = np.broadcast_to(
        np.arange(times, dtype=np.float32)[:, None, None], (times, lat.size, lon.size)
    )
    east = values + (lon > 0).astype(np.float32)
    dims = ("time", "lat", "lon")
    return xr.Dataset(
        {"field": (dims, east, {"units": "K"}), "other": (dims, -east, {"units": "K"})},
        {"lat": lat, "lon": lon},
    )


def until(page: Page, expression: str) -> None:
    """Wait until an expression of `frame`, what is painted, is true."""
    page.wait_for_function(
        "expression => { const text = document.querySelector('.portal-viewer').dataset.portalFrame;"
        " const frame = text ? JSON.parse(text) : null;"
        " return frame && new Function('frame', `return ${expression}`)(frame); }",
        arg=expression,
    )


def meanwhile(page: Page, what: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait until ``what()`` is true here, while the page goes on: its requests pass through here."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not so after {seconds} s: {what}"
        page.wait_for_timeout(20)


def asked(served: Bare, **wanted: Any) -> list[dict[str, Any]]:
    """Return the params of the frames that were asked for and have these values."""
    frames = [m["params"] for m in list(served.heard) if m.get("method") == "frame"]
    return [p for p in frames if all(p.get(k) == v for k, v in wanted.items())]


def slider(page: Page, name: str = "time") -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


class Gate:
    """Holds the kernel's frames back until it is opened."""

    def __init__(self, widget: Any) -> None:
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)
        answer = widget._viewer.answer

        def held(request: Any, *more: Any, **options: Any) -> Any:
            self.begun.release()
            assert self.open.wait(20)
            return answer(request, *more, **options)

        widget._viewer.answer = held
