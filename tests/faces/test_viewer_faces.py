"""The viewer in Panel and Voilà, and in notebooks that are saved: real servers, a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.faces.lab import LONG, Lab, output, run_cell
from tests.faces.notebook import Notebook
from tests.faces.panel import panel_serve
from tests.faces.voila import Served, write_page
from tests.helpers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

#: Milliseconds: a page starts a kernel, on a machine that may be busy.
PAGE = 120_000
DATA = """\
import numpy as np
import xarray as xr

import portal

ds = xr.Dataset(
    {"t": (("time", "lat", "lon"), np.arange(10_800.0).reshape(6, 30, 60), {"units": "K"})},
    {
        "lat": ("lat", np.linspace(-87, 87, 30), {"units": "degrees_north"}),
        "lon": ("lon", np.linspace(-177, 177, 60), {"units": "degrees_east"}),
    },
)
"""
APP = f"""\
import panel as pn

{DATA}
pn.extension()
pane = portal.view(ds, title="First").panel()
said = pn.widgets.StaticText(name="Said")
pane.param.watch(lambda event: setattr(said, "value", f"time {{event.new['index']}}"), "state")
jump = pn.widgets.Button(name="Jump")
jump.on_click(lambda _: setattr(pane, "state", pane.state | {{"index": {{"time": 5}}}}))
pn.Column(pane, said, jump).servable()
"""


def stepped(viewer: Locator, slider: str = "time") -> None:
    """Hold a view to having a picture, and to stepping when a key is pressed."""
    from playwright.sync_api import expect

    expect(viewer).to_have_attribute("data-portal-frame", re.compile('"time":0'), timeout=PAGE)
    viewer.get_by_role("slider", name=slider).press("ArrowRight")
    expect(viewer).to_have_attribute("data-portal-frame", re.compile('"time":1'), timeout=PAGE)


def test_a_view_in_a_panel_app(quiet_page: Page, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with panel_serve(tmp_path, APP) as url:
        quiet_page.goto(url)
        viewer = quiet_page.locator("section.portal-viewer")
        stepped(viewer)
        # What is shown is known to the app, and the app can change it.
        expect(quiet_page.get_by_text("time {'time': 1}")).to_be_visible(timeout=PAGE)
        quiet_page.get_by_role("button", name="Jump").click()
        expect(viewer).to_have_attribute("data-portal-frame", re.compile('"time":5'), timeout=PAGE)


def test_a_view_in_a_voila_page(quiet_page: Page, tmp_path: Path) -> None:
    pages = write_page(tmp_path / "pages", f"{DATA}\nportal.view(ds)")
    served = Served(pages, tmp_path / "home")
    try:
        quiet_page.goto(served.url)
        stepped(quiet_page.locator("section.portal-viewer"))
        quiet_page.goto("about:blank")  # leaves the server before it ends
    finally:
        served.end()


@pytest.fixture(scope="module", params=[Lab, Notebook])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server: Lab = request.param(tmp_path_factory.mktemp("lab"))
    yield server
    server.end()


def pictures(lab: Lab, name: str) -> list[str | None]:
    """Return the picture in the saved output of each cell that has one."""
    saved = nbformat.read(lab.notebooks / name, 4)
    return [o.data.get("image/png") for c in saved.cells for o in c.outputs if "data" in o]


def save(page: Page) -> None:
    page.evaluate("jupyterapp.commands.execute('docmanager:save').then(() => null)")


def test_a_notebook_is_saved_with_the_last_picture_of_its_view(
    context: BrowserContext, lab: Lab, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    name = lab.write("saved.ipynb", f"{DATA}\nwidget = portal.view(ds)\nwidget", "widget.state")
    page = lab.open(context.new_page(), name)
    run_cell(page, 0)
    viewer = output(page, 0).locator("section.portal-viewer")
    expect(viewer).to_have_attribute("data-portal-frame", re.compile('"time":0'), timeout=LONG)
    expect(viewer).to_have_attribute("data-portal-last", "", timeout=LONG)
    save(page)
    (first,) = pictures(lab, name)
    assert first

    # What is shown now is saved, and the live view stays the one it was.
    live = viewer.element_handle()
    viewer.get_by_role("slider", name="time").press("End")
    expect(viewer).to_have_attribute("data-portal-frame", re.compile('"time":5'), timeout=LONG)

    def another() -> bool:
        save(page)
        return pictures(lab, name) != [first]

    wait_until(another)
    assert live is not None
    assert live.evaluate("view => view.isConnected")
    run_cell(page, 1)
    expect(output(page, 1)).to_contain_text("'time': 5", timeout=LONG)

    page.close()

    # The notebook as a page has it too.
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to=html", f"--output-dir={tmp_path}", name],
        cwd=lab.notebooks,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (picture,) = [p for p in pictures(lab, name) if p]
    assert picture.strip() in (tmp_path / "saved.html").read_text()


def test_a_view_says_that_its_kernel_has_gone(context: BrowserContext, lab: Lab) -> None:
    from playwright.sync_api import expect

    # So many steps that the last is not fetched ahead.
    many = DATA.replace("(10_800.0).reshape(6, 30, 60)", "(54_000.0).reshape(300, 15, 12)")
    many = many.replace("87, 30)", "87, 15)").replace("177, 60)", "177, 12)")
    name = lab.write("gone.ipynb", f"{many}\nportal.view(ds)")
    page = lab.open(context.new_page(), name)
    gone = page.locator(".portal-viewer-gone")
    viewer = output(page, 0).locator("section.portal-viewer")

    def restarted() -> None:
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")

    def killed() -> None:
        lab.kernel(name).kill()
        page.get_by_role("dialog").get_by_role("button", name="Ok").click(timeout=LONG)

    def ended() -> None:
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    # Notebook 7 runs the same extension; the loss that nobody asked for is the one to see there.
    for lost in (restarted, killed, ended) if type(lab) is Lab else (killed,):
        run_cell(page, 0)
        expect(gone).to_have_count(0, timeout=LONG)
        expect(viewer).to_have_attribute("data-portal-frame", re.compile("still"), timeout=LONG)
        lost()
        expect(gone).to_have_role("alert", timeout=LONG)
        expect(gone).to_contain_text("stopped or was restarted")
        expect(gone).to_contain_text("Run the cell again")
        # The picture stays; what needs the kernel says so in its place.
        assert viewer.get_attribute("data-portal-frame")
        viewer.get_by_role("slider", name="time").press("End")
        message = viewer.locator(".portal-viewer-message").get_by_role("alert")
        expect(message).to_contain_text("stopped or was restarted", timeout=LONG)
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.ready")
    page.close()
