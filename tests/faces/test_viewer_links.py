"""A link to a view, or its cell, shows that very view again: in JupyterLab, Notebook 7 and Voilà."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import portal
from tests.faces.bare import Bare, bare
from tests.faces.conftest import NOTEBOOKS_OWN
from tests.faces.lab import LONG, Lab, output, run_cell
from tests.faces.looks import LONG_PATIENCE, ROOT, plot
from tests.faces.looks import until as soon
from tests.faces.notebook import Notebook
from tests.faces.viewing import until
from tests.faces.voila import Served, write_page
from tests.helpers import wait_until
from tests.viewer.earths import code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Locator, Page

#: Milliseconds: a page starts a kernel, on a machine that may be busy.
PAGE = 120_000
DATA = f"""\
import sys

sys.path.insert(0, {str(ROOT)!r})
import portal
from tests.faces.test_viewer_links import earth
"""
#: Nothing in it is what a view begins with.
STATE: dict[str, Any] = {
    "version": 1,
    "variable": "second",
    "index": {"time": 3},
    "x": None,
    "y": None,
    "window": [-60.0, 80.0, -30.0, 70.0],
    "projection": "plate",
    "center": [0.0, 0.0],
    "color_map": "magma",
    "limits": [-4.0, 3.0],
    "scale": "symlog",
    "coasts": False,
    "compare": None,
    "points": [{"label": "Here", "at": {"lon": 12.5, "lat": 41.25}}],
    "shape": {"kind": "box", "ends": [-20.0, 0.0, 30.0, 40.0]},
    "speed": 3.0,
}
GLOBE = STATE | {"window": None, "projection": "orthographic", "center": [40.0, 20.0]}
BESIDE = {"mode": "difference", "data": "b", "variable": "first"}


def earth(factor: float = 1.0) -> xr.Dataset:
    """Two fields of five times, whose values say where they are."""
    lon, lat = np.arange(-178.75, 180, 2.5), np.arange(88.75, -90, -2.5)
    field = code(*np.meshgrid(lon, lat)) * np.arange(1.0, 6)[:, None, None] * factor
    dims = ("time", "lat", "lon")
    return xr.Dataset(
        {"first": (dims, field), "second": (dims, -field)},
        {
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )


def copied(viewer: Locator, name: str) -> str:
    """What the menu "Save" hands over as text."""
    menu = viewer.locator(".portal-viewer-take")
    menu.locator("summary").press("Enter")
    menu.get_by_role("button", name=name).press("Enter")
    field = menu.get_by_label("Text to copy")
    field.wait_for()
    text = field.input_value()
    field.press("Escape")
    return text


def seen(viewer: Locator, state: dict[str, Any]) -> np.ndarray:
    """Wait until a view shows what a state says, and return its pixels when they rest."""
    shown = {"variable": state["variable"], "index": state["index"], "quality": "still"}
    viewer.page.wait_for_function(
        """([view, shown]) => JSON.stringify(Object.entries(JSON.parse(view.dataset.portalFrame ?? '{}')).sort())
            === JSON.stringify(Object.entries(shown).sort())""",
        arg=[viewer.element_handle(), shown],
        timeout=LONG,
    )
    before, now = None, plot(viewer)
    while before is None or not np.array_equal(before, now):
        before, now = now, plot(viewer)
    return now


def alike(viewer: Locator, then: np.ndarray) -> None:
    """Wait until a view shows these pixels."""

    def wrong() -> str:
        now = plot(viewer)
        if now.shape != then.shape:
            return f"{now.shape} instead of {then.shape}"
        other = (np.abs(now - then).max(axis=-1) > 8).mean()
        return f"{other:.2%} of the pixels differ" if other > 0.001 else ""

    soon(viewer.page, wrong, LONG_PATIENCE)


@pytest.fixture(scope="module", params=[Lab, Notebook])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server: Lab = request.param(tmp_path_factory.mktemp("lab"))
    yield server
    server.end()


def ready(page: Page) -> None:
    """Wait until the notebook that an address names is open, and its kernel too."""
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context", timeout=LONG)
    page.evaluate(
        """async () => {
            await jupyterapp.restored;
            const panel = jupyterapp.shell.currentWidget;
            await panel.context.ready;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
        }"""
    )


def said(page: Page, index: int) -> Any:
    """Run a cell that prints JSON."""
    run_cell(page, index)
    text = output(page, index).locator(".jp-OutputArea-output").last
    text.wait_for(timeout=LONG)
    return json.loads(text.inner_text())


def test_a_link_opens_a_notebook_with_that_view(context: BrowserContext, lab: Lab) -> None:
    # The widgets' own manager tells the console of every saved view whose kernel has gone.
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error.stack or error)))
    (lab.notebooks / "of mine").mkdir(exist_ok=True)
    name = lab.write(
        "of mine/some looks.ipynb",
        f"{DATA}\nother, one = portal.view(earth(2), title='Twice'), portal.view(earth())\n"
        "display(other, one)",
        f"one.state = {STATE!r}",
        "import json\nprint(json.dumps([other.state['variable'], one.state]))",
    )
    lab.open(page, name)
    run_cell(page, 0)
    viewer = output(page, 0).locator("section.portal-viewer").nth(1)
    viewer.and_(page.locator("[data-portal-frame]")).wait_for(timeout=LONG)
    run_cell(page, 1)
    then = seen(viewer, STATE)
    link = copied(viewer, "Copy a link")
    assert lab.token not in link
    assert re.fullmatch(re.escape(lab.url) + r"\w+(/tree)?/of%20mine/some%20looks\.ipynb#.+", link)
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.evaluate("jupyterapp.commands.execute('docmanager:save').then(() => null)")

    # The kernel is another one, and the cell says nothing of the state.
    page.goto("about:blank")
    page.goto(link)
    ready(page)
    run_cell(page, 0)
    alike(viewer, then)
    assert seen(viewer, STATE).shape == then.shape
    # The kernel knows what is shown; the view of another title is left alone.
    wait_until(lambda: said(page, 2) == ["first", STATE])

    # What is shown later is not taken back when the cell is run again.
    assert "#" not in page.url
    run_cell(page, 0)
    seen(viewer, {"variable": "first", "index": {"time": 0}})
    page.close()
    assert not [error for error in thrown if not NOTEBOOKS_OWN.search(error)]


def test_a_link_opens_a_voila_page_with_that_view(quiet_page: Page, tmp_path: Path) -> None:
    page = quiet_page
    source = f"{DATA}\ndisplay(portal.view(earth(2), title='Twice'), portal.view(earth()))"
    served = Served(write_page(tmp_path / "pages", source), tmp_path / "home")
    try:
        page.goto(served.url)
        other, viewer = (page.locator("section.portal-viewer").nth(n) for n in (0, 1))
        viewer.and_(page.locator("[data-portal-frame]")).wait_for(timeout=PAGE)
        viewer.get_by_label("Variable", exact=True).select_option("second")
        viewer.get_by_role("slider", name="time").press("End")
        viewer.get_by_label("Projection").select_option("robinson")
        viewer.get_by_role("button", name="Coasts and borders").click()
        shown = {"variable": "second", "index": {"time": 4}}
        then = seen(viewer, shown)
        link = copied(viewer, "Copy a link")
        assert "token" not in link
        page.goto("about:blank")
        page.goto(link)
        viewer.and_(page.locator("[data-portal-frame]")).wait_for(timeout=PAGE)
        alike(viewer, then)
        seen(viewer, shown)
        seen(other, {"variable": "first", "index": {"time": 0}})
        page.goto("about:blank")
    finally:
        served.end()


@pytest.mark.parametrize("state", [STATE, GLOBE, STATE | {"compare": BESIDE}])
def test_a_link_and_a_cell_show_the_very_view(quiet_page: Page, state: dict[str, Any]) -> None:
    ds, other = earth(), earth(2)
    page = quiet_page
    first = portal.view(ds, compare=other, state=state)
    fresh: dict[str, Any] = {"ds": ds, "other": other}
    compared = portal.view(ds, compare=other)
    with bare(page, first) as served:
        viewer = page.locator("section.portal-viewer")
        then = seen(viewer, state)
        link = copied(viewer, "Copy a link")
        cell = copied(viewer, "Copy a notebook cell of this view")
        address, fragment = link.split("#")
        assert address == served.url

        again = Bare(compared)
        try:
            page.goto(f"{again.url}#{fragment}")
            alike(viewer, then)
            soon(page, lambda: "" if compared.state == state else str(compared.state))
        finally:
            page.goto("about:blank")
            again.end()

        exec(cell.replace("portal.view(", "view = portal.view("), fresh)
        assert fresh["view"].state == state
        again = Bare(fresh["view"])
        try:
            page.goto(again.url)
            alike(viewer, then)
        finally:
            page.goto("about:blank")
            again.end()


def test_a_link_is_taken_where_the_page_is_open(quiet_page: Page) -> None:
    widget = portal.view(earth())
    with bare(quiet_page, widget) as served:
        viewer = quiet_page.locator("section.portal-viewer")
        seen(viewer, {"variable": "first", "index": {"time": 0}})
        viewer.get_by_role("slider", name="time").press("End")
        until(quiet_page, "frame.index.time === 4")
        link = copied(viewer, "Copy a link")
        viewer.get_by_role("slider", name="time").press("Home")
        until(quiet_page, "frame.index.time === 0")
        assert link.startswith(served.url)
        quiet_page.evaluate("link => { location.href = link; }", link)
        until(quiet_page, "frame.index.time === 4")
        # It is one view's, and taken once.
        viewer.get_by_role("slider", name="time").press("Home")
        soon(quiet_page, lambda: "" if widget.state["index"] == {"time": 0} else "not yet")
        quiet_page.evaluate(
            "() => { undo(); host.replaceChildren();"
            " return import('./widget.js').then(({default: w}) => { w.render({model, el: host}); }); }"
        )
        until(quiet_page, "frame.index.time === 0")
