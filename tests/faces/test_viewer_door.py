"""The direct way of a view to its kernel: past the notebook's messages, and what if it is cut."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.faces.lab import LONG, Lab, cell, output, run_cell
from tests.faces.voila import Served, write_page

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, WebSocket, WebSocketRoute

DOORS = re.compile("/portal/api/doors/")
#: So many steps that few of them are fetched ahead.
DATA = """\
from pathlib import Path
import numpy as np
import xarray as xr
import portal

values = np.arange(54_000.0).reshape(300, 15, 12)
ds = xr.Dataset({"t": (("time", "y", "x"), values)})
"""
#: Holds a kernel until something is written into a pipe.
WAIT = "Path({path!r}).read_text()"


def shows(viewer: Locator, number: int) -> None:
    from playwright.sync_api import expect

    frame = re.compile(rf'"time":{number}\b.*"still"')
    expect(viewer).to_have_attribute("data-portal-frame", frame, timeout=LONG)


def has_door(viewer: Locator) -> None:
    from playwright.sync_api import expect

    expect(viewer).to_have_attribute("data-portal-door", "", timeout=LONG)


def opened(page: Page, lab: Lab, name: str, *more: str) -> Locator:
    lab.open(page, lab.write(name, f"{DATA}\nportal.view(ds)", *more))
    run_cell(page, 0)
    viewer = output(page, 0).locator("section.portal-viewer")
    shows(viewer, 0)
    return viewer


def test_a_view_asks_past_the_notebook_and_while_a_cell_runs(
    context: BrowserContext, lab: Lab, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    page = context.new_page()
    by_comm: list[str | bytes] = []

    def sent(frame: str | bytes) -> None:
        by_comm.append(frame)

    def watch(socket: WebSocket) -> None:
        if "/channels" in socket.url:
            socket.on("framesent", sent)

    page.on("websocket", watch)
    pipe = tmp_path / "go"
    os.mkfifo(pipe)
    viewer = opened(page, lab, "door.ipynb", WAIT.format(path=str(pipe)))
    has_door(viewer)
    run_cell(page, 1)
    expect(cell(page, 1).locator(".jp-InputPrompt").first).to_contain_text("*")
    by_comm.clear()
    viewer.get_by_role("slider", name="time").press("End")
    shows(viewer, 299)
    assert not [frame for frame in by_comm if b'"method":"frame"' in _bytes(frame)]
    expect(cell(page, 1).locator(".jp-InputPrompt").first).to_contain_text("*")
    pipe.write_text("go")
    expect(cell(page, 1).locator(".jp-InputPrompt").first).to_contain_text("2", timeout=LONG)
    page.close()


def test_a_view_goes_on_by_the_notebook_when_its_own_way_is_cut(
    context: BrowserContext, lab: Lab
) -> None:
    from playwright.sync_api import expect

    page = context.new_page()
    ways: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        ways.append(socket)

    page.route_web_socket(DOORS, between)
    viewer = opened(page, lab, "cut.ipynb")
    has_door(viewer)
    ways[0].close(code=1011)
    expect(viewer).not_to_have_attribute("data-portal-door", "", timeout=LONG)
    viewer.get_by_role("slider", name="time").press("End")
    shows(viewer, 299)
    assert not page.locator(".portal-viewer-gone").count()
    # After a while another is opened.
    has_door(viewer)
    assert len(ways) == 2
    page.close()


def test_a_view_goes_by_the_notebook_where_there_is_no_other_way(
    context: BrowserContext, lab: Lab
) -> None:
    page = context.new_page()
    page.route_web_socket(DOORS, lambda socket: socket.close(code=1011))
    viewer = opened(page, lab, "none.ipynb")
    viewer.get_by_role("slider", name="time").press("End")
    shows(viewer, 299)
    assert viewer.get_attribute("data-portal-door") is None
    page.close()


def test_on_a_page_of_voilas(quiet_page: Page, tmp_path: Path) -> None:
    """A view moves while a callback holds the kernel, and says at once when the kernel has gone."""
    from playwright.sync_api import expect

    pipe = tmp_path / "go"
    os.mkfifo(pipe)
    source = f"""{DATA}
import ipywidgets
button = ipywidgets.Button(description="Hold")
said = ipywidgets.Label("free")
def hold(_):
    said.value = "held"
    {WAIT.format(path=str(pipe))}
    said.value = "free again"
button.on_click(hold)
ipywidgets.VBox([portal.view(ds), button, said])
"""
    served = Served(write_page(tmp_path / "pages", source), tmp_path / "home")
    try:
        quiet_page.goto(served.url)
        viewer = quiet_page.locator("section.portal-viewer")
        has_door(viewer)
        quiet_page.get_by_role("button", name="Hold").click()
        expect(quiet_page.get_by_text("held", exact=True)).to_be_visible(timeout=LONG)
        viewer.get_by_role("slider", name="time").press("End")
        shows(viewer, 299)
        expect(quiet_page.get_by_text("held", exact=True)).to_be_visible()
        pipe.write_text("go")
        expect(quiet_page.get_by_text("free again")).to_be_visible(timeout=LONG)

        [kernel] = psutil.Process(served.process.pid).children()
        kernel.kill()
        gone = quiet_page.locator(".portal-viewer-gone")
        expect(gone).to_have_role("alert", timeout=LONG)
        viewer.get_by_role("slider", name="time").press("Home")
        expect(viewer.locator(".portal-viewer-message").get_by_role("alert")).to_contain_text(
            "stopped or was restarted", timeout=LONG
        )
        quiet_page.goto("about:blank")
    finally:
        served.end()


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame
